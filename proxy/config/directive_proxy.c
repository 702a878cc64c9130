/* SPDX-License-Identifier: ISC */
/*
 * directive_proxy: proxy_pass and what goes to and comes from the upstream.
 */
#include "proxy/config/host_port.h"
#include "proxy/config/loader.h"

#define HTTP_PORT 80

/*
 * Take "host:port" and the URI of what stands behind "http://" apart. A unix path ends at ":" or
 * the end.
 */
static void
split_target(struct span rest, struct span *host, struct span *uri)
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

/* The group that a literal address stands for: one per distinct host and port. */
static struct upstream_spec *
implicit_group(struct loader *l, const struct node *n, struct span host, const struct host_port *hp)
{
	struct span key = hp->is_unix || hp->port
			      ? host
			      : arena_printf(l->arena, SPAN_FMT ":%d", SPAN_ARG(host), HTTP_PORT);
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
static int
find_upstream(struct loader *l, const struct node *n, struct span text, struct proxy_target *t)
{
	struct span host = loader_lower(l, text);
	struct upstream_spec *u = span_map_get(&l->upstreams, host);
	struct host_port hp;
	const char *wrong;

	t->host_header = text;
	t->port = SPAN("80");
	if (u && !u->implicit) {
		t->upstream = u;
		return 0;
	}
	wrong = host_port_split(text, false, &hp);
	if (wrong)
		return loader_error(l, n, "%s in upstream \"" SPAN_FMT "\"", wrong, SPAN_ARG(text));
	u = span_map_get(&l->upstreams, loader_lower(l, hp.host));
	if (u && !u->implicit && hp.port)
		return loader_error(l, n, "upstream \"" SPAN_FMT "\" may not have port %u",
		    SPAN_ARG(hp.host), hp.port);
	if (hp.is_unix) {
		host = text; /* paths keep their case */
		t->host_header = SPAN("localhost");
		t->port = SPAN("");
	} else if (hp.port == HTTP_PORT) {
		/* The scheme's own port does not show. */
		t->host_header.n = (size_t)(hp.host.p + hp.host.n + hp.bracketed - text.p);
	} else if (hp.port) {
		t->port = arena_printf(l->arena, "%u", hp.port);
	}
	t->upstream = implicit_group(l, n, host, &hp);
	return 0;
}

static int
set_proxy_pass(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct proxy_target *t = arena_zalloc(l->arena, sizeof(*t));
	struct span url = n->words[1].text, host;

	if (loader_check_literal(l, n, &n->words[1]) < 0)
		return -1;
	if (url.n >= 8 && span_eq_nocase(span_of(url.p, 8), SPAN("https://")))
		return loader_error(l, n, "\"https://\" in \"proxy_pass\" is not supported yet");
	if (url.n < 7 || !span_eq_nocase(span_of(url.p, 7), SPAN("http://"))) {
		loader_error(l, n, "invalid URL prefix in \"" SPAN_FMT "\"", SPAN_ARG(url));
		diagnostic_hint(l->diags, "an upstream is written like \"http://127.0.0.1:8080\"");
		return -1;
	}
	split_target(span_after(url, 7), &host, &t->uri);
	t->has_uri = t->uri.n > 0;
	if (t->has_uri && t->uri.p[0] != '/')
		return loader_error(l, n, "invalid URI in \"" SPAN_FMT "\"", SPAN_ARG(url));
	if (find_upstream(l, n, host, t) < 0)
		return -1;
	s->location->proxy = t;
	return 0;
}

/* proxy_set_header NAME VALUE: an empty value leaves the field out. */
static int
set_header(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct proxy_settings *p = &scope_location_settings(l, s)->proxy;

	if (s->first)
		p->set_headers = NULL;
	return loader_add_header(l, n, &p->set_headers, false);
}

static int
set_http_version(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	static const struct directive_choice versions[] = {
		{ SPAN_INIT("1.0"), true },
		{ SPAN_INIT("1.1"), false },
		{ SPAN_INIT(""), 0 },
	};
	unsigned old;

	if (directive_choose(l, n, &n->words[1], versions, &old) < 0)
		return -1;
	scope_location_settings(l, s)->proxy.http_1_0 = old;
	return 0;
}

/* proxy_redirect default | off */
static int
set_redirect(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span how = n->words[1].text;

	if (n->word_count == 3)
		return loader_error(l, n,
		    "replacements in \"proxy_redirect\" are not supported yet");
	if (!span_eq(how, SPAN("default")) && !span_eq(how, SPAN("off")))
		return loader_bad_parameter(l, n, &n->words[1], NULL);
	scope_location_settings(l, s)->proxy.redirect_default = span_eq(how, SPAN("default"));
	return 0;
}

static int
add_name(struct loader *l, struct scope *s, const struct node *n, const struct header_name **list)
{
	struct header_name *name = arena_zalloc(l->arena, sizeof(*name));

	name->name = n->words[1].text;
	name->next = s->first ? NULL : *list;
	*list = name;
	return loader_check_header_name(l, n, &n->words[1]);
}

static int
set_hide_header(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	return add_name(l, s, n, &scope_location_settings(l, s)->proxy.hide_headers);
}

static int
set_pass_header(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	return add_name(l, s, n, &scope_location_settings(l, s)->proxy.pass_headers);
}

static bool
has_name(const struct header_name *list, struct span name)
{
	for (; list; list = list->next) {
		if (span_eq_nocase(list->name, name))
			return true;
	}
	return false;
}

bool
proxy_settings_hide(const struct proxy_settings *p, struct span name)
{
	static const struct span hidden[] = {
		SPAN_INIT("Date"),
		SPAN_INIT("Server"),
		SPAN_INIT("X-Pad"),
		SPAN_INIT("X-Accel-Expires"),
		SPAN_INIT("X-Accel-Redirect"),
		SPAN_INIT("X-Accel-Limit-Rate"),
		SPAN_INIT("X-Accel-Buffering"),
		SPAN_INIT("X-Accel-Charset"),
	};

	if (has_name(p->pass_headers, name))
		return false;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (span_eq_nocase(hidden[i], name))
			return true;
	}
	return has_name(p->hide_headers, name);
}

static const struct directive_range head_buffer = { 256, 16 << 20 };

static const struct directive rows[] = {
	{ SPAN_INIT("proxy_pass"), CONTEXT_LOCATION, 1, 1, 0, .set = set_proxy_pass },
	{ SPAN_INIT("proxy_set_header"), CONTEXT_HTTP_ALL, 2, 2, DIRECTIVE_MANY,
	    .set = set_header },
	{ SPAN_INIT("proxy_http_version"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = set_http_version },
	{ SPAN_INIT("proxy_redirect"), CONTEXT_HTTP_ALL, 1, 2, 0, .set = set_redirect },
	{ SPAN_INIT("proxy_hide_header"), CONTEXT_HTTP_ALL, 1, 1, DIRECTIVE_MANY,
	    .set = set_hide_header },
	{ SPAN_INIT("proxy_pass_header"), CONTEXT_HTTP_ALL, 1, 1, DIRECTIVE_MANY,
	    .set = set_pass_header },
	{ SPAN_INIT("proxy_connect_timeout"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_duration, LOCATION_FIELD(int64_t, proxy.connect_timeout_ms) },
	{ SPAN_INIT("proxy_send_timeout"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_duration,
	    LOCATION_FIELD(int64_t, proxy.send_timeout_ms) },
	{ SPAN_INIT("proxy_read_timeout"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_duration,
	    LOCATION_FIELD(int64_t, proxy.read_timeout_ms) },
	{ SPAN_INIT("tunnel_timeout"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_duration,
	    LOCATION_FIELD(int64_t, proxy.tunnel_timeout_ms) },
	{ SPAN_INIT("proxy_buffer_size"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_size,
	    LOCATION_FIELD(size_t, proxy.buffer_size), &head_buffer },
};
const struct directive_table directive_proxy_table = { rows, sizeof(rows) / sizeof(rows[0]) };
