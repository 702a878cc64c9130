/* SPDX-License-Identifier: ISC */
/*
 * worker_process: fork, talk, bury.
 */
#include "proxy/monitor/worker_process.h"

#include "base/clock.h"
#include "base/mem.h"
#include "proxy/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHILD_CHANNEL 3
#define STEADY_MS 60000      /* a worker that lived this long did not fail at starting */
#define BACKOFF_FIRST_MS 100 /* doubled with each failure in a row, after one for free */
#define BACKOFF_MAX_MS 10000
#define HANGUP_MS 1000
#define LIST_MAX (256 << 10)

struct outgoing {
	struct channel_message message;
	int fd; /* owned copy, or -1 */
	struct outgoing *next;
};

struct worker_process *
worker_process_new(unsigned number, struct counter_slot *counters)
{
	struct worker_process *w = mem_zalloc(sizeof(*w));

	w->number = number;
	w->counters = counters;
	w->sock = -1;
	w->queue_tail = &w->queue;
	for (size_t i = 0; i < CHANNEL_LIST_COUNT; i++)
		buf_init(&w->lists[i].rows, LIST_MAX);
	return w;
}

static void
drop_first(struct worker_process *w)
{
	struct outgoing *o = w->queue;

	w->queue = o->next;
	if (!w->queue)
		w->queue_tail = &w->queue;
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

void
worker_process_free(struct worker_process *w)
{
	if (!w)
		return;
	if (w->pid > 0)
		(void)kill(w->pid, SIGKILL);
	while (w->queue)
		drop_first(w);
	if (w->sock >= 0)
		close(w->sock);
	for (size_t i = 0; i < CHANNEL_LIST_COUNT; i++)
		buf_release(&w->lists[i].rows);
	free(w->refused);
	free(w);
}

/* A failed send is no reason to act: the worker is about to be found dead. */
static void
send_or_queue(struct worker_process *w, const struct channel_message *m, int fd)
{
	struct outgoing *o;

	if (w->sock < 0)
		return;
	if (!w->queue && (channel_send(w->sock, m, fd) == 0 || errno != EAGAIN))
		return;
	o = mem_alloc(sizeof(*o));
	*o = (struct outgoing){ .message = *m, .fd = -1 };
	if (fd >= 0)
		o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	*w->queue_tail = o;
	w->queue_tail = &o->next;
}

static void
flush_queue(struct worker_process *w)
{
	while (w->queue) {
		struct outgoing *o = w->queue;

		if (channel_send(w->sock, &o->message, o->fd) < 0 && errno == EAGAIN)
			return;
		drop_first(w);
	}
}

bool
worker_process_wants_write(const struct worker_process *w)
{
	return w->queue != NULL;
}

void
worker_process_push(struct worker_process *w, enum channel_kind kind, int fd)
{
	const struct channel_message m = { .kind = kind };

	send_or_queue(w, &m, fd);
}

void
worker_process_tell(struct worker_process *w, enum channel_kind kind)
{
	const struct channel_message m = { .kind = kind };

	if (kind == CHANNEL_STATUS)
		w->counters_due = w->sock >= 0;
	if (kind == CHANNEL_DRAIN && w->state != WORKER_PROCESS_DEAD) {
		w->state = WORKER_PROCESS_DRAINING;
		w->deadline_ms = 0;
	}
	send_or_queue(w, &m, -1);
}

void
worker_process_list(struct worker_process *w, enum channel_list what)
{
	const struct channel_message m = { .kind = CHANNEL_LIST, .id = what };

	buf_release(&w->lists[what].rows);
	w->lists[what].cut = false;
	w->lists[what].due = w->sock >= 0;
	send_or_queue(w, &m, -1);
}

void
worker_process_set_peer(struct worker_process *w, uint64_t number, struct span text, bool drained)
{
	struct channel_message m = { .kind = CHANNEL_PEER, .id = drained, .generation = number };

	if (w->sock < 0)
		return;
	memcpy(m.text, text.p, text.n);
	m.text_length = (uint32_t)text.n;
	w->peer_sent = number;
	send_or_queue(w, &m, -1);
}

void
worker_process_forget_list(struct worker_process *w, enum channel_list what)
{
	w->lists[what].due = false;
	buf_release(&w->lists[what].rows);
}

void
worker_process_replace(struct worker_process *w, const struct resource *r)
{
	const struct channel_message m = { .kind = CHANNEL_RESOURCE, .id = r->id };

	if (r->id <= w->last_resource)
		send_or_queue(w, &m, r->fd);
}

void
worker_process_offer(struct worker_process *w, const struct edition *ed, int64_t timeout_ms)
{
	const struct channel_message m = { .kind = CHANNEL_BUNDLE, .generation = ed->number };
	uint32_t highest = w->last_resource;

	for (size_t i = 0; i < ed->resource_count; i++) {
		const struct resource *r = ed->resources[i];
		const struct channel_message rm = { .kind = CHANNEL_RESOURCE, .id = r->id };

		if (r->id > w->last_resource)
			send_or_queue(w, &rm, resource_fd(r, w->number));
		if (r->id > highest)
			highest = r->id;
	}
	w->last_resource = highest;
	w->offered = ed->number;
	free(w->refused);
	w->refused = NULL;
	w->deadline_ms = clock_mono_ms() + timeout_ms;
	send_or_queue(w, &m, ed->bundle_fd);
}

static void
set_signals(void)
{
	/* A terminal's ^C goes to the whole group; only the monitor decides. */
	static const int ignored[] = {
		SIGHUP,
		SIGINT,
		SIGQUIT,
		SIGUSR1,
		SIGUSR2,
		SIGWINCH,
		SIGPIPE,
	};
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
set_limits(uint64_t nofile)
{
	struct rlimit limit = { .rlim_cur = nofile, .rlim_max = nofile };

	if (nofile)
		(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The child: let go of everything but the channel, become somebody harmless, serve. */
static _Noreturn void
run_child(const struct worker_process *w, const struct worker_process_setup *setup, int channel)
{
	const struct worker_options options = {
		.channel = CHILD_CHANNEL,
		.number = w->number,
		.counters = setup->counters,
		.slot = w->counters,
		.tickets = setup->tickets,
	};
	struct err e = ERR_INIT;

	set_limits(setup->rlimit_nofile);
	/* The log's descriptor is among those that are closed then: first what may have to be told. */
	if (privileges_drop(setup->privileges, &e) < 0) {
		log_msg(setup->log, LOG_LEVEL_EMERG, "worker cannot give up privileges: %s",
		    err_text(&e));
		_exit(2);
	}
	/* What libraries and sanitizers have to say; and no terminal or pipe of the caller's is held on to. */
	if (setup->log->fd >= 0)
		(void)dup2(setup->log->fd, STDERR_FILENO);
	if (channel != CHILD_CHANNEL && dup3(channel, CHILD_CHANNEL, O_CLOEXEC) < 0)
		_exit(2);
	(void)close_range(CHILD_CHANNEL + 1, ~0U, 0);
	set_signals();
	exit(worker_main(&options));
}

int
worker_process_start(struct worker_process *w, const struct worker_process_setup *setup,
    struct err *e)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_set_errno(e, errno, "socketpair() failed");
	pid = fork();
	if (pid == 0)
		run_child(w, setup, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_set_errno(e, errno, "fork() failed");
	}
	w->pid = pid;
	w->sock = pair[0];
	w->state = WORKER_PROCESS_STARTING;
	w->adopted = 0;
	w->offered = 0;
	w->rlimit_nofile = setup->rlimit_nofile;
	w->last_resource = 0;
	w->started_ms = clock_mono_ms();
	w->restart_ms = 0;
	w->peer_sent = 0;
	w->peer_set = 0;
	w->counters_due = false;
	return 0;
}

/* What was not asked for, or too much of it, is dropped. */
static void
take_rows(struct worker_process *w, const struct channel_message *m)
{
	struct worker_list *l = m->id < CHANNEL_LIST_COUNT ? &w->lists[m->id] : NULL;

	if (!l || !l->due)
		return;
	if (m->kind == CHANNEL_LISTED) {
		l->due = false;
		l->cut |= m->generation != 0;
	} else if (buf_add(&l->rows, span_of(m->text, m->text_length)) < 0) {
		l->cut = true;
	}
}

static void
take_message(struct worker_process *w, const struct channel_message *m)
{
	switch (m->kind) {
	case CHANNEL_ADOPTED:
		if (m->generation != w->offered)
			break; /* an offer that was overtaken */
		w->adopted = m->generation;
		if (w->state != WORKER_PROCESS_DRAINING) {
			w->deadline_ms = 0;
			w->state = WORKER_PROCESS_READY;
		}
		break;
	case CHANNEL_REFUSED:
		if (m->generation != w->offered)
			break;
		free(w->refused);
		w->refused = mem_dup_span(span_of(m->text, m->text_length));
		break;
	case CHANNEL_COUNTED:
		w->counters_due = false;
		break;
	case CHANNEL_PEER_SET:
		w->peer_set = m->generation;
		break;
	case CHANNEL_ROWS:
	case CHANNEL_LISTED:
		take_rows(w, m);
		break;
	default:
		break;
	}
}

int
worker_process_ready(struct worker_process *w, const struct log *log)
{
	struct channel_message m;
	int fd, rc;

	flush_queue(w);
	/* A worker that never stops talking must not keep the others waiting. */
	for (int i = 0; i < 64; i++) {
		rc = channel_recv(w->sock, &m, &fd);
		if (fd >= 0)
			close(fd);
		if (rc <= 0)
			break;
		take_message(w, &m);
	}
	if (rc == 0) {
		/* Dying, or up to something; either way it has a second to be gone. */
		close(w->sock);
		w->sock = -1;
		w->deadline_ms = clock_mono_ms() + HANGUP_MS;
	}
	if (rc < 0 && errno == EPROTO) {
		log_msg(log, LOG_LEVEL_ALERT,
		    "worker process %d sent a malformed message: killing it", (int)w->pid);
		(void)kill(w->pid, SIGKILL);
		return -1;
	}
	return 0;
}

void
worker_process_ended(struct worker_process *w)
{
	int64_t now = clock_mono_ms(), delay = 0;

	if (now - w->started_ms >= STEADY_MS)
		w->failures = 0;
	if (w->failures > 0) {
		unsigned doublings = w->failures - 1 < 7 ? w->failures - 1 : 7;

		delay = (int64_t)BACKOFF_FIRST_MS << doublings;
	}
	w->failures++;
	w->restart_ms = now + (delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS);
	while (w->queue)
		drop_first(w);
	if (w->sock >= 0)
		close(w->sock);
	w->sock = -1;
	w->pid = 0;
	w->state = WORKER_PROCESS_DEAD;
	w->deadline_ms = 0;
	w->counters_due = false;
	counter_slot_ended(w->counters);
	w->peer_sent = 0;
	w->peer_set = 0;
	for (size_t k = 0; k < CHANNEL_LIST_COUNT; k++)
		w->lists[k].due = false;
}

const char *
worker_process_state_name(enum worker_process_state state)
{
	static const char *const names[] = {
		[WORKER_PROCESS_DEAD] = "dead",
		[WORKER_PROCESS_STARTING] = "starting",
		[WORKER_PROCESS_READY] = "ready",
		[WORKER_PROCESS_DRAINING] = "draining",
	};

	return names[state];
}
