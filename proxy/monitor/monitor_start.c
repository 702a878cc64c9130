/* SPDX-License-Identifier: ISC */
/*
 * monitor_start: from a command line to workers that serve, and from the last worker to nothing left behind.
 *
 * Order: configuration, files, sockets (everything that is likely to fail, while the caller's terminal is still ours), then
 * the daemon, the control socket, the workers; when all of them have adopted, the pid file.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "proxy/monitor/monitor_state.h"
#include "proxy/monitor/pid_file.h"

#include <openssl/ssl.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BIND_TRIES 5 /* nginx: the predecessor may be on its way out */

/* In the parent: wait for the daemon's word, and leave with it. */
static _Noreturn void
await_daemon(int fd)
{
	sigset_t none;
	ssize_t n;
	char ready;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	do
		n = read(fd, &ready, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

static int
become_daemon(struct monitor *m)
{
	int pair[2], null;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		announce(&m->announcer, LOG_LEVEL_EMERG, "cannot become a daemon (%d: %s)", errno,
		    strerror(errno));
		return -1;
	}
	if (pid > 0) {
		close(pair[1]);
		await_daemon(pair[0]);
	}
	close(pair[0]);
	m->ready_fd = pair[1];
	(void)setsid();
	umask(0022);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	return 0;
}

/* Many hosts mean many sockets and logs; workers inherit the limit. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

struct edition *
monitor_load(struct monitor *m, unsigned bind_tries)
{
	const struct monitor_options *o = m->options;
	int64_t began = clock_mono_ms();
	struct edition *ed = edition_read(&o->config, ++m->last_number, m->current);

	m->load_ms = clock_mono_ms() - began;
	if (ed->diagnostics.errors == 0)
		edition_open(ed, &m->resources, o->stderr_fd, bind_tries);
	announce_diagnostics(&m->announcer, &ed->diagnostics);
	announce_certificates(&m->announcer, &ed->certificates);
	return ed;
}

/* A block may name several. */
static const struct log *
other_logs(struct monitor *m, const struct error_log *el)
{
	size_t count = 0;

	for (const struct error_log *one = el; one; one = one->next)
		count++;
	free(m->other_logs);
	m->other_logs = mem_zalloc((count + 1) * sizeof(*m->other_logs));
	for (size_t i = 0; i < count; i++, el = el->next) {
		m->other_logs[i] = (struct log){
			.fd = edition_log_fd(m->current, el->file),
			.level = el->level,
			.also = i + 1 < count ? &m->other_logs[i + 1] : NULL,
		};
	}
	return count > 0 ? m->other_logs : NULL;
}

void
monitor_follow_log(struct monitor *m)
{
	const struct error_log *el = m->current->snapshot->main.error_log;
	int fd = edition_log_fd(m->current, el->file);

	m->announcer.log = (struct log){ .fd = fd, .level = el->level };
	m->announcer.log.also = other_logs(m, el->next);
	if (span_eq(el->file->path, SPAN("stderr")))
		m->announcer.terminal = false;
	else if (m->phase != MONITOR_STARTING)
		(void)dup2(fd, STDERR_FILENO); /* what libraries and sanitizers have to say */
}

int
monitor_place_pid(struct monitor *m)
{
	char *path = mem_dup_span(m->current->snapshot->main.pid);
	struct err e = ERR_INIT;

	/* The name belongs to the new binary while there is one. */
	if ((m->pid_path && strcmp(m->pid_path, path) == 0) || m->succession.child > 0) {
		free(path);
		return 0;
	}
	if (pid_file_write(path, &e) < 0) {
		announce_err(&m->announcer, LOG_LEVEL_EMERG, &e);
		err_release(&e);
		free(path);
		return -1;
	}
	if (m->pid_path)
		pid_file_remove(m->pid_path);
	free(m->pid_path);
	m->pid_path = path;
	return 0;
}

int
monitor_place_control(struct monitor *m)
{
	const struct control_handler handler = { .request = monitor_take_request, .ctx = m };
	char *path = control_path(&m->current->snapshot->main);
	struct err e = ERR_INIT;
	int rc = 0;

	if (m->control && strcmp(control_socket_path(m->control), path) == 0)
		goto out;
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		announce(&m->announcer, LOG_LEVEL_WARN,
		    "no control socket: its path %s is too long; tinyproxyctl will not work", path);
		goto out;
	}
	if (m->control)
		rc = control_move(m->control, path, &e);
	else
		rc = (m->control = control_new(path, &handler, &e)) ? 0 : -1;
	if (rc < 0)
		announce_err(&m->announcer, LOG_LEVEL_EMERG, &e);
	err_release(&e);
out:
	free(path);
	return rc;
}

/* Without them workers encrypt with keys of their own, and sessions resume where chance leads them. */
static void
make_tickets(struct monitor *m)
{
	m->tickets = ticket_keys_new();
	if (!m->tickets)
		announce(&m->announcer, LOG_LEVEL_WARN,
		    "no shared keys for session tickets (%d: %s)", errno, strerror(errno));
	m->tickets_due_ms = clock_mono_ms() + TICKET_KEY_INTERVAL_MS;
}

static int
make_counters(struct monitor *m)
{
	m->counters = counters_new();
	if (!m->counters)
		announce(&m->announcer, LOG_LEVEL_EMERG, "no memory for counters (%d: %s)", errno,
		    strerror(errno));
	return m->counters ? 0 : -1;
}

int
monitor_start(struct monitor *m)
{
	struct err e = ERR_INIT;
	bool inherited;

	/* Workers could not read its configuration any more. */
	(void)OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL);
	raise_descriptor_limit();
	inherited = succession_inherit(&m->succession, &m->resources);
	if (inherited)
		m->announcer.terminal = false; /* descriptor 2 is the old one's log */
	m->current = monitor_load(m, BIND_TRIES);
	if (m->current->diagnostics.errors)
		return -1;
	if (privileges_find(&m->privileges, m->current->snapshot->main.user,
		m->current->snapshot->main.group, &e) < 0) {
		announce_err(&m->announcer, LOG_LEVEL_EMERG, &e);
		err_release(&e);
		return -1;
	}
	resource_forget_inherited(&m->resources);
	/* The old binary waits for its child: this process. */
	if (m->current->snapshot->main.daemon && !inherited && become_daemon(m) < 0)
		return -1;
	if (edition_seal(m->current, &m->options->config) < 0) {
		announce_diagnostics(&m->announcer, &m->current->diagnostics);
		return -1;
	}
	bundle_hide_from_children(m->current->bundle);
	if (monitor_place_control(m) < 0)
		return -1;
	monitor_follow_log(m);
	if (make_counters(m) < 0)
		return -1;
	make_tickets(m);
	watch_start(m);
	return workers_start(m);
}

void
monitor_became_ready(struct monitor *m)
{
	if (monitor_place_pid(m) < 0) {
		m->done = true;
		return;
	}
	m->phase = MONITOR_SERVING;
	m->announcer.terminal = false;
	m->exit_status = 0;
	/* The first error log has done its work. */
	if (m->options->announcer.log.fd > STDERR_FILENO)
		close(m->options->announcer.log.fd);
	monitor_follow_log(m);
	if (m->current->snapshot->main.daemon)
		/* Who called us may wait for the end of what we say. */
		(void)dup3(STDERR_FILENO, m->options->stderr_fd, O_CLOEXEC);
	if (m->ready_fd >= 0) {
		(void)!write(m->ready_fd, "1", 1);
		close(m->ready_fd);
		m->ready_fd = -1;
	}
	announce(&m->announcer, LOG_LEVEL_NOTICE, "generation %llu is in service",
	    (unsigned long long)m->current->number);
}

void
monitor_release(struct monitor *m)
{
	workers_kill(m);
	m->resources.keep_socket_files = succession_shares_sockets(&m->succession);
	resource_forget_inherited(&m->resources);
	for (size_t i = 0; i < m->worker_count; i++)
		worker_process_free(m->workers[i]);
	free(m->workers);
	drain_release(m);
	control_free(m->control);
	if (m->pid_path) {
		announce(&m->announcer, LOG_LEVEL_NOTICE, "exit");
		pid_file_remove(m->pid_path);
	}
	free(m->pid_path);
	free(m->other_logs);
	ticket_keys_free(m->tickets);
	counters_free(m->counters);
	watch_release(m);
	edition_free(m->reload.candidate);
	edition_free(m->current);
	privileges_release(&m->privileges);
	if (m->signal_fd >= 0)
		close(m->signal_fd);
}
