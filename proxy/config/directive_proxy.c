/* SPDX-License-Identifier: ISC */
/*
 * directive_proxy: what goes to the upstream, and which of its fields reach the client.
 */
#include "proxy/config/host_port.h"
#include "proxy/config/loader.h"

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
proxy_settings_hide(const struct proxy_settings *p, struct span name, bool otherwise)
{
	if (has_name(p->pass_headers, name))
		return false;
	return has_name(p->hide_headers, name) || otherwise;
}

static const struct directive_choice accel_headers[] = {
	{ SPAN_INIT("X-Accel-Redirect"), ACCEL_REDIRECT },
	{ SPAN_INIT("X-Accel-Expires"), ACCEL_EXPIRES },
	{ SPAN_INIT("X-Accel-Limit-Rate"), ACCEL_LIMIT_RATE },
	{ SPAN_INIT("X-Accel-Buffering"), ACCEL_BUFFERING },
	{ SPAN_INIT("X-Accel-Charset"), ACCEL_CHARSET },
	{ SPAN_INIT("Expires"), ACCEL_CACHE },
	{ SPAN_INIT("Cache-Control"), ACCEL_CACHE << 1 },
	{ SPAN_INIT("Set-Cookie"), ACCEL_CACHE << 2 },
	{ SPAN_INIT("Vary"), ACCEL_CACHE << 3 },
	{ SPAN_INIT(""), 0 },
};

static const struct directive_choice next_upstream[] = {
	{ SPAN_INIT("error"), NEXT_ERROR },
	{ SPAN_INIT("timeout"), NEXT_TIMEOUT },
	{ SPAN_INIT("invalid_header"), NEXT_INVALID_HEADER },
	{ SPAN_INIT("http_500"), NEXT_HTTP_500 },
	{ SPAN_INIT("http_502"), NEXT_HTTP_502 },
	{ SPAN_INIT("http_503"), NEXT_HTTP_503 },
	{ SPAN_INIT("http_504"), NEXT_HTTP_504 },
	{ SPAN_INIT("http_403"), NEXT_HTTP_403 },
	{ SPAN_INIT("http_404"), NEXT_HTTP_404 },
	{ SPAN_INIT("http_429"), NEXT_HTTP_429 },
	{ SPAN_INIT("non_idempotent"), NEXT_NON_IDEMPOTENT },
	{ SPAN_INIT("off"), NEXT_OFF },
	{ SPAN_INIT(""), 0 },
};

/* proxy_next_upstream CASE...: "off" rules out whatever else is said. */
static int
set_next_upstream(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	unsigned *set = &scope_location_settings(l, s)->proxy.next_upstream;

	if (directive_set_choices(l, s, d, n) < 0)
		return -1;
	if (*set & NEXT_OFF)
		*set = NEXT_OFF;
	return 0;
}

/* proxy_bind ADDRESS[:PORT] | off */
static int
set_bind(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	const struct template **bind = &scope_location_settings(l, s)->proxy.bind;
	struct address address;

	*bind = NULL;
	if (n->word_count == 2 && span_eq(n->words[1].text, SPAN("off")))
		return 0;
	if (n->word_count == 3) {
		if (!span_eq(n->words[2].text, SPAN("transparent")))
			return loader_bad_parameter(l, n, &n->words[2], NULL);
		loader_word_error(l, n, &n->words[2],
		    "\"transparent\" in \"proxy_bind\" is not supported");
		diagnostic_hint(l->diags, "workers run without the capability it needs");
		return -1;
	}
	*bind = loader_template(l, n, &n->words[1]);
	if (!*bind)
		return -1;
	if ((*bind)->literal && !host_port_bind(n->words[1].text, l->arena, &address))
		return loader_error(l, n, "invalid address \"" SPAN_FMT "\"",
		    SPAN_ARG(n->words[1].text));
	return 0;
}

static const struct directive_choice header_versions[] = {
	{ SPAN_INIT("off"), 0 },
	{ SPAN_INIT("on"), 1 }, /* nginx's, in stream */
	{ SPAN_INIT("v1"), 1 },
	{ SPAN_INIT("v2"), 2 },
	{ SPAN_INIT(""), 0 },
};

static const struct directive_range head_buffer = { 256, 16 << 20 };

static const struct directive rows[] = {
	{ SPAN_INIT("proxy_set_header"), CONTEXT_HTTP_ALL, 2, 2, DIRECTIVE_MANY,
	    .set = set_header },
	{ SPAN_INIT("proxy_method"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_template,
	    LOCATION_FIELD(const struct template *, proxy.method) },
	{ SPAN_INIT("proxy_set_body"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_template,
	    LOCATION_FIELD(const struct template *, proxy.body) },
	{ SPAN_INIT("proxy_pass_request_headers"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_flag, LOCATION_FIELD(bool, proxy.pass_request_headers) },
	{ SPAN_INIT("proxy_pass_request_body"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_flag, LOCATION_FIELD(bool, proxy.pass_request_body) },
	{ SPAN_INIT("proxy_request_buffering"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_flag, LOCATION_FIELD(bool, proxy.request_buffering) },
	{ SPAN_INIT("proxy_next_upstream"), CONTEXT_HTTP_ALL, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = set_next_upstream, LOCATION_FIELD(unsigned, proxy.next_upstream),
	    next_upstream },
	{ SPAN_INIT("proxy_next_upstream_tries"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_number, LOCATION_FIELD(unsigned, proxy.next_upstream_tries) },
	{ SPAN_INIT("proxy_next_upstream_timeout"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_duration,
	    LOCATION_FIELD(int64_t, proxy.next_upstream_timeout_ms) },
	{ SPAN_INIT("proxy_ignore_headers"), CONTEXT_HTTP_ALL, 1, DIRECTIVE_ARGS_ANY,
	    DIRECTIVE_MANY, .set = directive_set_choices, LOCATION_FIELD(unsigned, proxy.ignore),
	    accel_headers },
	{ SPAN_INIT("proxy_bind"), CONTEXT_HTTP_ALL | CONTEXT_STREAM_ALL, 1, 2, 0,
	    .set = set_bind },
	{ SPAN_INIT("proxy_protocol"), CONTEXT_HTTP_ALL | CONTEXT_STREAM_ALL, 1, 1, 0,
	    .set = directive_set_choice, LOCATION_FIELD(unsigned, proxy.proxy_protocol),
	    header_versions },
	{ SPAN_INIT("proxy_socket_keepalive"), CONTEXT_HTTP_ALL | CONTEXT_STREAM_ALL, 1, 1, 0,
	    .set = directive_set_flag, LOCATION_FIELD(bool, proxy.socket_keepalive) },
	{ SPAN_INIT("proxy_ignore_client_abort"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_flag, LOCATION_FIELD(bool, proxy.ignore_client_abort) },
	{ SPAN_INIT("proxy_intercept_errors"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_flag,
	    LOCATION_FIELD(bool, proxy.intercept_errors) },
	{ SPAN_INIT("proxy_http_version"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = set_http_version },
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
