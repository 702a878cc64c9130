/* SPDX-License-Identifier: ISC */
/*
 * fuzz_config: a configuration file, from its bytes to a snapshot and lookups in it.
 *
 * There is a snapshot exactly if there was no error; each message can be shown; each server is
 * found somewhere.
 */
#include "proxy/config/route.h"
#include "proxy/config/snapshot.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span text;

static int
source_read(struct config_source *src, struct span path, struct span *out, struct err *e)
{
	*out = span_eq(path, SPAN("/c/types")) ? SPAN("types { a/b c d; }") : text;
	return span_ends(path, SPAN("x")) ? err_set(e, ERR_NOINPUT, "no such file") : 0;
}

static int
source_glob(struct config_source *src, struct span pattern, struct arena *arena,
    struct span **paths, size_t *count, struct err *e)
{
	*paths = arena_array(arena, 1, sizeof(**paths));
	(*paths)[0] = SPAN("/c/types");
	*count = 1;
	return 0;
}

static int
source_resolve(struct config_source *src, struct span host, struct arena *arena,
    struct span **addrs, size_t *count, struct err *e)
{
	*addrs = arena_array(arena, 1, sizeof(**addrs));
	(*addrs)[0] = host.n % 2 ? SPAN("::1") : SPAN("127.0.0.1");
	*count = 1;
	return host.n > 8 ? err_set(e, ERR_UNAVAILABLE, "no such host") : 0;
}

static struct span
value(void *subject, struct span arg)
{
	return arg.n ? arg : SPAN("v");
}

static struct variable_store *
store(void *subject)
{
	return subject;
}

#define VALUE(literal)                                   \
	{                                                \
		.name = SPAN_INIT(literal), .get = value \
	}
static const struct variable rows[] = {
	{ .name = SPAN_INIT("http_"), .prefix = true, .get = value },
	VALUE("host"),
	VALUE("uri"),
	VALUE("remote_addr"),
	VALUE("remote_user"),
	VALUE("time_local"),
	VALUE("request"),
	VALUE("status"),
	VALUE("body_bytes_sent"),
};
static const struct variable_table variables = {
	.rows = rows, .count = sizeof(rows) / sizeof(rows[0]), .store = store
};

static void
evaluate(const struct rewrite_step *step, struct variable_store *vars)
{
	for (; step; step = step->next) {
		if (step->kind == REWRITE_SET)
			variable_assign(step->u.set.variable, vars,
			    template_eval(step->u.set.value, vars, vars->arena));
		else if (step->kind == REWRITE_IF)
			evaluate(step->u.branch.steps, vars);
		else if (step->kind == REWRITE_RULE &&
			 variable_store_match(vars, step->u.rule.regex, SPAN("/a/b")))
			(void)template_eval(step->u.rule.path, vars, vars->arena);
		else if (step->kind == REWRITE_RETURN && step->u.ret.text)
			(void)template_eval(step->u.ret.text, vars, vars->arena);
	}
}

static void
look_up(const struct snapshot *s, struct arena *arena)
{
	struct variable_store vars;

	variable_store_init(&vars, arena, s->variable_count);
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct listener *l = &s->listeners[i];
		const struct endpoint *ep = route_endpoint(l, &l->address.u.sa);
		const struct server *server = route_server(ep, SPAN("a.b.c"), &vars);
		const struct location *location = NULL;
		enum location_result result =
		    route_location(server, SPAN("/a/b"), &vars, &location);

		if (!route_server(ep, ep->default_server->names[0], NULL) ||
		    (result == LOCATION_FOUND && !location->settings))
			abort();
		evaluate(server->rewrite, &vars);
		if (result != LOCATION_FOUND)
			continue;
		if (location->proxy && !location->proxy->upstream)
			abort();
		evaluate(location->rewrite, &vars);
		(void)template_eval(location->settings->root->path, &vars, arena);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_source src = { source_read, source_glob, source_resolve };
	struct snapshot_options options = {
		.prefix = SPAN("/p/"),
		.conf_path = SPAN("/c/main"),
		.http_variables = &variables,
		.stream_variables = &variables,
	};
	struct arena *arena = arena_new(0);
	struct diagnostics diags;
	struct snapshot *s;

	text = span_of(data, size);
	diagnostics_init(&diags, arena);
	s = snapshot_load(&src, &options, &diags);
	if ((s == NULL) != (diags.errors > 0))
		abort();
	for (const struct diagnostic *d = diags.first; d; d = d->next)
		(void)diagnostic_format(d, arena);
	if (s)
		look_up(s, arena);
	snapshot_free(s);
	arena_free(arena);
	return 0;
}
