/* SPDX-License-Identifier: ISC */
/*
 * directive_real_ip: whose word about the client's address is taken.
 *
 * Each directive is inherited by itself; set_real_ip_from is a list that a block replaces whole.
 */
#include "proxy/config/cidr.h"
#include "proxy/config/host_port.h"
#include "proxy/config/loader.h"

/* The scope's own copy. */
static struct real_ip *
own(struct loader *l, struct scope *s)
{
	struct location_settings *ls = scope_location_settings(l, s);
	struct real_ip *copy = arena_zalloc(l->arena, sizeof(*copy));

	copy->header = SPAN("x_real_ip");
	if (ls->real_ip)
		*copy = *ls->real_ip;
	ls->real_ip = copy;
	return copy;
}

static void
trust(struct loader *l, struct real_ip *r, const struct cidr *c)
{
	struct cidr *all = (struct cidr *)(uintptr_t)r->trusted;

	LOADER_APPEND(l->arena, all, r->trusted_count, *c);
	r->trusted = all;
}

/* Each address the name stands for now. */
static int
trust_name(struct loader *l, const struct node *n, struct real_ip *r)
{
	struct err e = ERR_INIT;
	struct span *texts = NULL;
	size_t count = 0;
	struct cidr c;

	if (l->source->resolve(l->source, n->words[1].text, l->scratch, &texts, &count, &e) < 0 ||
	    count == 0) {
		loader_error(l, n,
		    "host not found in \"" SPAN_FMT "\" of the \"set_real_ip_from\" directive",
		    SPAN_ARG(n->words[1].text));
		err_release(&e);
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if (cidr_parse(texts[i], &c) == CIDR_OK)
			trust(l, r, &c);
	}
	return 0;
}

/* set_real_ip_from ADDRESS | NETWORK | NAME | unix: */
static int
set_from(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span text = n->words[1].text;
	struct real_ip *r = own(l, s);
	struct cidr c;

	if (s->first) {
		r->trusted = NULL;
		r->trusted_count = 0;
	}
	switch (cidr_parse(text, &c)) {
	case CIDR_OK:
		break;
	case CIDR_MASKED:
		loader_warn(l, n, "low address bits of " SPAN_FMT " are meaningless",
		    SPAN_ARG(text));
		break;
	case CIDR_BAD:
		if (span_find(text, '/') < 0 && span_find(text, ':') < 0 && text.n > 0)
			return trust_name(l, n, r);
		return loader_error(l, n, "invalid parameter \"" SPAN_FMT "\"", SPAN_ARG(text));
	}
	trust(l, r, &c);
	return 0;
}

/* real_ip_header FIELD | proxy_protocol: the field is kept as variables name it */
static int
set_header(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span name = n->words[1].text;
	char *as_variable;

	if (span_eq(name, SPAN("proxy_protocol"))) {
		own(l, s)->proxy_protocol = true;
		return 0;
	}
	if (loader_check_header_name(l, n, &n->words[1]) < 0)
		return -1;
	name = loader_lower(l, name);
	as_variable = arena_strdup(l->arena, name);
	for (size_t i = 0; i < name.n; i++) {
		if (as_variable[i] == '-')
			as_variable[i] = '_';
	}
	own(l, s)->header = span_of(as_variable, name.n);
	own(l, s)->proxy_protocol = false;
	return 0;
}

static int
set_recursive(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	bool on;

	if (directive_parse_flag(l, n, &on) < 0)
		return -1;
	own(l, s)->recursive = on;
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("set_real_ip_from"), CONTEXT_HTTP_ALL | CONTEXT_STREAM_ALL, 1, 1,
	    DIRECTIVE_MANY, .set = set_from },
	{ SPAN_INIT("real_ip_header"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = set_header },
	{ SPAN_INIT("real_ip_recursive"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = set_recursive },
};
const struct directive_table directive_real_ip_table = { rows, sizeof(rows) / sizeof(rows[0]) };
