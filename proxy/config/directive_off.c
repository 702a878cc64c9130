/* SPDX-License-Identifier: ISC */
/*
 * directive_off: what nginx's configurations say that makes no difference here: caching while it is
 * off, and the sizes of tables that grow by themselves.
 *
 * Arguments are checked as nginx does. Each says so at -t, so that nobody takes it for more.
 */
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

static const char no_cache[] = "responses are never cached";
static const char grows[] = "tables and pools grow as they need";

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
	diagnostic_hint(l->diags, "only \"proxy_cache off;\" is accepted");
	return -1;
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

static int
check_size(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	uint64_t unused;

	if (value_parse_size(n->words[1].text, UINT32_MAX, &unused) < 0)
		return loader_fail(l, n, "invalid value");
	return note(l, d, n);
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
	unsigned unused;

	for (unsigned i = 1; i < n->word_count; i++) {
		if (directive_choose(l, n, &n->words[i], causes, &unused) < 0)
			return -1;
	}
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

#define NUMBER(name, contexts)                                                           \
	{                                                                                \
		SPAN_INIT(name), contexts, 1, 1, 0, .set = check_number, .detail = grows \
	}

static const struct directive rows[] = {
	{ SPAN_INIT("proxy_cache"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = set_cache,
	    .detail = no_cache },
	{ SPAN_INIT("proxy_cache_min_uses"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = check_number,
	    .detail = no_cache },
	{ SPAN_INIT("proxy_cache_revalidate"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = check_flag,
	    .detail = no_cache },
	{ SPAN_INIT("proxy_cache_use_stale"), CONTEXT_HTTP_ALL, 1, DIRECTIVE_ARGS_ANY,
	    DIRECTIVE_MANY, .set = check_use_stale, .detail = no_cache },
	{ SPAN_INIT("proxy_cache_valid"), CONTEXT_HTTP_ALL, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = check_valid, .detail = no_cache },
	{ SPAN_INIT("proxy_no_cache"), CONTEXT_HTTP_ALL, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = check_values, .detail = no_cache },
	{ SPAN_INIT("connection_pool_size"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = check_size,
	    .detail = grows },
	NUMBER("map_hash_bucket_size", CONTEXT_HTTP),
	NUMBER("map_hash_max_size", CONTEXT_HTTP),
	NUMBER("proxy_headers_hash_bucket_size", CONTEXT_HTTP_ALL),
	NUMBER("proxy_headers_hash_max_size", CONTEXT_HTTP_ALL),
	NUMBER("server_names_hash_bucket_size", CONTEXT_HTTP),
	NUMBER("server_names_hash_max_size", CONTEXT_HTTP),
	NUMBER("types_hash_bucket_size", CONTEXT_HTTP_ALL),
	NUMBER("types_hash_max_size", CONTEXT_HTTP_ALL),
	NUMBER("variables_hash_bucket_size", CONTEXT_HTTP),
	NUMBER("variables_hash_max_size", CONTEXT_HTTP),
};
const struct directive_table directive_off_table = { rows, sizeof(rows) / sizeof(rows[0]) };
