/* SPDX-License-Identifier: ISC */
/*
 * directive_proxy_pass: proxy_pass, to a literal address or with variables.
 */
#include "proxy/config/host_port.h"
#include "proxy/config/loader.h"

#define HTTP_PORT 80
#define HTTPS_PORT 443

void
proxy_url_split(struct span rest, struct span *host, struct span *uri)
{
	bool is_unix = span_starts(rest, SPAN("unix:"));
	size_t from = is_unix ? 5 : 0, at = from;

	while (at < rest.n &&
	       (is_unix ? rest.p[at] != ':' : rest.p[at] != '/' && rest.p[at] != '?'))
		at++;
	*host = span_of(rest.p, at);
	*uri = span_after(rest, at);
	if (is_unix && uri->n > 0)
		*uri = span_after(*uri, 1);
}

void
proxy_host_header(struct span text, const struct host_port *hp, unsigned scheme_port,
    struct arena *arena, struct span *header, struct span *port)
{
	*header = text;
	*port = arena_decimal(arena, hp->port ? hp->port : scheme_port);
	if (hp->is_unix) {
		*header = SPAN("localhost");
		*port = SPAN("");
	} else if (hp->port == scheme_port) {
		/* The scheme's own port does not show. */
		header->n = (size_t)(hp->host.p + hp->host.n + hp->bracketed - text.p);
	}
}

/* The group that a literal address stands for: one per distinct host and port. */
static struct upstream_spec *
implicit_group(struct loader *l, const struct node *n, struct span host, const struct host_port *hp,
    uint16_t port)
{
	struct span key = hp->is_unix || hp->port
			      ? host
			      : arena_printf(l->arena, SPAN_FMT ":%u", SPAN_ARG(host), port);
	struct upstream_spec *u = span_map_get(&l->upstreams, key);
	struct host_port lowered = *hp;

	if (u)
		return u;
	if (!hp->is_unix)
		lowered.host = loader_lower(l, hp->host);
	u = upstream_new(l, key, n);
	u->implicit = true;
	u->servers = arena_array(l->arena, 1, sizeof(*u->servers));
	u->server_count = 1;
	u->servers[0] = upstream_server_default(key);
	upstream_resolve(l, n, &u->servers[0], &lowered);
	span_map_add(&l->upstreams, key, u);
	return u;
}

/* A defined group is named without a port; anything else is a host. */
struct upstream_spec *
loader_upstream(struct loader *l, const struct node *n, struct span text, uint16_t default_port,
    struct host_port *hp)
{
	struct span host = loader_lower(l, text);
	struct upstream_spec *u = span_map_get(&l->upstreams, host);
	const char *wrong;

	if (u && !u->implicit)
		return u;
	wrong = host_port_split(text, false, hp);
	if (!wrong && !hp->is_unix && !hp->port && !default_port)
		wrong = "no port";
	if (wrong) {
		loader_error(l, n, "%s in upstream \"" SPAN_FMT "\"", wrong, SPAN_ARG(text));
		return NULL;
	}
	u = span_map_get(&l->upstreams, loader_lower(l, hp->host));
	if (u && !u->implicit && hp->port) {
		loader_error(l, n, "upstream \"" SPAN_FMT "\" may not have port %u",
		    SPAN_ARG(hp->host), hp->port);
		return NULL;
	}
	/* Paths keep their case. */
	return implicit_group(l, n, hp->is_unix ? text : host, hp, default_port);
}

static int
find_upstream(struct loader *l, const struct node *n, struct span text, struct proxy_target *t)
{
	uint16_t scheme_port = t->tls ? HTTPS_PORT : HTTP_PORT;
	struct host_port hp;

	t->host_header = text;
	t->port = t->tls ? SPAN("443") : SPAN("80");
	t->upstream = loader_upstream(l, n, text, scheme_port, &hp);
	if (!t->upstream)
		return -1;
	if (t->upstream->implicit)
		proxy_host_header(text, &hp, scheme_port, l->arena, &t->host_header, &t->port);
	return 0;
}

/*
 * proxy_redirect default: the upstream's own address in Location becomes the location's path.
 */
static const struct field_rewrite *
default_redirect(struct loader *l, const struct location *location, const struct proxy_target *t)
{
	struct field_rewrite *r = arena_zalloc(l->arena, sizeof(*r));
	struct span from = t->literal_url;

	if (!t->has_uri)
		from = arena_printf(l->arena, SPAN_FMT "/", SPAN_ARG(from));
	r->prefix = template_literal(from, l->arena);
	r->to = template_literal(t->has_uri ? location->path : SPAN("/"), l->arena);
	return r;
}

bool
proxy_scheme_split(struct span url, bool *tls, struct span *rest)
{
	*tls = url.n >= 8 && span_eq_nocase(span_of(url.p, 8), SPAN("https://"));
	if (!*tls && (url.n < 7 || !span_eq_nocase(span_of(url.p, 7), SPAN("http://"))))
		return false;
	*rest = span_after(url, *tls ? 8 : 7);
	return true;
}

static int
set_literal(struct loader *l, struct scope *s, const struct node *n, struct proxy_target *t)
{
	struct span url = n->words[1].text, rest, host;

	if (!proxy_scheme_split(url, &t->tls, &rest)) {
		loader_error(l, n, "invalid URL prefix in \"" SPAN_FMT "\"", SPAN_ARG(url));
		diagnostic_hint(l->diags, "an upstream is written like \"http://127.0.0.1:8080\"");
		return -1;
	}
	proxy_url_split(rest, &host, &t->uri);
	t->literal_url = url;
	t->has_uri = t->uri.n > 0;
	if (t->has_uri && t->uri.p[0] != '/')
		return loader_error(l, n, "invalid URI in \"" SPAN_FMT "\"", SPAN_ARG(url));
	if (t->has_uri && s->location->kind != LOCATION_PREFIX &&
	    s->location->kind != LOCATION_EXACT)
		return loader_error(l, n,
		    "\"proxy_pass\" cannot have URI part in location given by regular expression, "
		    "or inside named location, or inside \"if\" statement, or inside "
		    "\"limit_except\" block");
	if (find_upstream(l, n, host, t) < 0)
		return -1;
	t->default_redirect = default_redirect(l, s->location, t);
	return 0;
}

static int
set_proxy_pass(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct proxy_target *t = arena_zalloc(l->arena, sizeof(*t));

	if (span_find(n->words[1].text, '$') >= 0) {
		t->url = loader_template(l, n, &n->words[1]);
		if (!t->url)
			return -1;
	} else if (set_literal(l, s, n, t) < 0) {
		return -1;
	}
	s->location->proxy = t;
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("proxy_pass"), CONTEXT_LOCATION | CONTEXT_LOCATION_IF | CONTEXT_LIMIT_EXCEPT, 1,
	    1, 0, .set = set_proxy_pass },
};
const struct directive_table directive_proxy_pass_table = { rows, sizeof(rows) / sizeof(rows[0]) };
