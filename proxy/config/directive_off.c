/* SPDX-License-Identifier: ISC */
/*
 * directive_off: what nginx's configurations say that makes no difference here: features that are said to be off, and
 * what would tune them; the sizes of tables that grow by themselves; how connections are taken; modules.
 *
 * Arguments are checked as nginx does. Each says so at -t, so that nobody takes it for more.
 */
#include "proxy/config/loader.h"
#include "proxy/config/nginx_only.h"
#include "proxy/config/value.h"

static const char no_cache[] = "responses are never cached";
static const char grows[] = "tables and pools grow as they need";
static const char unchanged[] = "bodies are passed on as the service made them";
static const char not_listed[] = "directories are never listed";
static const char not_authenticated[] = "requests are not authenticated here";
static const char not_combined[] =
    "allow and deny decide alone: requests are not authenticated here";
static const char http_only[] = "services are reached by HTTP only";
static const char by_epoll[] = "connections are waited for by epoll, and taken as they come";
static const char compiled[] = "expressions are compiled when the configuration is loaded";
static const char built_in[] =
    "all there is is built in; what else the module brings is refused where it is used";

static int
note(struct loader *l, const struct directive *d, const struct node *n)
{
	loader_note(l, n, "\"" SPAN_FMT "\" directive makes no difference", SPAN_ARG(d->name));
	diagnostic_hint(l->diags, "%s", (const char *)d->detail);
	return 0;
}

/* proxy_cache off */
static int
set_cache(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (span_eq(n->words[1].text, SPAN("off")))
		return note(l, d, n);
	loader_error(l, n, "\"proxy_cache " SPAN_FMT "\" is not supported: there is no cache",
	    SPAN_ARG(n->words[1].text));
	diagnostic_hint(l->diags, "every request goes to its service: delete the line");
	return -1;
}

/* NAME off */
static int
set_off(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (span_eq(n->words[1].text, SPAN("off")))
		return note(l, d, n);
	loader_error(l, n, "\"" SPAN_FMT " " SPAN_FMT "\" is not supported", SPAN_ARG(d->name),
	    SPAN_ARG(n->words[1].text));
	diagnostic_hint(l->diags, "%s", nginx_only_hint(d->name));
	return -1;
}

/* What nginx itself no longer honours. detail: the directive to use instead, or NULL. */
static int
warn_obsolete(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (d->detail)
		loader_warn(l, n,
		    "the \"" SPAN_FMT "\" directive is obsolete, use the \"%s\" directive instead",
		    SPAN_ARG(d->name), (const char *)d->detail);
	else
		loader_warn(l, n, "the \"" SPAN_FMT "\" directive is obsolete, ignored",
		    SPAN_ARG(d->name));
	return 0;
}

static int
check_flag(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	bool unused;

	return directive_parse_flag(l, n, &unused) < 0 ? -1 : note(l, d, n);
}

static int
check_number(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	uint64_t unused;

	if (span_to_u64(n->words[1].text, INT32_MAX, &unused) < 0)
		return loader_fail(l, n, "invalid number");
	return note(l, d, n);
}

/* gzip_comp_level 1..9 */
static int
check_level(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	uint64_t level;

	if (span_to_u64(n->words[1].text, 9, &level) < 0 || level < 1)
		return loader_fail(l, n, "value must be between 1 and 9");
	return note(l, d, n);
}

static int
check_size(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	uint64_t unused;

	if (value_parse_size(n->words[1].text, UINT32_MAX, &unused) < 0)
		return loader_fail(l, n, "invalid value");
	return note(l, d, n);
}

static int
check_duration(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	int64_t unused;

	if (value_parse_duration(n->words[1].text, DURATION_MS, &unused) < 0)
		return loader_fail(l, n, "invalid value");
	return note(l, d, n);
}

/* gzip_buffers NUMBER SIZE */
static int
check_buffers(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	uint64_t unused;

	if (span_to_u64(n->words[1].text, INT32_MAX, &unused) < 0 ||
	    value_parse_size(n->words[2].text, UINT32_MAX, &unused) < 0)
		return loader_fail(l, n, "invalid value");
	return note(l, d, n);
}

/* proxy_cache_path PATH PARAMETER... */
static int
check_cache_path(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	for (unsigned i = 2; i < n->word_count; i++) {
		if (span_starts(n->words[i].text, SPAN("keys_zone=")))
			return note(l, d, n);
	}
	return loader_error(l, n, "\"proxy_cache_path\" must have \"keys_zone\" parameter");
}

/* use epoll */
static int
check_method(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (span_eq(n->words[1].text, SPAN("epoll")))
		return note(l, d, n);
	loader_error(l, n, "\"use " SPAN_FMT "\" is not supported", SPAN_ARG(n->words[1].text));
	diagnostic_hint(l->diags, "connections are waited for by epoll: delete the line");
	return -1;
}

/* proxy_cache_valid [CODE...|any] TIME */
static int
check_valid(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	uint64_t code;
	int64_t time;

	for (unsigned i = 1; i + 1 < n->word_count; i++) {
		const struct word *w = &n->words[i];

		if (!span_eq(w->text, SPAN("any")) &&
		    (span_to_u64(w->text, 599, &code) < 0 || code < 100))
			return loader_word_error(l, n, w, "invalid status \"" SPAN_FMT "\"",
			    SPAN_ARG(w->text));
	}
	if (value_parse_duration(n->words[n->word_count - 1].text, DURATION_S, &time) < 0)
		return loader_error(l, n, "invalid time value \"" SPAN_FMT "\"",
		    SPAN_ARG(n->words[n->word_count - 1].text));
	return note(l, d, n);
}

/* One word or several of a list. */
static int
check_choices(struct loader *l, const struct directive *d, const struct node *n,
    const struct directive_choice *choices)
{
	unsigned unused;

	for (unsigned i = 1; i < n->word_count; i++) {
		if (directive_choose(l, n, &n->words[i], choices, &unused) < 0)
			return -1;
	}
	return note(l, d, n);
}

static int
check_use_stale(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	static const struct directive_choice causes[] = {
		{ SPAN_INIT("error"), 0 },
		{ SPAN_INIT("timeout"), 0 },
		{ SPAN_INIT("invalid_header"), 0 },
		{ SPAN_INIT("updating"), 0 },
		{ SPAN_INIT("http_500"), 0 },
		{ SPAN_INIT("http_502"), 0 },
		{ SPAN_INIT("http_503"), 0 },
		{ SPAN_INIT("http_504"), 0 },
		{ SPAN_INIT("http_403"), 0 },
		{ SPAN_INIT("http_404"), 0 },
		{ SPAN_INIT("http_429"), 0 },
		{ SPAN_INIT("off"), 0 },
		{ SPAN_INIT(""), 0 },
	};

	return check_choices(l, d, n, causes);
}

static int
check_methods(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	static const struct directive_choice methods[] = {
		{ SPAN_INIT("GET"), 0 },
		{ SPAN_INIT("HEAD"), 0 },
		{ SPAN_INIT("POST"), 0 },
		{ SPAN_INIT(""), 0 },
	};

	return check_choices(l, d, n, methods);
}

/* gzip_proxied CASE... */
static int
check_proxied(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	static const struct directive_choice cases[] = {
		{ SPAN_INIT("off"), 0 },
		{ SPAN_INIT("expired"), 0 },
		{ SPAN_INIT("no-cache"), 0 },
		{ SPAN_INIT("no-store"), 0 },
		{ SPAN_INIT("private"), 0 },
		{ SPAN_INIT("no_last_modified"), 0 },
		{ SPAN_INIT("no_etag"), 0 },
		{ SPAN_INIT("auth"), 0 },
		{ SPAN_INIT("any"), 0 },
		{ SPAN_INIT(""), 0 },
	};

	return check_choices(l, d, n, cases);
}

static int
check_http_version(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	static const struct directive_choice versions[] = {
		{ SPAN_INIT("1.0"), 0 },
		{ SPAN_INIT("1.1"), 0 },
		{ SPAN_INIT(""), 0 },
	};

	return check_choices(l, d, n, versions);
}

/* satisfy all | any */
static int
check_satisfy(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	static const struct directive_choice ways[] = {
		{ SPAN_INIT("all"), 0 },
		{ SPAN_INIT("any"), 0 },
		{ SPAN_INIT(""), 0 },
	};

	return check_choices(l, d, n, ways);
}

/* Nothing to be wrong about. */
static int
check_nothing(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	return note(l, d, n);
}

static int
check_values(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	for (unsigned i = 1; i < n->word_count; i++) {
		if (!loader_template(l, n, &n->words[i]))
			return -1;
	}
	return note(l, d, n);
}

#define ROW(name, contexts, min, max, flags, setter, why)                                    \
	{                                                                                    \
		SPAN_INIT(name), contexts, min, max, flags, .set = (setter), .detail = (why) \
	}
#define ONE(name, contexts, setter, why) ROW(name, contexts, 1, 1, 0, setter, why)
#define SEVERAL(name, contexts, setter, why) \
	ROW(name, contexts, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY, setter, why)

static const struct directive rows[] = {
	ONE("proxy_cache", CONTEXT_HTTP_ALL, set_cache, no_cache),
	ONE("proxy_cache_background_update", CONTEXT_HTTP_ALL, check_flag, no_cache),
	SEVERAL("proxy_cache_bypass", CONTEXT_HTTP_ALL, check_values, no_cache),
	ONE("proxy_cache_convert_head", CONTEXT_HTTP_ALL, check_flag, no_cache),
	ONE("proxy_cache_key", CONTEXT_HTTP_ALL, check_values, no_cache),
	ONE("proxy_cache_lock", CONTEXT_HTTP_ALL, check_flag, no_cache),
	ONE("proxy_cache_lock_age", CONTEXT_HTTP_ALL, check_duration, no_cache),
	ONE("proxy_cache_lock_timeout", CONTEXT_HTTP_ALL, check_duration, no_cache),
	SEVERAL("proxy_cache_methods", CONTEXT_HTTP_ALL, check_methods, no_cache),
	ONE("proxy_cache_min_uses", CONTEXT_HTTP_ALL, check_number, no_cache),
	ROW("proxy_cache_path", CONTEXT_HTTP, 2, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    check_cache_path, no_cache),
	ONE("proxy_cache_revalidate", CONTEXT_HTTP_ALL, check_flag, no_cache),
	SEVERAL("proxy_cache_use_stale", CONTEXT_HTTP_ALL, check_use_stale, no_cache),
	SEVERAL("proxy_cache_valid", CONTEXT_HTTP_ALL, check_valid, no_cache),
	SEVERAL("proxy_no_cache", CONTEXT_HTTP_ALL, check_values, no_cache),

	ONE("charset", CONTEXT_HTTP_ALL | CONTEXT_LOCATION_IF, set_off, unchanged),
	ONE("gunzip", CONTEXT_HTTP_ALL, set_off, unchanged),
	ONE("gzip", CONTEXT_HTTP_ALL | CONTEXT_LOCATION_IF, set_off, unchanged),
	ROW("gzip_buffers", CONTEXT_HTTP_ALL, 2, 2, 0, check_buffers, unchanged),
	ONE("gzip_comp_level", CONTEXT_HTTP_ALL, check_level, unchanged),
	SEVERAL("gzip_disable", CONTEXT_HTTP_ALL, check_nothing, unchanged),
	ONE("gzip_http_version", CONTEXT_HTTP_ALL, check_http_version, unchanged),
	ONE("gzip_min_length", CONTEXT_HTTP_ALL, check_size, unchanged),
	SEVERAL("gzip_proxied", CONTEXT_HTTP_ALL, check_proxied, unchanged),
	ONE("gzip_static", CONTEXT_HTTP_ALL, set_off, unchanged),
	SEVERAL("gzip_types", CONTEXT_HTTP_ALL, check_nothing, unchanged),
	ONE("gzip_vary", CONTEXT_HTTP_ALL, check_flag, unchanged),
	ONE("ssi", CONTEXT_HTTP_ALL | CONTEXT_LOCATION_IF, set_off, unchanged),
	ONE("autoindex", CONTEXT_HTTP_ALL, set_off, not_listed),
	ONE("auth_basic", CONTEXT_HTTP_ALL | CONTEXT_LIMIT_EXCEPT, set_off, not_authenticated),
	ONE("auth_request", CONTEXT_HTTP_ALL, set_off, not_authenticated),
	ONE("satisfy", CONTEXT_HTTP_ALL, check_satisfy, not_combined),

	ROW("fastcgi_temp_path", CONTEXT_HTTP_ALL, 1, 4, 0, check_nothing, http_only),
	ROW("scgi_temp_path", CONTEXT_HTTP_ALL, 1, 4, 0, check_nothing, http_only),
	ROW("uwsgi_temp_path", CONTEXT_HTTP_ALL, 1, 4, 0, check_nothing, http_only),

	ONE("accept_mutex", CONTEXT_EVENTS, check_flag, by_epoll),
	ONE("accept_mutex_delay", CONTEXT_EVENTS, check_duration, by_epoll),
	ONE("multi_accept", CONTEXT_EVENTS, check_flag, by_epoll),
	ONE("use", CONTEXT_EVENTS, check_method, by_epoll),
	ONE("pcre_jit", CONTEXT_MAIN, check_flag, compiled),
	ROW("load_module", CONTEXT_MAIN, 1, 1, DIRECTIVE_MANY, check_nothing, built_in),

	ONE("http2_idle_timeout", CONTEXT_HTTP_SERVER, warn_obsolete, "keepalive_timeout"),
	ONE("http2_max_concurrent_pushes", CONTEXT_HTTP_SERVER, warn_obsolete, NULL),
	ONE("http2_max_field_size", CONTEXT_HTTP_SERVER, warn_obsolete,
	    "large_client_header_buffers"),
	ONE("http2_max_header_size", CONTEXT_HTTP_SERVER, warn_obsolete,
	    "large_client_header_buffers"),
	ONE("http2_max_requests", CONTEXT_HTTP_SERVER, warn_obsolete, "keepalive_requests"),
	ROW("http2_push", CONTEXT_HTTP_ALL, 1, 1, DIRECTIVE_MANY, warn_obsolete, NULL),
	ONE("http2_push_preload", CONTEXT_HTTP_ALL, warn_obsolete, NULL),
	ONE("http2_recv_timeout", CONTEXT_HTTP_SERVER, warn_obsolete, "client_header_timeout"),

	ONE("connection_pool_size", CONTEXT_HTTP_SERVER, check_size, grows),
	ONE("request_pool_size", CONTEXT_HTTP_SERVER, check_size, grows),
	ONE("map_hash_bucket_size", CONTEXT_HTTP | CONTEXT_STREAM, check_number, grows),
	ONE("map_hash_max_size", CONTEXT_HTTP | CONTEXT_STREAM, check_number, grows),
	ONE("proxy_headers_hash_bucket_size", CONTEXT_HTTP_ALL, check_number, grows),
	ONE("proxy_headers_hash_max_size", CONTEXT_HTTP_ALL, check_number, grows),
	ONE("server_names_hash_bucket_size", CONTEXT_HTTP | CONTEXT_STREAM, check_number, grows),
	ONE("server_names_hash_max_size", CONTEXT_HTTP | CONTEXT_STREAM, check_number, grows),
	ONE("types_hash_bucket_size", CONTEXT_HTTP_ALL, check_number, grows),
	ONE("types_hash_max_size", CONTEXT_HTTP_ALL, check_number, grows),
	ONE("variables_hash_bucket_size", CONTEXT_HTTP | CONTEXT_STREAM, check_number, grows),
	ONE("variables_hash_max_size", CONTEXT_HTTP | CONTEXT_STREAM, check_number, grows),
};
const struct directive_table directive_off_table = { rows, sizeof(rows) / sizeof(rows[0]) };
