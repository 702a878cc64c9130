/* SPDX-License-Identifier: ISC */
/* directive_acme: tokens of ACME's http-01, answered before all else; ours. */
#include "proxy/config/loader.h"

static int
add_hosts(struct loader *l, const struct node *n, struct host_map *hosts)
{
	host_map_init(hosts, l->arena);
	for (unsigned i = 2; i < n->word_count; i++) {
		struct span name = loader_lower(l, n->words[i].text);

		if (loader_check_literal(l, n, &n->words[i]) < 0)
			return -1;
		if (name.n == 0 || !host_map_is_name(name))
			return loader_word_error(l, n, &n->words[i],
			    "invalid host name or wildcard \"" SPAN_FMT "\"",
			    SPAN_ARG(n->words[i].text));
		(void)host_map_add(hosts, name, hosts);
	}
	return 0;
}

/* acme_webroot PATH [HOST...]; the list of a block replaces what it inherited. */
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
	if (n->word_count > 2) {
		struct host_map *hosts = arena_alloc(l->arena, sizeof(*hosts));

		if (add_hosts(l, n, hosts) < 0)
			return -1;
		w->hosts = hosts;
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
