/* SPDX-License-Identifier: ISC */
/* directive_acme: tokens of ACME's http-01, answered before all else; ours. */
#include "proxy/config/host_port.h"
#include "proxy/config/loader.h"

#define FORWARD SPAN("forward=")
#define HTTP_PORT 80

static int
add_host(struct loader *l, const struct node *n, const struct word *w, struct acme_webroot *to)
{
	struct span name = loader_lower(l, w->text);

	if (name.n == 0 || !host_map_is_name(name))
		return loader_word_error(l, n, w, "invalid host name or wildcard \"" SPAN_FMT "\"",
		    SPAN_ARG(w->text));
	if (!to->hosts) {
		to->hosts = arena_alloc(l->arena, sizeof(*to->hosts));
		host_map_init(to->hosts, l->arena);
	}
	(void)host_map_add(to->hosts, name, to->hosts);
	return 0;
}

static int
set_forward(struct loader *l, const struct node *n, const struct word *w, struct acme_webroot *to)
{
	struct span text = span_after(w->text, FORWARD.n);
	struct host_port hp = { .port = 0 };

	if (!span_eq(text, SPAN("off")) &&
	    (host_port_split(text, true, &hp) || hp.host.n > 0 || hp.port == 0))
		return loader_word_error(l, n, w, "invalid port in \"" SPAN_FMT "\"",
		    SPAN_ARG(w->text));
	to->forward_port = hp.port;
	return 0;
}

static int
set_parameter(struct loader *l, const struct node *n, const struct word *w, struct acme_webroot *to)
{
	if (loader_check_literal(l, n, w) < 0)
		return -1;
	return span_starts(w->text, FORWARD) ? set_forward(l, n, w, to) : add_host(l, n, w, to);
}

/* acme_webroot PATH [HOST...] [forward=PORT|off]; the list of a block replaces what it inherited. */
static int
set_acme_webroot(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct server_settings *ss = scope_server_settings(l, s);
	struct acme_webroot *w = arena_zalloc(l->arena, sizeof(*w));
	const struct acme_webroot **tail = &ss->acme_webroots;
	struct span path = loader_path(l, n->words[1].text);

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (n->words[1].text.n == 0)
		return loader_fail(l, n, "invalid value");
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	w->path = path;
	LOADER_APPEND(l->arena, l->snapshot->trees, l->snapshot->tree_count, path);
	w->forward_port = HTTP_PORT;
	for (unsigned i = 2; i < n->word_count; i++) {
		if (set_parameter(l, n, &n->words[i], w) < 0)
			return -1;
	}
	if (s->first)
		ss->acme_webroots = NULL;
	while (*tail)
		tail = (const struct acme_webroot **)(uintptr_t) & (*tail)->next;
	*tail = w;
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("acme_webroot"), CONTEXT_HTTP_SERVER, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = set_acme_webroot },
};
const struct directive_table directive_acme_table = { rows, sizeof(rows) / sizeof(rows[0]) };
