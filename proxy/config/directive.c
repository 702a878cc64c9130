/* SPDX-License-Identifier: ISC */
/*
 * directive: finding a directive's row, and loading a block by the rows.
 *
 * What is wrong in a way that any directive can be is said here, with a hint made from the table.
 */
#include "proxy/config/directive.h"

#include "proxy/config/loader.h"
#include "proxy/config/nginx_only.h"
#include "proxy/config/slip.h"
#include "proxy/config/suggest.h"

#include <stdlib.h>

static const struct directive_table *const tables[] = {
	&directive_main_table,
	&directive_content_table,
	&directive_rewrite_table,
	&directive_map_table,
	&directive_access_table,
	&directive_acme_table,
	&directive_http_table,
	&directive_http2_table,
	&directive_log_table,
	&directive_server_table,
	&directive_listen_table,
	&directive_location_table,
	&directive_header_table,
	&directive_proxy_table,
	&directive_proxy_pass_table,
	&directive_proxy_rewrite_table,
	&directive_proxy_buffer_table,
	&directive_body_table,
	&directive_tls_table,
	&directive_tls_client_table,
	&directive_tls_handshake_table,
	&directive_tls_session_table,
	&directive_upstream_table,
	&directive_balance_table,
	&directive_resolver_table,
	&directive_off_table,
	&directive_client_table,
	&directive_real_ip_table,
	&directive_expires_table,
	&directive_stream_table,
	&directive_proxy_ssl_table,
};
#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

static const struct {
	unsigned context;
	const char *name;
} contexts[] = {
	{ CONTEXT_MAIN, "main" },
	{ CONTEXT_EVENTS, "events" },
	{ CONTEXT_HTTP, "http" },
	{ CONTEXT_SERVER, "server" },
	{ CONTEXT_LOCATION, "location" },
	{ CONTEXT_UPSTREAM, "upstream" },
	{ CONTEXT_SERVER_IF, "if in server" },
	{ CONTEXT_LOCATION_IF, "if in location" },
	{ CONTEXT_LIMIT_EXCEPT, "limit_except" },
	{ CONTEXT_STREAM, "stream" },
	{ CONTEXT_STREAM_SERVER, "server in stream" },
	{ CONTEXT_STREAM_UPSTREAM, "upstream in stream" },
};
#define CONTEXT_COUNT (sizeof(contexts) / sizeof(contexts[0]))

static int
name_compare(struct span a, struct span b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int
row_compare(const void *a, const void *b)
{
	const struct directive *const *x = a, *const *y = b;

	return name_compare((*x)->name, (*y)->name);
}

void
directive_index_init(struct directive_index *ix, struct arena *arena)
{
	ix->count = 0;
	ix->rows = arena_array(arena, DIRECTIVE_MAX, sizeof(*ix->rows));
	for (size_t t = 0; t < TABLE_COUNT; t++) {
		for (size_t i = 0; i < tables[t]->count && ix->count < DIRECTIVE_MAX; i++)
			ix->rows[ix->count++] = &tables[t]->rows[i];
	}
	qsort(ix->rows, ix->count, sizeof(*ix->rows), row_compare);
}

/* The first row of this name, or -1. */
static ptrdiff_t
find_name(const struct directive_index *ix, struct span name)
{
	size_t low = 0, high = ix->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(ix->rows[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ix->count && span_eq(ix->rows[low]->name, name) ? (ptrdiff_t)low : -1;
}

ptrdiff_t
directive_find(const struct directive_index *ix, struct span name, unsigned context)
{
	ptrdiff_t at = name.n > 0 ? find_name(ix, name) : -1;

	for (; at >= 0 && (size_t)at < ix->count && span_eq(ix->rows[at]->name, name); at++) {
		if (ix->rows[at]->contexts & context)
			return at;
	}
	return -1;
}

struct span
context_names(unsigned set, struct arena *arena)
{
	struct span out = { NULL, 0 };

	for (size_t i = 0; i < CONTEXT_COUNT; i++) {
		if (set & contexts[i].context)
			out = arena_printf(arena, SPAN_FMT "%s%s", SPAN_ARG(out), out.n ? ", " : "",
			    contexts[i].name);
	}
	return out;
}

/* All contexts a name may stand in; 0 for an unknown one. */
static unsigned
contexts_of(const struct directive_index *ix, struct span name)
{
	ptrdiff_t at = name.n > 0 ? find_name(ix, name) : -1;
	unsigned set = 0;

	for (; at >= 0 && (size_t)at < ix->count && span_eq(ix->rows[at]->name, name); at++)
		set |= ix->rows[at]->contexts;
	return set;
}

static struct span
nearest_name(const struct directive_index *ix, struct span name, unsigned context)
{
	struct suggestion s;

	suggestion_init(&s, name);
	suggestion_offer(&s, SPAN("include")); /* syntax, not a row */
	for (size_t i = 0; i < ix->count; i++) {
		if (ix->rows[i]->contexts & context)
			suggestion_offer(&s, ix->rows[i]->name);
	}
	return s.best;
}

static void
explain_unknown(struct loader *l, const struct scope *s, const struct node *n)
{
	struct span name = n->words[0].text, near;
	unsigned allowed = contexts_of(&l->directives, name);
	const char *hint = nginx_only_hint(name);

	if (allowed) {
		loader_error(l, n, "\"" SPAN_FMT "\" directive is not allowed here",
		    SPAN_ARG(name));
		diagnostic_hint(l->diags, "this is %s; it is allowed in: " SPAN_FMT,
		    context_names(s->context, l->diags->arena).p,
		    SPAN_ARG(context_names(allowed, l->diags->arena)));
		return;
	}
	loader_error(l, n, "unknown directive \"" SPAN_FMT "\"", SPAN_ARG(name));
	if (hint) {
		diagnostic_hint(l->diags, "%s", hint);
		return;
	}
	near = nearest_name(&l->directives, name, s->context);
	if (near.n > 0) {
		diagnostic_hint(l->diags, "did you mean \"" SPAN_FMT "\"?", SPAN_ARG(near));
		return;
	}
	near = nearest_name(&l->directives, name, ~0U);
	slip_hint(l, n);
	if (near.n > 0 && l->diags->newest->hint.n == 0)
		diagnostic_hint(l->diags,
		    "did you mean \"" SPAN_FMT "\"? it is allowed in: " SPAN_FMT, SPAN_ARG(near),
		    SPAN_ARG(context_names(contexts_of(&l->directives, near), l->diags->arena)));
}

/*
 * The first word that stands first in its line and is a directive's name here: what is before it
 * lacks a ";".
 */
static const struct word *
swallowed_directive(const struct loader *l, const struct scope *s, const struct node *n)
{
	for (unsigned i = 1; i < n->word_count; i++) {
		const struct word *w = &n->words[i];

		if (!w->quoted && w->line > n->words[i - 1].line &&
		    directive_find(&l->directives, w->text, s->context) >= 0)
			return w;
	}
	return NULL;
}

static bool
hint_at_semicolon(struct loader *l, const struct scope *s, const struct node *n)
{
	const struct word *w = swallowed_directive(l, s, n);

	if (!w)
		return false;
	diagnostic_hint(l->diags, "is a \";\" missing at the end of line %u?", w[-1].line);
	return true;
}

static bool
fits(const struct directive *d, const struct node *n)
{
	return n->is_block == !!(d->flags & DIRECTIVE_BLOCK) && n->word_count - 1 >= d->min_args &&
	       (d->max_args == DIRECTIVE_ARGS_ANY || n->word_count - 1 <= d->max_args);
}

/* A block without its "{": where it should have been. */
static void
hint_at_brace(struct loader *l, const struct directive *d, const struct node *n)
{
	unsigned last = 0;

	while (last + 1 < n->word_count && n->words[last + 1].line == n->line)
		last++;
	if (last + 1 < n->word_count)
		diagnostic_hint(l->diags, "is a \"{\" missing at the end of line %u?", n->line);
	else
		diagnostic_hint(l->diags, "it is a block: \"" SPAN_FMT " { ... }\"",
		    SPAN_ARG(d->name));
}

static bool
hint_at_address(struct loader *l, const struct scope *s, const struct directive *d,
    const struct node *n)
{
	if (s->context != CONTEXT_UPSTREAM || !span_eq(d->name, SPAN("server")) ||
	    n->word_count > 1)
		return false;
	diagnostic_hint(l->diags, "it takes an address: \"server 127.0.0.1:8080;\"");
	return true;
}

static void
explain_misfit(struct loader *l, const struct scope *s, const struct directive *d,
    const struct node *n)
{
	bool block = d->flags & DIRECTIVE_BLOCK;

	if (n->is_block && s->context == CONTEXT_UPSTREAM && span_eq(d->name, SPAN("server"))) {
		loader_error(l, n, "a \"server\" block cannot stand in \"upstream\"");
		diagnostic_hint(l->diags, "is the \"}\" of the \"upstream\" in line %u missing?",
		    s->node->line);
	} else if (n->is_block && !block) {
		loader_error(l, n, "directive \"" SPAN_FMT "\" is not terminated by \";\"",
		    SPAN_ARG(d->name));
		hint_at_semicolon(l, s, n);
	} else if (block && !n->is_block) {
		loader_error(l, n, "directive \"" SPAN_FMT "\" has no opening \"{\"",
		    SPAN_ARG(d->name));
		hint_at_brace(l, d, n);
	} else {
		loader_error(l, n, "invalid number of arguments in \"" SPAN_FMT "\" directive",
		    SPAN_ARG(d->name));
		if (hint_at_semicolon(l, s, n) || hint_at_address(l, s, d, n))
			return;
		if (d->max_args == DIRECTIVE_ARGS_ANY)
			diagnostic_hint(l->diags, "it takes %u or more", d->min_args);
		else if (d->min_args == d->max_args)
			diagnostic_hint(l->diags, "it takes %u", d->min_args);
		else
			diagnostic_hint(l->diags, "it takes %u to %u", d->min_args, d->max_args);
	}
}

static void
apply(struct loader *l, struct scope *s, ptrdiff_t at, const struct node *n)
{
	const struct directive *d = l->directives.rows[at];
	unsigned char bit = (unsigned char)(1 << (at & 7));

	s->first = !(s->seen[at / 8] & bit);
	s->seen[at / 8] |= bit;
	if (!s->first && !(d->flags & DIRECTIVE_MANY)) {
		loader_fail(l, n, "is duplicate");
		return;
	}
	/* What is wrong is in the diagnostics; the next directive is looked at all the same. */
	if (d->set(l, s, d, n) < 0) {
		if (!hint_at_semicolon(l, s, n))
			slip_hint(l, n);
	} else if (!n->is_block && swallowed_directive(l, s, n)) {
		loader_warn(l, n, "\"" SPAN_FMT "\" directive takes in the line after it",
		    SPAN_ARG(d->name));
		(void)hint_at_semicolon(l, s, n);
	}
}

static bool
is_child(const struct directive *d)
{
	return (d->flags & DIRECTIVE_BLOCK) && !(d->flags & DIRECTIVE_DEFINES);
}

void
scope_load_simple(struct loader *l, struct scope *s, const struct node *children)
{
	for (const struct node *n = children; n; n = n->next) {
		ptrdiff_t at = directive_find(&l->directives, n->words[0].text, s->context);

		if (slip_tell(l, n))
			continue;
		if (at < 0)
			explain_unknown(l, s, n);
		else if (!fits(l->directives.rows[at], n))
			explain_misfit(l, s, l->directives.rows[at], n);
		else if (!is_child(l->directives.rows[at]))
			apply(l, s, at, n);
	}
}

void
scope_load_blocks(struct loader *l, struct scope *s, const struct node *children)
{
	for (const struct node *n = children; n; n = n->next) {
		ptrdiff_t at =
		    n->is_block ? directive_find(&l->directives, n->words[0].text, s->context) : -1;

		if (at >= 0 && is_child(l->directives.rows[at]) && fits(l->directives.rows[at], n))
			apply(l, s, at, n);
	}
}
