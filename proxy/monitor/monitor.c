/* SPDX-License-Identifier: ISC */
/*
 * monitor: the loop, and what signals mean.
 *
 * A turn: sleep until something is due; take signals, control requests and workers' words, which only note things
 * down; then act on what was noted. So no handler ever changes what another one is looking at.
 */
#include "proxy/monitor/monitor.h"

#include "base/clock.h"
#include "base/mem.h"
#include "proxy/monitor/log_files.h"
#include "proxy/monitor/monitor_state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void
reopen_logs(struct monitor *m)
{
	for (struct resource *r = m->resources.first; r; r = r->next) {
		struct err e = ERR_INIT;

		if (r->kind != RESOURCE_LOG)
			continue;
		if (log_files_reopen(r, &e) < 0) {
			announce_err(&m->announcer, LOG_LEVEL_EMERG, &e);
			err_release(&e);
			continue;
		}
		for (size_t i = 0; i < m->worker_count; i++)
			worker_process_replace(m->workers[i], r);
	}
	monitor_follow_log(m);
}

/* Nobody is accepted any more; what the workers have under way they finish. */
static void
begin_drain(struct monitor *m)
{
	if (m->phase >= MONITOR_DRAINING)
		return;
	m->phase = MONITOR_DRAINING;
	/* A successor may want the socket while we finish. */
	control_free(m->control);
	m->control = NULL;
	m->resources.keep_socket_files = succession_shares_sockets(&m->succession);
	edition_close_listeners(m->current);
	workers_tell(m, CHANNEL_DRAIN);
	if (m->current->snapshot->main.worker_shutdown_timeout_ms)
		m->stop_deadline_ms = clock_mono_ms() + STOP_TIMEOUT_MS +
				      m->current->snapshot->main.worker_shutdown_timeout_ms;
}

static void
begin_stop(struct monitor *m)
{
	if (m->phase == MONITOR_STOPPING)
		return;
	m->phase = MONITOR_STOPPING;
	m->resources.keep_socket_files = succession_shares_sockets(&m->succession);
	edition_close_listeners(m->current);
	workers_tell(m, CHANNEL_STOP);
	m->stop_deadline_ms = clock_mono_ms() + STOP_TIMEOUT_MS;
}

/* What each signal is for, in the words of the log. */
static const struct signal_action {
	int number;
	const char *name;
	const char *action; /* NULL: too frequent or too plain to be told */
} signal_actions[] = {
	{ SIGHUP, "SIGHUP", ", reconfiguring" },
	{ SIGQUIT, "SIGQUIT", ", shutting down" },
	{ SIGTERM, "SIGTERM", ", exiting" },
	{ SIGINT, "SIGINT", ", exiting" },
	{ SIGUSR1, "SIGUSR1", ", reopening logs" },
	{ SIGUSR2, "SIGUSR2", ", changing binary" },
	{ SIGWINCH, "SIGWINCH", ", shutting down workers" },
	{ SIGCHLD, "SIGCHLD", NULL },
};

#define SIGNAL_COUNT (sizeof(signal_actions) / sizeof(signal_actions[0]))

static void
take_signal(struct monitor *m, const struct signalfd_siginfo *info)
{
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		const struct signal_action *a = &signal_actions[i];

		if (a->number == (int)info->ssi_signo && a->action)
			announce(&m->announcer, LOG_LEVEL_NOTICE,
			    "signal %d (%s) received from %u%s", a->number, a->name, info->ssi_pid,
			    a->action);
	}
	switch (info->ssi_signo) {
	case SIGHUP:
		if (!succession_resume_workers(m))
			(void)reload_request(m);
		break;
	case SIGQUIT:
		begin_drain(m);
		break;
	case SIGTERM:
	case SIGINT:
		begin_stop(m);
		break;
	case SIGUSR1:
		reopen_logs(m);
		break;
	case SIGUSR2:
		succession_begin(m);
		break;
	case SIGWINCH:
		succession_drain_workers(m);
		break;
	default:
		break; /* children are looked for every turn */
	}
}

static void
take_signals(struct monitor *m)
{
	struct signalfd_siginfo info;

	while (read(m->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		take_signal(m, &info);
}

static int
open_signals(struct monitor *m)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(&set, signal_actions[i].number);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -1;
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return m->signal_fd < 0 ? -1 : 0;
}

static int
sleep_ms(const struct monitor *m)
{
	int64_t due = workers_deadline_ms(m), now;

	due = deadline_min(due, m->status_deadline_ms);
	due = deadline_min(due, list_deadline_ms(m));
	due = deadline_min(due, drain_deadline_ms(m));
	due = deadline_min(due, m->stop_deadline_ms);
	due = deadline_min(due, m->reload.deadline_ms);
	due = deadline_min(due, m->tickets_due_ms);
	if (m->watch && m->reload.step == RELOAD_IDLE)
		due = deadline_min(due, certificate_watch_due_ms(m->watch));
	if (m->control)
		due = deadline_min(due, control_deadline_ms(m->control));
	if (!due)
		return -1;
	now = clock_mono_ms();
	if (due <= now)
		return 0;
	return due - now > 60000 ? 60000 : (int)(due - now);
}

static void
wait_and_take(struct monitor *m)
{
	size_t room = 2 + m->worker_count + CONTROL_CLIENTS + 1, n = 0, controls = 0;
	struct pollfd *fds = mem_zalloc(room * sizeof(*fds));
	size_t workers;

	fds[n++] = (struct pollfd){ .fd = m->signal_fd, .events = POLLIN };
	if (m->watch)
		fds[n++] =
		    (struct pollfd){ .fd = certificate_watch_fd(m->watch), .events = POLLIN };
	workers = n;
	for (size_t i = 0; i < m->worker_count; i++) {
		const struct worker_process *w = m->workers[i];

		/* poll(2) passes over descriptors below 0. */
		fds[n++] = (struct pollfd){
			.fd = w->sock,
			.events = (short)(POLLIN | (worker_process_wants_write(w) ? POLLOUT : 0)),
		};
	}
	if (m->control)
		controls = control_poll(m->control, fds + n);
	if (poll(fds, n + controls, sleep_ms(m)) >= 0) {
		for (size_t i = 0; i < m->worker_count; i++) {
			if (fds[workers + i].revents)
				(void)worker_process_ready(m->workers[i], &m->announcer.log);
		}
		if (m->control)
			control_ready(m->control, fds + n, controls);
		if (m->watch && fds[1].revents)
			certificate_watch_read(m->watch);
		if (fds[0].revents)
			take_signals(m);
	}
	free(fds);
}

static void
status_turn(struct monitor *m)
{
	bool due = false;

	if (!m->status_ticket)
		return;
	if (!m->status_deadline_ms) {
		workers_tell(m, CHANNEL_STATUS);
		m->status_deadline_ms = clock_mono_ms() + STATUS_TIMEOUT_MS;
	}
	for (size_t i = 0; i < m->worker_count; i++)
		due = due || m->workers[i]->counters_due;
	if (due && clock_mono_ms() < m->status_deadline_ms)
		return;
	report_status(m, m->status_ticket);
	m->status_ticket = 0;
	m->status_deadline_ms = 0;
}

static void
certificates_turn(struct monitor *m)
{
	uint64_t ticket = m->certificates_ticket;

	m->certificates_ticket = 0;
	if (ticket)
		report_certificates(m, ticket);
}

static void
tickets_turn(struct monitor *m)
{
	if (clock_mono_ms() < m->tickets_due_ms)
		return;
	if (m->tickets && ticket_keys_rotate(m->tickets) < 0)
		announce(&m->announcer, LOG_LEVEL_ALERT,
		    "no randomness: the keys of session tickets stay as they are");
	m->tickets_due_ms += TICKET_KEY_INTERVAL_MS;
}

static void
end_turn(struct monitor *m)
{
	bool alive = false;

	if (m->phase < MONITOR_DRAINING)
		return;
	for (size_t i = 0; i < m->worker_count; i++)
		alive = alive || m->workers[i]->state != WORKER_PROCESS_DEAD;
	if (!alive)
		m->done = true;
	else if (m->stop_deadline_ms && clock_mono_ms() >= m->stop_deadline_ms) {
		announce(&m->announcer, LOG_LEVEL_ALERT,
		    "workers did not end in time: killing them");
		workers_kill(m);
		m->stop_deadline_ms = 0;
	}
}

uint64_t
monitor_take_request(void *ctx, const struct control_request *request)
{
	struct monitor *m = ctx;

	switch (request->command) {
	case CONTROL_RELOAD:
		(void)succession_resume_workers(m);
		return reload_request(m);
	case CONTROL_CONNECTIONS:
		return list_request(m, CHANNEL_LIST_CONNECTIONS);
	case CONTROL_UPSTREAMS:
		return list_request(m, CHANNEL_LIST_UPSTREAMS);
	case CONTROL_DRAIN:
	case CONTROL_UNDRAIN:
		return drain_request(m, request);
	case CONTROL_CERTS:
		if (!m->certificates_ticket)
			m->certificates_ticket = ++m->last_ticket;
		return m->certificates_ticket;
	case CONTROL_STATUS:
	default:
		if (!m->status_ticket)
			m->status_ticket = ++m->last_ticket;
		return m->status_ticket;
	}
}

int
monitor_run(const struct monitor_options *options)
{
	struct monitor m = {
		.options = options,
		.announcer = options->announcer,
		.signal_fd = -1,
		.ready_fd = -1,
		.validation_fd = -1,
		.exit_status = 1,
	};

	if (open_signals(&m) < 0) {
		announce(&m.announcer, LOG_LEVEL_EMERG, "signalfd() failed (%d: %s)", errno,
		    strerror(errno));
		return 1;
	}
	if (monitor_start(&m) == 0) {
		while (!m.done) {
			wait_and_take(&m);
			workers_reap(&m);
			workers_turn(&m);
			if (m.phase == MONITOR_STARTING && workers_ready(&m))
				monitor_became_ready(&m);
			watch_turn(&m);
			reload_turn(&m);
			status_turn(&m);
			list_turn(&m);
			drain_turn(&m);
			certificates_turn(&m);
			tickets_turn(&m);
			end_turn(&m);
		}
	}
	monitor_release(&m);
	return m.exit_status;
}
