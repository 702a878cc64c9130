/* SPDX-License-Identifier: ISC */
/*
 * directive_resolver: which name servers workers ask, and for how long.
 */
#include "proxy/config/host_port.h"
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

#define DNS_PORT 53

static int
parse_flag(struct span text, bool *flag)
{
	*flag = span_eq(text, SPAN("on"));
	return *flag || span_eq(text, SPAN("off")) ? 0 : -1;
}

static int
add_server(struct loader *l, const struct node *n, const struct word *w, struct resolver_spec *r)
{
	struct host_port hp = { .host = w->text };
	struct address address;
	const char *wrong;

	/* A bare IPv6 address has colons of its own. */
	if (!host_port_address(&hp, DNS_PORT, l->arena, &address)) {
		wrong = host_port_split(w->text, false, &hp);
		if (wrong || hp.is_unix ||
		    !host_port_address(&hp, hp.port ? hp.port : DNS_PORT, l->arena, &address)) {
			loader_word_error(l, n, w, "invalid address \"" SPAN_FMT "\" in resolver",
			    SPAN_ARG(w->text));
			diagnostic_hint(l->diags,
			    "a name server is given by its address, as in \"127.0.0.1\" or \"[::1]:5353\"");
			return -1;
		}
	}
	LOADER_APPEND(l->arena, r->servers, r->server_count, address);
	return 0;
}

static int
set_word(struct loader *l, const struct node *n, const struct word *w, struct resolver_spec *r)
{
	struct span text = w->text;
	int rc;

	if (span_starts(text, SPAN("valid=")))
		rc = value_parse_duration(span_after(text, 6), DURATION_S, &r->valid_ms);
	else if (span_starts(text, SPAN("ipv4=")))
		rc = parse_flag(span_after(text, 5), &r->ipv4);
	else if (span_starts(text, SPAN("ipv6=")))
		rc = parse_flag(span_after(text, 5), &r->ipv6);
	else if (span_starts(text, SPAN("status_zone=")))
		rc = -1;
	else
		return add_server(l, n, w, r);
	return rc < 0 ? loader_bad_parameter(l, n, w, NULL) : 0;
}

/* resolver ADDRESS... [valid=TIME] [ipv4=on|off] [ipv6=on|off] */
static int
set_resolver(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct resolver_spec *r = arena_zalloc(l->arena, sizeof(*r));

	r->ipv4 = r->ipv6 = true;
	for (unsigned i = 1; i < n->word_count; i++) {
		if (set_word(l, n, &n->words[i], r) < 0)
			return -1;
		r->identity = arena_printf(l->arena, SPAN_FMT " " SPAN_FMT, SPAN_ARG(r->identity),
		    SPAN_ARG(n->words[i].text));
	}
	if (r->server_count == 0)
		return loader_error(l, n, "no name servers defined");
	if (!r->ipv4 && !r->ipv6)
		return loader_error(l, n, "\"ipv4\" and \"ipv6\" cannot both be \"off\"");
	if (s->upstream)
		s->upstream->resolver = r;
	else
		scope_location_settings(l, s)->proxy.resolver = r;
	return 0;
}

static int
set_resolver_timeout(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	int64_t *ms = s->upstream ? &s->upstream->resolver_timeout_ms
				  : &scope_location_settings(l, s)->proxy.resolver_timeout_ms;

	if (value_parse_duration(n->words[1].text, DURATION_MS, ms) < 0 || *ms == 0)
		return loader_fail(l, n, "invalid value");
	return 0;
}

#define CONTEXTS \
	(CONTEXT_HTTP_ALL | CONTEXT_UPSTREAM | CONTEXT_STREAM_ALL | CONTEXT_STREAM_UPSTREAM)

static const struct directive rows[] = {
	{ SPAN_INIT("resolver"), CONTEXTS, 1, DIRECTIVE_ARGS_ANY, 0, .set = set_resolver },
	{ SPAN_INIT("resolver_timeout"), CONTEXTS, 1, 1, 0, .set = set_resolver_timeout },
};
const struct directive_table directive_resolver_table = { rows, sizeof(rows) / sizeof(rows[0]) };
