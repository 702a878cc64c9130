/* SPDX-License-Identifier: ISC */
/*
 * directive_server: the server block and its names.
 */
#include "proxy/config/host_map.h"
#include "proxy/config/loader.h"
#include "proxy/config/route.h"

#include <unistd.h>

/* One warning, with the lines that say the same. */
static void
warn_of_ssl_on(struct loader *l, const struct scope *s)
{
	struct span lines = { NULL, 0 };

	for (const struct listen *it = s->listens; it; it = it->next) {
		const struct node *n = it->node;

		if (it->ssl)
			continue;
		lines = arena_printf(l->scratch, SPAN_FMT "%s\"listen", SPAN_ARG(lines),
		    lines.n > 0 ? " and " : "");
		if (n == s->node)
			lines = arena_printf(l->scratch, SPAN_FMT " 80", SPAN_ARG(lines));
		for (unsigned i = 1; n != s->node && i < n->word_count; i++)
			lines = arena_printf(l->scratch, SPAN_FMT " " SPAN_FMT, SPAN_ARG(lines),
			    SPAN_ARG(n->words[i].text));
		lines = arena_printf(l->scratch, SPAN_FMT " ssl;\"", SPAN_ARG(lines));
	}
	loader_warn(l, s->ssl_node,
	    "the \"ssl\" directive is deprecated, use the \"listen ... ssl\" directive instead");
	if (lines.n > 0)
		diagnostic_hint(l->diags, "write " SPAN_FMT " and drop \"ssl on;\"",
		    SPAN_ARG(lines));
	else
		diagnostic_hint(l->diags, "drop it: every listen says \"ssl\" already");
}

static void
keep_name(struct loader *l, struct server *server, struct span name, const struct regex *regex)
{
	size_t count = server->name_count;

	LOADER_APPEND(l->arena, server->name_regexes, count, regex);
	LOADER_APPEND(l->arena, server->names, server->name_count, name);
}

void
server_names_finish(struct loader *l, struct server *server)
{
	if (server->name_count == 0)
		keep_name(l, server, span_of(NULL, 0), NULL);
}

/* listen directives as the scope holds them become the loader's, and TLS if "ssl on" says so. */
static void
take_listens(struct loader *l, struct scope *s)
{
	if (!s->listens)
		s->listens = listen_default(l, s->server, s->node);
	if (s->ssl_node)
		warn_of_ssl_on(l, s);
	for (struct listen *it = s->listens; it; it = it->next) {
		it->ssl |= s->ssl;
		LOADER_APPEND(l->scratch, l->listens, l->listen_count, it);
	}
}

static int
set_server(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct server *server = arena_zalloc(l->arena, sizeof(*server));
	struct location_index *locations = location_index_new(l->arena);
	struct snapshot *snapshot = l->snapshot;
	struct scope inner;

	server->node = n;
	server->index = (unsigned)snapshot->server_count;
	server->locations = locations;
	server->root_location = (struct location){ .kind = LOCATION_PREFIX, .node = n };
	LOADER_APPEND(l->arena, snapshot->servers, snapshot->server_count, server);

	scope_init(&inner, s, CONTEXT_SERVER, n);
	inner.server = server;
	inner.locations = locations;
	inner.listens_tail = &inner.listens;
	scope_load_simple(l, &inner, n->children);
	scope_load_blocks(l, &inner, n->children);
	location_index_finish(locations);
	server->rewrite = rewrite_finish(&inner, n->children);

	server_names_finish(l, server);
	server->settings = inner.server_settings;
	server->location_settings = inner.location_settings;
	server->root_location.settings = inner.location_settings;
	loader_use_settings(l, inner.location_settings);
	tls_finish_server(l, &inner);
	take_listens(l, &inner);
	return 0;
}

static struct span
host_name(struct loader *l)
{
	char name[256];

	if (gethostname(name, sizeof(name)) < 0)
		name[0] = '\0';
	name[sizeof(name) - 1] = '\0';
	return loader_lower(l, span_str(name));
}

static int
add_regex(struct loader *l, struct scope *s, const struct node *n, const struct word *w)
{
	struct span pattern = span_after(w->text, 1);
	const struct regex *regex;
	bool capitals = false;

	if (pattern.n == 0)
		return loader_word_error(l, n, w, "empty regex in server name \"" SPAN_FMT "\"",
		    SPAN_ARG(w->text));
	/* Hosts are in lower case; nginx: a pattern with capitals ignores case. */
	for (size_t i = 0; i < pattern.n; i++)
		capitals |= pattern.p[i] >= 'A' && pattern.p[i] <= 'Z';
	regex = loader_regex(l, n, w, pattern, capitals);
	if (!regex)
		return -1;
	keep_name(l, s->server, w->text, regex);
	return 0;
}

static int
add_name(struct loader *l, struct scope *s, const struct node *n, const struct word *w)
{
	struct span name = loader_lower(l, w->text);

	if (span_starts(name, SPAN("~")))
		return add_regex(l, s, n, w);
	if (span_eq(name, SPAN("$hostname")))
		name = host_name(l);
	else if (loader_check_literal(l, n, w) < 0)
		return -1;
	if (span_eq(name, SPAN(".")) ||
	    (span_starts(name, SPAN("*")) && !span_starts(name, SPAN("*."))))
		return loader_word_error(l, n, w, "server name \"" SPAN_FMT "\" is invalid",
		    SPAN_ARG(w->text));
	if (!host_map_is_name(name))
		return loader_word_error(l, n, w,
		    "invalid server name or wildcard \"" SPAN_FMT "\"", SPAN_ARG(w->text));
	if (span_find(name, '/') >= 0 || span_find(name, ':') >= 0) {
		loader_warn(l, n, "server name \"" SPAN_FMT "\" has suspicious symbols",
		    SPAN_ARG(w->text));
		diagnostic_hint(l->diags, "a name is written without scheme, port and path");
	}
	keep_name(l, s->server, name, NULL);
	return 0;
}

static int
set_server_name(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	int rc = 0;

	for (unsigned i = 1; i < n->word_count; i++)
		rc |= add_name(l, s, n, &n->words[i]);
	return rc;
}

static const struct directive rows[] = {
	{ SPAN_INIT("server"), CONTEXT_HTTP, 0, 0, DIRECTIVE_BLOCK | DIRECTIVE_MANY,
	    .set = set_server },
	{ SPAN_INIT("server_name"), CONTEXT_SERVER | CONTEXT_STREAM_SERVER, 1, DIRECTIVE_ARGS_ANY,
	    DIRECTIVE_MANY, .set = set_server_name },
};
const struct directive_table directive_server_table = { rows, sizeof(rows) / sizeof(rows[0]) };
