/* SPDX-License-Identifier: ISC */
/*
 * monitor_reload: prepare, let one worker try, commit to all; or nothing has happened.
 *
 * Requests that come while one reload is under way are answered by the next: whoever asks is told about a
 * configuration read after he asked.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "proxy/monitor/monitor_state.h"
#include "proxy/worker/sandbox.h"

uint64_t
reload_request(struct monitor *m)
{
	struct reload *r = &m->reload;

	if (!r->wanted) {
		r->wanted = true;
		r->wanted_ticket = ++m->last_ticket;
	}
	return r->wanted_ticket;
}

static void
finish(struct monitor *m, const struct edition *ed, const char *failure)
{
	struct reload *r = &m->reload;

	if (r->ticket)
		report_reloaded(m, r->ticket, ed, failure);
	r->step = RELOAD_IDLE;
	r->first = NULL;
	r->deadline_ms = 0;
}

/* The edition in service stays, whole. */
static void
give_up(struct monitor *m, const char *failure)
{
	struct edition *ed = m->reload.candidate;

	announce(&m->announcer, LOG_LEVEL_ERROR,
	    "reload failed%s%s; generation %llu stays in service", failure ? ": " : "",
	    failure ? failure : "", (unsigned long long)m->current->number);
	finish(m, ed, failure);
	m->reload.candidate = NULL;
	edition_free(ed);
	/* Sockets for workers that will not come. */
	for (struct resource *r = m->resources.first; r; r = r->next)
		resource_trim(r, (unsigned)m->wanted);
}

/* What cannot change under running processes is said, not silently passed over. */
static void
warn_of_restart(const struct monitor *m, const struct edition *old, const struct edition *new)
{
	struct privileges now;
	struct err e = ERR_INIT;
	struct span tree;

	if (privileges_find(&now, new->snapshot->main.user, new->snapshot->main.group, &e) < 0)
		announce_err(&m->announcer, LOG_LEVEL_WARN, &e);
	else if (!privileges_equal(&now, &m->privileges))
		announce(&m->announcer, LOG_LEVEL_WARN,
		    "a changed \"user\" takes effect with the next start only");
	privileges_release(&now);
	err_release(&e);
	if (sandbox_hides(old->snapshot, new->snapshot, &tree))
		announce(&m->announcer, LOG_LEVEL_WARN,
		    "workers gave up access to \"" SPAN_FMT
		    "\" when they started: it is of use after the next start only",
		    SPAN_ARG(tree));
}

/* From here on there is no way back, and none is needed. */
static void
commit(struct monitor *m)
{
	struct reload *r = &m->reload;
	struct edition *old = m->current;

	m->current = r->candidate;
	r->candidate = NULL;
	r->step = RELOAD_ALL;
	r->first = NULL;
	r->deadline_ms = clock_mono_ms() + RELOAD_TIMEOUT_MS + workers_adopt_timeout_ms(m);
	bundle_hide_from_children(m->current->bundle);
	warn_of_restart(m, old, m->current);
	monitor_follow_log(m);
	/* Either fails with a word in the log and the old one in place. */
	(void)!monitor_place_pid(m);
	(void)!monitor_place_control(m);
	watch_follow(m);
	workers_commit(m);
	edition_free(old);
}

static struct worker_process *
pick_first(const struct monitor *m)
{
	for (size_t i = 0; i < m->wanted; i++) {
		if (m->workers[i]->state == WORKER_PROCESS_READY && m->workers[i]->sock >= 0)
			return m->workers[i];
	}
	return NULL;
}

/* Hand the candidate to the first worker. */
static void
offer(struct monitor *m)
{
	struct reload *r = &m->reload;

	if (r->candidate->diagnostics.errors ||
	    edition_seal(r->candidate, &m->options->config) < 0) {
		give_up(m, NULL);
		return;
	}
	r->first = pick_first(m);
	if (!r->first) {
		commit(m);
		return;
	}
	r->step = RELOAD_FIRST;
	worker_process_offer(r->first, r->candidate, workers_adopt_timeout_ms(m));
	drain_tell(m, r->first);
}

static void
begin(struct monitor *m)
{
	struct reload *r = &m->reload;

	r->wanted = false;
	r->ticket = r->wanted_ticket;
	r->began_ms = clock_mono_ms();
	announce(&m->announcer, LOG_LEVEL_NOTICE, "reconfiguring");
	r->candidate = monitor_load(m, 1);
	offer(m);
}

/* Files of certificates were touched: when what they hold is sound and new, it goes the way of any reload. */
static void
begin_renewal(struct monitor *m)
{
	struct reload *r = &m->reload;
	struct edition *ed = edition_renew(&m->options->config, ++m->last_number, m->current);

	r->renewal_wanted = false;
	r->ticket = 0;
	r->began_ms = clock_mono_ms();
	announce_certificates(&m->announcer, &ed->certificates);
	if (ed->certificates.changed == 0 || ed->diagnostics.errors) {
		announce_diagnostics(&m->announcer, &ed->diagnostics);
		edition_free(ed);
		return;
	}
	announce(&m->announcer, LOG_LEVEL_NOTICE, "%zu certificate%s changed on disk, taking %s up",
	    ed->certificates.changed, ed->certificates.changed == 1 ? " has" : "s have",
	    ed->certificates.changed == 1 ? "it" : "them");
	edition_open(ed, &m->resources, m->options->stderr_fd, 1);
	announce_diagnostics(&m->announcer, &ed->diagnostics);
	r->candidate = ed;
	offer(m);
}

static void
watch_first(struct monitor *m)
{
	struct worker_process *w = m->reload.first;
	char *why;

	if (w->adopted == m->reload.candidate->number) {
		commit(m);
	} else if (w->refused) {
		why = w->refused;
		w->refused = NULL;
		w->deadline_ms = 0;
		give_up(m, why);
		free(why);
	} else if (w->state != WORKER_PROCESS_READY || w->offered != m->reload.candidate->number) {
		give_up(m, "the worker that tried the new configuration died of it");
	}
}

static void
watch_all(struct monitor *m)
{
	if (workers_ready(m)) {
		announce(&m->announcer, LOG_LEVEL_NOTICE, "generation %llu is in service",
		    (unsigned long long)m->current->number);
		finish(m, m->current, NULL);
	} else if (clock_mono_ms() >= m->reload.deadline_ms) {
		announce(&m->announcer, LOG_LEVEL_ALERT,
		    "not every worker process serves generation %llu",
		    (unsigned long long)m->current->number);
		finish(m, m->current, "not every worker process serves the new configuration");
	}
}

void
reload_turn(struct monitor *m)
{
	struct reload *r = &m->reload;

	if (m->phase != MONITOR_SERVING)
		return;
	if (r->step == RELOAD_FIRST)
		watch_first(m);
	if (r->step == RELOAD_ALL)
		watch_all(m);
	if (r->step == RELOAD_IDLE && r->wanted)
		begin(m);
	if (r->step == RELOAD_IDLE && r->renewal_wanted)
		begin_renewal(m);
}
