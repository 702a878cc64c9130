/* SPDX-License-Identifier: ISC */
/*
 * monitor_workers: as many as configured, each on the newest generation or on its way there; the dead replaced.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "proxy/monitor/monitor_state.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int64_t
workers_adopt_timeout_ms(const struct monitor *m)
{
	return ADOPT_TIMEOUT_MS + m->load_ms * 4 * (int64_t)(m->worker_count + 1);
}

static int
start_one(struct monitor *m, struct worker_process *w)
{
	const struct worker_process_setup setup = {
		.privileges = &m->privileges,
		.rlimit_nofile = m->current->snapshot->main.worker_rlimit_nofile,
		.log = &m->announcer.log,
		.tickets = m->tickets,
		.counters = m->counters,
	};
	struct err e = ERR_INIT;

	if (worker_process_start(w, &setup, &e) < 0) {
		announce_err(&m->announcer, LOG_LEVEL_ALERT, &e);
		err_release(&e);
		w->restart_ms = clock_mono_ms() + 1000;
		return -1;
	}
	announce(&m->announcer, LOG_LEVEL_NOTICE, "start worker process %d", (int)w->pid);
	if (m->validation_fd >= 0)
		worker_process_push(w, CHANNEL_VALIDATION, m->validation_fd);
	worker_process_offer(w, m->current, workers_adopt_timeout_ms(m));
	drain_tell(m, w);
	return 0;
}

/* Room for `wanted` at the front; those that drain for good move behind. */
static void
make_room(struct monitor *m, size_t wanted)
{
	size_t more = wanted - m->wanted;

	m->workers =
	    mem_realloc_array(m->workers, m->worker_count + more, sizeof(struct worker_process *));
	memmove(m->workers + wanted, m->workers + m->wanted,
	    (m->worker_count - m->wanted) * sizeof(struct worker_process *));
	for (size_t i = m->wanted; i < wanted; i++)
		m->workers[i] =
		    worker_process_new((unsigned)i, counters_take(m->counters, (unsigned)i));
	m->worker_count += more;
	m->wanted = wanted;
}

int
workers_start(struct monitor *m)
{
	make_room(m, m->current->snapshot->main.worker_processes);
	announce(&m->announcer, LOG_LEVEL_NOTICE, "start worker processes");
	for (size_t i = 0; i < m->wanted; i++) {
		if (start_one(m, m->workers[i]) < 0)
			return -1;
	}
	return 0;
}

static void
limit_descriptors(const struct monitor *m, struct worker_process *w)
{
	uint64_t n = m->current->snapshot->main.worker_rlimit_nofile;
	struct rlimit limit = { .rlim_cur = n, .rlim_max = n };

	/* To set what is set already may need a capability for nothing. */
	if (n == 0 || w->pid <= 0 || n == w->rlimit_nofile)
		return;
	if (prlimit(w->pid, RLIMIT_NOFILE, &limit, NULL) == 0)
		w->rlimit_nofile = n;
	else
		announce(&m->announcer, LOG_LEVEL_ALERT,
		    "prlimit(RLIMIT_NOFILE, %llu) failed (%d: %s)", (unsigned long long)n, errno,
		    strerror(errno));
}

void
workers_commit(struct monitor *m)
{
	size_t wanted = m->current->snapshot->main.worker_processes;

	for (size_t i = wanted; i < m->wanted; i++)
		worker_process_tell(m->workers[i], CHANNEL_DRAIN);
	if (wanted > m->wanted)
		make_room(m, wanted);
	else
		m->wanted = wanted;
	for (struct resource *r = m->resources.first; r; r = r->next)
		resource_trim(r, (unsigned)wanted);
	drain_forget_gone(m);
	for (size_t i = 0; i < m->wanted; i++) {
		struct worker_process *w = m->workers[i];

		limit_descriptors(m, w);
		if (w->state == WORKER_PROCESS_DEAD)
			(void)start_one(m, w);
		else if (w->offered != m->current->number) {
			worker_process_offer(w, m->current, workers_adopt_timeout_ms(m));
			drain_tell(m, w);
		}
	}
}

bool
workers_ready(const struct monitor *m)
{
	for (size_t i = 0; i < m->wanted; i++) {
		const struct worker_process *w = m->workers[i];

		if (w->state != WORKER_PROCESS_READY || w->adopted != m->current->number)
			return false;
	}
	return true;
}

void
workers_tell(struct monitor *m, enum channel_kind kind)
{
	for (size_t i = 0; i < m->worker_count; i++)
		worker_process_tell(m->workers[i], kind);
}

void
workers_kill(struct monitor *m)
{
	for (size_t i = 0; i < m->worker_count; i++) {
		if (m->workers[i]->pid > 0)
			(void)kill(m->workers[i]->pid, SIGKILL);
	}
}

static void
announce_end(const struct monitor *m, const struct worker_process *w, int status)
{
	bool expected = m->phase >= MONITOR_DRAINING || w->state == WORKER_PROCESS_DRAINING;

	if (WIFSIGNALED(status))
		announce(&m->announcer, LOG_LEVEL_ALERT, "worker process %d exited on signal %d%s",
		    (int)w->pid, WTERMSIG(status), WCOREDUMP(status) ? " (core dumped)" : "");
	else
		announce(&m->announcer,
		    expected && WEXITSTATUS(status) == 0 ? LOG_LEVEL_NOTICE : LOG_LEVEL_ALERT,
		    "worker process %d exited with code %d", (int)w->pid, WEXITSTATUS(status));
}

/* A worker that was one too many is gone for good. */
static void
forget(struct monitor *m, size_t i)
{
	counters_give_back(m->counters, m->workers[i]->counters);
	worker_process_free(m->workers[i]);
	memmove(m->workers + i, m->workers + i + 1,
	    (m->worker_count - i - 1) * sizeof(struct worker_process *));
	m->worker_count--;
}

static void
bury(struct monitor *m, size_t i, int status)
{
	struct worker_process *w = m->workers[i];

	announce_end(m, w, status);
	worker_process_ended(w);
	if (m->phase == MONITOR_STARTING && !m->done) {
		announce(&m->announcer, LOG_LEVEL_EMERG,
		    "a worker process ended before it was ready");
		m->done = true;
	}
	if (i >= m->wanted)
		forget(m, i);
	else
		w->restarts++;
}

void
workers_reap(struct monitor *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (succession_reap(m, pid, status))
			continue;
		for (size_t i = 0; i < m->worker_count; i++) {
			if (m->workers[i]->pid == pid) {
				bury(m, i, status);
				break;
			}
		}
	}
}

/* The monitor loaded the same bytes without complaint: the worker is to blame. */
static void
punish_refusal(struct monitor *m, struct worker_process *w)
{
	announce(&m->announcer, m->phase == MONITOR_STARTING ? LOG_LEVEL_EMERG : LOG_LEVEL_ALERT,
	    "worker process %d refused generation %llu: %s", (int)w->pid,
	    (unsigned long long)w->offered, w->refused);
	free(w->refused);
	w->refused = NULL;
	(void)kill(w->pid, SIGKILL);
}

static bool
may_start(const struct monitor *m)
{
	return m->phase == MONITOR_SERVING && !m->succession.no_workers;
}

static void
check_worker(struct monitor *m, struct worker_process *w, int64_t now)
{
	bool trying = m->reload.step == RELOAD_FIRST && m->reload.first == w;

	if (w->state == WORKER_PROCESS_DEAD) {
		if (may_start(m) && now >= w->restart_ms)
			(void)start_one(m, w);
		return;
	}
	if (w->refused && !trying)
		punish_refusal(m, w);
	if (w->deadline_ms && now >= w->deadline_ms) {
		announce(&m->announcer, LOG_LEVEL_ALERT,
		    "worker process %d does not answer: killing it", (int)w->pid);
		(void)kill(w->pid, SIGKILL);
		w->deadline_ms = 0;
	}
}

void
workers_turn(struct monitor *m)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < m->worker_count; i++)
		check_worker(m, m->workers[i], now);
}

int64_t
workers_deadline_ms(const struct monitor *m)
{
	int64_t first = 0;

	for (size_t i = 0; i < m->worker_count; i++) {
		const struct worker_process *w = m->workers[i];

		first = deadline_min(first, w->deadline_ms);
		if (w->state == WORKER_PROCESS_DEAD && may_start(m))
			first = deadline_min(first, w->restart_ms);
	}
	return first;
}
