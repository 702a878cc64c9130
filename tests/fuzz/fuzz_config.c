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

static const struct variable rows[] = {
	{ SPAN_INIT("http_"), true, value },
	{ SPAN_INIT("host"), false, value },
	{ SPAN_INIT("uri"), false, value },
	{ SPAN_INIT("remote_addr"), false, value },
	{ SPAN_INIT("remote_user"), false, value },
	{ SPAN_INIT("time_local"), false, value },
	{ SPAN_INIT("request"), false, value },
	{ SPAN_INIT("status"), false, value },
	{ SPAN_INIT("body_bytes_sent"), false, value },
};
static const struct variable_table variables = { rows, sizeof(rows) / sizeof(rows[0]) };

static void
look_up(const struct snapshot *s, struct arena *arena)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		const struct listener *l = &s->listeners[i];
		const struct endpoint *ep = route_endpoint(l, &l->address.u.sa);
		const struct server *server = route_server(ep, SPAN("a.b.c"));
		const struct location *location = route_location(server, SPAN("/a/b"));

		if (!route_server(ep, ep->default_server->names[0]) || !location->settings ||
		    (location->proxy && !location->proxy->upstream))
			abort();
		(void)route_wants_slash(server, SPAN("/a"));
		if (location->ret && location->ret->text)
			(void)template_eval(location->ret->text, NULL, arena);
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
