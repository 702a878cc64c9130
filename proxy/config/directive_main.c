/* SPDX-License-Identifier: ISC */
/*
 * directive_main: the process: daemon, pid, user, workers, events.
 */
#include "proxy/config/loader.h"

#include <unistd.h>

#define DEFAULT_PID GATEHOUSE_RUNSTATEDIR "/tinyproxyd/tinyproxyd.pid"
#define DEFAULT_USER "nobody"
#define DEFAULT_GROUP "nogroup"

void
main_settings_init(struct loader *l, struct main_settings *m)
{
	*m = (struct main_settings){
		.daemon = true,
		.pid = SPAN(DEFAULT_PID),
		.user = SPAN(DEFAULT_USER),
		.group = SPAN(DEFAULT_GROUP),
		.worker_processes = 1,
		.worker_connections = 512,
	};
}

/* user NAME [GROUP]: without GROUP, the group of the same name. */
static int
set_user(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	s->main->user_node = n;
	s->main->user = n->words[1].text;
	s->main->group = n->words[n->word_count - 1].text;
	if (s->main->user.n == 0 || s->main->group.n == 0)
		return loader_fail(l, n, "invalid value");
	return 0;
}

static int
set_worker_processes(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	static const struct directive_range workers = { 1, 1024 };
	const struct directive number = {
		.group = d->group, .offset = d->offset, .detail = &workers
	};
	long cores;

	if (!span_eq(n->words[1].text, SPAN("auto")))
		return directive_set_number(l, s, &number, n);
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	s->main->worker_processes = cores < 1 ? 1 : cores > 1024 ? 1024 : (unsigned)cores;
	return 0;
}

static int
set_events(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct scope inner;

	scope_init(&inner, s, CONTEXT_EVENTS, n);
	scope_load_simple(l, &inner, n->children);
	scope_load_blocks(l, &inner, n->children);
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("daemon"), CONTEXT_MAIN, 1, 1, 0, .set = directive_set_flag,
	    MAIN_FIELD(bool, daemon) },
	{ SPAN_INIT("pid"), CONTEXT_MAIN, 1, 1, 0, .set = directive_set_path,
	    MAIN_FIELD(struct span, pid) },
	{ SPAN_INIT("control_socket"), CONTEXT_MAIN, 1, 1, 0, .set = directive_set_path,
	    MAIN_FIELD(struct span, control_socket) },
	{ SPAN_INIT("user"), CONTEXT_MAIN, 1, 2, 0, .set = set_user },
	{ SPAN_INIT("worker_processes"), CONTEXT_MAIN, 1, 1, 0, .set = set_worker_processes,
	    MAIN_FIELD(unsigned, worker_processes) },
	{ SPAN_INIT("worker_rlimit_nofile"), CONTEXT_MAIN, 1, 1, 0, .set = directive_set_count,
	    MAIN_FIELD(uint64_t, worker_rlimit_nofile), &directive_positive },
	{ SPAN_INIT("worker_shutdown_timeout"), CONTEXT_MAIN, 1, 1, 0,
	    .set = directive_set_duration, MAIN_FIELD(int64_t, worker_shutdown_timeout_ms) },
	{ SPAN_INIT("events"), CONTEXT_MAIN, 0, 0, DIRECTIVE_BLOCK, .set = set_events },
	{ SPAN_INIT("worker_connections"), CONTEXT_EVENTS, 1, 1, 0, .set = directive_set_number,
	    MAIN_FIELD(unsigned, worker_connections), &directive_positive },
};
const struct directive_table directive_main_table = { rows, sizeof(rows) / sizeof(rows[0]) };
