/* SPDX-License-Identifier: ISC */
/*
 * directive_balance: how an upstream group chooses among its servers, what workers share of it, and active checks.
 */
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

static int
set_method(struct loader *l, struct scope *s, const struct node *n, enum balance_method method)
{
	struct upstream_spec *u = s->upstream;

	if (u->method != BALANCE_ROUND_ROBIN)
		loader_warn(l, n, "load balancing method redefined");
	u->method = method;
	u->method_node = n;
	return 0;
}

static int
set_ip_hash(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	return set_method(l, s, n, BALANCE_IP_HASH);
}

static int
set_least_conn(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	return set_method(l, s, n, BALANCE_LEAST_CONN);
}

/* hash KEY [consistent] */
static int
set_hash(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	bool consistent = n->word_count == 3;

	if (consistent && !span_eq(n->words[2].text, SPAN("consistent")))
		return loader_bad_parameter(l, n, &n->words[2], NULL);
	s->upstream->hash_key = loader_template(l, n, &n->words[1]);
	if (!s->upstream->hash_key)
		return -1;
	return set_method(l, s, n, consistent ? BALANCE_HASH_CONSISTENT : BALANCE_HASH);
}

/* random [two [least_conn]] */
static int
set_random(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (n->word_count >= 2 && !span_eq(n->words[1].text, SPAN("two")))
		return loader_bad_parameter(l, n, &n->words[1], NULL);
	if (n->word_count == 3 && !span_eq(n->words[2].text, SPAN("least_conn")))
		return loader_bad_parameter(l, n, &n->words[2], NULL);
	return set_method(l, s, n, n->word_count >= 2 ? BALANCE_RANDOM_TWO : BALANCE_RANDOM);
}

/* zone NAME [SIZE]: the size stands in one of the groups that share it. */
static int
set_zone(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	uint64_t size = 0;

	if (n->words[1].text.n == 0)
		return loader_error(l, n, "invalid zone name \"\"");
	if (n->word_count == 3 && value_parse_size(n->words[2].text, 1 << 30, &size) < 0)
		return loader_error(l, n, "invalid zone size \"" SPAN_FMT "\"",
		    SPAN_ARG(n->words[2].text));
	if (n->word_count == 3 && size < 8 * 4096) {
		loader_error(l, n, "zone \"" SPAN_FMT "\" is too small",
		    SPAN_ARG(n->words[1].text));
		diagnostic_hint(l->diags, "it must be at least 32k");
		return -1;
	}
	s->upstream->zone = loader_zone(l, n,
	    arena_printf(l->arena, "upstream " SPAN_FMT, SPAN_ARG(n->words[1].text)), (size_t)size);
	return s->upstream->zone ? 0 : -1;
}

/* "200-399" or "200" */
static int
parse_statuses(struct span text, struct health_check_spec *h)
{
	ptrdiff_t dash = span_find(text, '-');
	struct span low = span_of(text.p, dash < 0 ? text.n : (size_t)dash);
	struct span high = dash < 0 ? text : span_after(text, (size_t)dash + 1);
	uint64_t min, max;

	if (span_to_u64(low, 599, &min) < 0 || span_to_u64(high, 599, &max) < 0 || min < 100 ||
	    max < min)
		return -1;
	h->status_min = (unsigned)min;
	h->status_max = (unsigned)max;
	return 0;
}

/* A path or host that cannot end the request's line. */
static bool
is_printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f)
			return false;
	}
	return s.n > 0;
}

static int
set_check(struct span name, struct span value, struct health_check_spec *h)
{
	uint64_t number;
	int64_t ms;

	if (span_eq(name, SPAN("uri")) || span_eq(name, SPAN("host"))) {
		if (!is_printable(value) || (name.p[0] == 'u' && value.p[0] != '/'))
			return -1;
		*(name.p[0] == 'u' ? &h->uri : &h->host) = value;
		return 0;
	}
	if (span_eq(name, SPAN("match")))
		return parse_statuses(value, h);
	if (span_eq(name, SPAN("proxy_protocol"))) {
		h->proxy_protocol = span_eq(value, SPAN("v1")) ? 1 : 2;
		return span_eq(value, SPAN("v1")) || span_eq(value, SPAN("v2")) ? 0 : -1;
	}
	if (span_eq(name, SPAN("rises")) || span_eq(name, SPAN("falls"))) {
		if (span_to_u64(value, 1000, &number) < 0 || number == 0)
			return -1;
		*(name.p[0] == 'r' ? &h->rises : &h->falls) = (unsigned)number;
		return 0;
	}
	if (value_parse_duration(value, DURATION_MS, &ms) < 0)
		return -1;
	if (span_eq(name, SPAN("interval")) && ms >= 10)
		h->interval_ms = ms;
	else if (span_eq(name, SPAN("jitter")) && ms < INT32_MAX)
		h->jitter_ms = ms;
	else if (span_eq(name, SPAN("timeout")) && ms >= 10)
		h->timeout_ms = ms;
	else
		return -1;
	return 0;
}

/* health_check [interval= jitter= timeout= rises= falls= uri= host= match= proxy_protocol=] */
static int
set_health_check(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct health_check_spec *h = &s->upstream->health;

	*h = (struct health_check_spec){
		.on = true,
		.interval_ms = 5000,
		.timeout_ms = 5000,
		.rises = 1,
		.falls = 1,
		.uri = SPAN("/"),
		.host = s->upstream->name,
		.status_min = 200,
		.status_max = 399,
	};
	for (unsigned i = 1; i < n->word_count; i++) {
		struct span word = n->words[i].text;
		ptrdiff_t equals = span_find(word, '=');

		if (equals < 0 || set_check(span_of(word.p, (size_t)equals),
				      span_after(word, (size_t)equals + 1), h) < 0)
			return loader_bad_parameter(l, n, &n->words[i], NULL);
	}
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("ip_hash"), CONTEXT_UPSTREAM, 0, 0, 0, .set = set_ip_hash },
	{ SPAN_INIT("least_conn"), CONTEXT_UPSTREAM | CONTEXT_STREAM_UPSTREAM, 0, 0, 0,
	    .set = set_least_conn },
	{ SPAN_INIT("hash"), CONTEXT_UPSTREAM | CONTEXT_STREAM_UPSTREAM, 1, 2, 0, .set = set_hash },
	{ SPAN_INIT("random"), CONTEXT_UPSTREAM | CONTEXT_STREAM_UPSTREAM, 0, 2, 0,
	    .set = set_random },
	{ SPAN_INIT("zone"), CONTEXT_UPSTREAM | CONTEXT_STREAM_UPSTREAM, 1, 2, 0, .set = set_zone },
	{ SPAN_INIT("health_check"), CONTEXT_UPSTREAM, 0, DIRECTIVE_ARGS_ANY, 0,
	    .set = set_health_check },
};
const struct directive_table directive_balance_table = { rows, sizeof(rows) / sizeof(rows[0]) };
