/* SPDX-License-Identifier: ISC */
/*
 * monitor_watch: certificates that are replaced on disk come into service by themselves, and so do those that prove names
 * to a CA.
 */
#include "base/clock.h"
#include "proxy/monitor/monitor_state.h"
#include "proxy/monitor/validation_pack.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Validation certificates as they are now, to every worker. */
static void
push_validation(struct monitor *m)
{
	struct err e = ERR_INIT, skipped = ERR_INIT;
	int fd = validation_pack(m->current->snapshot->acme_store, &skipped, &e);

	if (skipped.kind != ERR_NONE)
		announce_err(&m->announcer, LOG_LEVEL_WARN, &skipped);
	if (fd < 0) {
		announce_err(&m->announcer, LOG_LEVEL_ERROR, &e);
	} else {
		if (m->validation_fd >= 0)
			close(m->validation_fd);
		m->validation_fd = fd;
		for (size_t i = 0; i < m->worker_count; i++)
			worker_process_push(m->workers[i], CHANNEL_VALIDATION, fd);
	}
	err_release(&skipped);
	err_release(&e);
}

void
watch_follow(struct monitor *m)
{
	/* The directory is made before it is watched, and read after: nothing is missed. */
	bool had = m->validation_fd >= 0;

	if (had || m->current->snapshot->acme_store.n > 0)
		push_validation(m);
	if (!m->watch)
		return;
	if (certificate_watch_set(m->watch, m->current->snapshot) > 0 &&
	    !m->watch_incomplete_told) {
		m->watch_incomplete_told = true;
		announce(&m->announcer, LOG_LEVEL_WARN,
		    "not all directories of certificates can be watched; raise fs.inotify.max_user_watches, or reload after "
		    "each change");
	}
	if (m->current->snapshot->acme_store.n > 0)
		push_validation(m);
}

void
watch_start(struct monitor *m)
{
	m->watch = certificate_watch_new();
	if (!m->watch)
		announce(&m->announcer, LOG_LEVEL_WARN,
		    "changes of certificates will not be noticed (%d: %s)", errno, strerror(errno));
	watch_follow(m);
}

void
watch_turn(struct monitor *m)
{
	int64_t due;

	if (!m->watch || m->phase != MONITOR_SERVING)
		return;
	if (certificate_watch_take_validation(m->watch))
		push_validation(m);
	due = certificate_watch_due_ms(m->watch);
	if (!due || clock_mono_ms() < due || m->reload.step != RELOAD_IDLE)
		return;
	/* A directory may be another one by now: watched first, then read. What was noted by then is read, too. */
	(void)certificate_watch_set(m->watch, m->current->snapshot);
	certificate_watch_forget(m->watch);
	m->reload.renewal_wanted = true;
}

void
watch_release(struct monitor *m)
{
	certificate_watch_free(m->watch);
	if (m->validation_fd >= 0)
		close(m->validation_fd);
}
