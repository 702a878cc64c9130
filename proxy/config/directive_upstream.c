/* SPDX-License-Identifier: ISC */
/*
 * directive_upstream: groups of servers that proxy_pass names.
 */
#include "proxy/config/host_port.h"
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

#define HTTP_PORT 80
#define WEIGHT_MAX 65535

struct upstream_spec *
upstream_new(struct loader *l, struct span name, const struct node *n)
{
	struct upstream_spec *u = arena_zalloc(l->arena, sizeof(*u));
	struct snapshot *s = l->snapshot;

	*u = (struct upstream_spec){
		.name = name,
		.keepalive = 32,
		.keepalive_requests = 1000,
		.keepalive_timeout_ms = 60 * 1000,
		.keepalive_time_ms = 3600 * 1000,
		.index = (unsigned)s->upstream_count,
		.node = n,
	};
	LOADER_APPEND(l->arena, s->upstreams, s->upstream_count, u);
	return u;
}

struct upstream_server
upstream_server_default(struct span name)
{
	return (struct upstream_server){
		.name = name,
		.weight = 1,
		.max_fails = 1,
		.fail_timeout_ms = 10 * 1000,
	};
}

void
upstream_resolve(struct loader *l, const struct node *n, struct upstream_server *server,
    const struct host_port *hp)
{
	uint16_t port = hp->port ? hp->port : HTTP_PORT;
	struct address address;
	struct err e = ERR_INIT;
	struct span *texts = NULL;
	size_t count = 0;

	if (host_port_address(hp, port, l->arena, &address)) {
		LOADER_APPEND(l->arena, server->addresses, server->address_count, address);
		return;
	}
	if (l->source->resolve(l->source, hp->host, l->arena, &texts, &count, &e) < 0 ||
	    count == 0) {
		loader_warn(l, n, "host not found in upstream \"" SPAN_FMT "\"",
		    SPAN_ARG(server->name));
		diagnostic_hint(l->diags,
		    "requests for it are answered with 502 until a reload finds it");
	}
	for (size_t i = 0; i < count; i++) {
		const struct host_port one = { .host = texts[i] };

		if (host_port_address(&one, port, l->arena, &address))
			LOADER_APPEND(l->arena, server->addresses, server->address_count, address);
	}
	err_release(&e);
}

static int
set_upstream(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span name = loader_lower(l, n->words[1].text);
	struct upstream_spec *u = upstream_new(l, name, n);
	size_t errors = l->diags->errors;
	struct scope inner;

	if (name.n == 0)
		return loader_fail(l, n, "invalid value");
	if (span_map_add(&l->upstreams, name, u))
		loader_error(l, n, "duplicate upstream \"" SPAN_FMT "\"", SPAN_ARG(name));
	scope_init(&inner, s,
	    s->context == CONTEXT_STREAM ? CONTEXT_STREAM_UPSTREAM : CONTEXT_UPSTREAM, n);
	inner.upstream = u;
	scope_load_simple(l, &inner, n->children);
	scope_load_blocks(l, &inner, n->children);
	if (u->server_count == 0 && l->diags->errors == errors)
		return loader_error(l, n, "no servers are inside upstream");
	return 0;
}

static int
set_parameter(struct loader *l, const struct node *n, const struct word *w,
    struct upstream_server *server)
{
	static const char *const later[] = { "slow_start=", "service=", "route=", "drain", NULL };
	uint64_t v;
	int64_t ms;

	if (span_starts(w->text, SPAN("weight="))) {
		if (span_to_u64(span_after(w->text, 7), WEIGHT_MAX, &v) < 0 || v == 0)
			return loader_bad_parameter(l, n, w, NULL);
		server->weight = (unsigned)v;
	} else if (span_starts(w->text, SPAN("max_fails="))) {
		if (span_to_u64(span_after(w->text, 10), INT32_MAX, &v) < 0)
			return loader_bad_parameter(l, n, w, NULL);
		server->max_fails = (unsigned)v;
	} else if (span_starts(w->text, SPAN("fail_timeout="))) {
		if (value_parse_duration(span_after(w->text, 13), DURATION_S, &ms) < 0)
			return loader_bad_parameter(l, n, w, NULL);
		server->fail_timeout_ms = ms;
	} else if (span_starts(w->text, SPAN("max_conns="))) {
		if (span_to_u64(span_after(w->text, 10), INT32_MAX, &v) < 0)
			return loader_bad_parameter(l, n, w, NULL);
		server->max_conns = (unsigned)v;
	} else if (span_eq(w->text, SPAN("resolve"))) {
		server->resolve = true;
	} else if (span_eq(w->text, SPAN("backup"))) {
		server->backup = true;
	} else if (span_eq(w->text, SPAN("down"))) {
		server->down = true;
	} else {
		return loader_bad_parameter(l, n, w, later);
	}
	return 0;
}

/* Only a name can be resolved again. */
static void
note_name(struct loader *l, struct upstream_server *server, const struct host_port *hp)
{
	struct address address;

	if (host_port_address(hp, HTTP_PORT, l->arena, &address)) {
		server->resolve = false;
		return;
	}
	server->host = loader_lower(l, hp->host);
	server->port = hp->port ? hp->port : HTTP_PORT;
}

/* server ADDRESS [weight= max_conns= max_fails= fail_timeout= backup down resolve] */
static int
set_server(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct upstream_spec *u = s->upstream;
	struct upstream_server server = upstream_server_default(n->words[1].text);
	struct host_port hp;
	const char *wrong;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	wrong = host_port_split(server.name, false, &hp);
	if (wrong) {
		loader_error(l, n, "%s in upstream \"" SPAN_FMT "\"", wrong, SPAN_ARG(server.name));
		if (span_find(server.name, '/') >= 0)
			diagnostic_hint(l->diags,
			    "a server is written as host and port, without \"http://\"");
		return -1;
	}
	if (s->context == CONTEXT_STREAM_UPSTREAM && !hp.is_unix && !hp.port)
		return loader_error(l, n, "no port in upstream \"" SPAN_FMT "\"",
		    SPAN_ARG(server.name));
	for (unsigned i = 2; i < n->word_count; i++) {
		if (set_parameter(l, n, &n->words[i], &server) < 0)
			return -1;
	}
	note_name(l, &server, &hp);
	upstream_resolve(l, n, &server, &hp);
	LOADER_APPEND(l->arena, u->servers, u->server_count, server);
	return 0;
}

/* A hash or a draw goes over all servers alike. */
static void
check_backups(struct loader *l, const struct upstream_spec *u)
{
	if (u->method == BALANCE_ROUND_ROBIN || u->method == BALANCE_LEAST_CONN)
		return;
	for (size_t i = 0; i < u->server_count; i++) {
		if (u->servers[i].backup) {
			loader_error(l, u->method_node,
			    "balancing method does not support parameter \"backup\"");
			return;
		}
	}
}

void
upstreams_finish(struct loader *l, const struct proxy_settings *defaults, size_t from)
{
	struct snapshot *s = l->snapshot;

	for (size_t i = from; i < s->upstream_count; i++) {
		struct upstream_spec *u = s->upstreams[i];
		bool resolves = false;

		check_backups(l, u);
		for (size_t k = 0; k < u->server_count; k++)
			resolves |= u->servers[k].resolve;
		if (!u->resolver)
			u->resolver = defaults->resolver;
		if (!u->resolver_timeout_ms)
			u->resolver_timeout_ms = defaults->resolver_timeout_ms;
		if (resolves && !u->resolver) {
			loader_error(l, u->node,
			    "no resolver defined for the \"resolve\" in upstream \"" SPAN_FMT "\"",
			    SPAN_ARG(u->name));
			diagnostic_hint(l->diags,
			    "name servers are named by \"resolver ADDRESS;\" in http or in the upstream");
		}
	}
}

static const struct directive rows[] = {
	{ SPAN_INIT("upstream"), CONTEXT_HTTP | CONTEXT_STREAM, 1, 1,
	    DIRECTIVE_BLOCK | DIRECTIVE_MANY | DIRECTIVE_DEFINES, .set = set_upstream },
	{ SPAN_INIT("server"), CONTEXT_UPSTREAM | CONTEXT_STREAM_UPSTREAM, 1, DIRECTIVE_ARGS_ANY,
	    DIRECTIVE_MANY, .set = set_server },
	{ SPAN_INIT("keepalive"), CONTEXT_UPSTREAM, 1, 1, 0, .set = directive_set_number,
	    UPSTREAM_FIELD(unsigned, keepalive) },
	{ SPAN_INIT("keepalive_requests"), CONTEXT_UPSTREAM, 1, 1, 0, .set = directive_set_number,
	    UPSTREAM_FIELD(unsigned, keepalive_requests), &directive_positive },
	{ SPAN_INIT("keepalive_time"), CONTEXT_UPSTREAM, 1, 1, 0, .set = directive_set_duration,
	    UPSTREAM_FIELD(int64_t, keepalive_time_ms) },
	{ SPAN_INIT("keepalive_timeout"), CONTEXT_UPSTREAM, 1, 1, 0, .set = directive_set_duration,
	    UPSTREAM_FIELD(int64_t, keepalive_timeout_ms) },
};
const struct directive_table directive_upstream_table = { rows, sizeof(rows) / sizeof(rows[0]) };
