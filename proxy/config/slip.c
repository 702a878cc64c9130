/* SPDX-License-Identifier: ISC */
/* slip: see slip.h. */
#include "proxy/config/slip.h"

#include "base/glyph.h"

/* A quote that typesetting put around a word, or the beginning or end of several. */
static const struct glyph *
typeset_quote(const struct word *w)
{
	const struct glyph *g;

	if (w->quoted || w->text.n == 0)
		return NULL;
	g = glyph_at(w->text);
	if (g && g->kind == GLYPH_QUOTE)
		return g;
	for (size_t n = 1; n <= 3 && n <= w->text.n; n++) {
		g = glyph_at(span_after(w->text, w->text.n - n));
		if (g && g->kind == GLYPH_QUOTE && g->bytes.n == n)
			return g;
	}
	return NULL;
}

static bool
tell_quotes(struct loader *l, const struct node *n)
{
	for (unsigned i = 0; i < n->word_count; i++) {
		const struct word *w = &n->words[i];
		const struct glyph *g = typeset_quote(w);

		if (!g)
			continue;
		loader_word_error(l, n, w, "typographic quote in \"" SPAN_FMT "\": %s",
		    SPAN_ARG(w->text), g->name);
		diagnostic_hint(l->diags, "write it with the keyboard's own quotes: %s", g->plain);
		return !n->is_block;
	}
	return false;
}

/* Where "$name" ends, if that is what s begins with; 0 if not. */
static size_t
variable_length(struct span s, struct span name)
{
	struct span plain = name, braced = span_after(name, 1);

	if (span_starts(s, plain))
		return plain.n;
	if (s.n > braced.n + 3 && s.p[0] == '$' && s.p[1] == '{' &&
	    span_starts(span_after(s, 2), braced) && s.p[2 + braced.n] == '}')
		return braced.n + 3;
	return 0;
}

/* "https://$host$request_uri:8080/": a port behind the path is part of the path. */
static void
check_url(struct loader *l, const struct node *n, const struct word *w)
{
	static const struct span paths[] = { SPAN_INIT("$request_uri"), SPAN_INIT("$uri"),
		SPAN_INIT("$document_uri") };

	for (size_t at = 0; at < w->text.n; at++) {
		for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
			struct span s = span_after(w->text, at), rest;
			size_t length = variable_length(s, paths[i]), digits = 1;

			if (length == 0 || s.n < length + 2 || s.p[length] != ':')
				continue;
			rest = span_after(s, length);
			while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
				digits++;
			if (digits == 1)
				continue;
			loader_warn(l, n, "the port in \"" SPAN_FMT "\" stands behind the path",
			    SPAN_ARG(w->text));
			diagnostic_hint(l->diags, "write \"" SPAN_FMT SPAN_FMT SPAN_FMT "\"",
			    SPAN_ARG(span_of(w->text.p, at)), SPAN_ARG(span_of(rest.p, digits)),
			    SPAN_ARG(span_of(s.p, length)));
			return;
		}
	}
}

/* What sends somebody somewhere. */
static void
check_urls(struct loader *l, const struct node *n)
{
	static const struct span names[] = { SPAN_INIT("return"), SPAN_INIT("rewrite"),
		SPAN_INIT("proxy_pass") };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!span_eq(n->words[0].text, names[i]))
			continue;
		for (unsigned k = 1; k < n->word_count; k++)
			check_url(l, n, &n->words[k]);
	}
}

bool
slip_tell(struct loader *l, const struct node *n)
{
	struct span name = n->words[0].text;

	if (n->words[0].quoted)
		return false;
	if (span_starts(name, SPAN("//")) || span_starts(name, SPAN("/*"))) {
		loader_error(l, n, "\"" SPAN_FMT "\" does not begin a comment",
		    SPAN_ARG(span_of(name.p, 2)));
		diagnostic_hint(l->diags, "comments begin with \"#\" and end with the line");
		return true;
	}
	if (span_eq(name, SPAN("$")) && n->word_count > 1) {
		loader_error(l, n, "\"$\" is not part of the directive \"" SPAN_FMT "\"",
		    SPAN_ARG(n->words[1].text));
		diagnostic_hint(l->diags,
		    "it is the prompt of a shell in what was pasted: leave it out");
		return true;
	}
	check_urls(l, n);
	return tell_quotes(l, n);
}

void
slip_hint(struct loader *l, const struct node *n)
{
	const struct diagnostic *d = l->diags->newest;

	if (!d || d->hint.n > 0 || d->file != n->file)
		return;
	for (unsigned i = 0; i < n->word_count; i++) {
		struct span text = n->words[i].text;
		const struct glyph *g = glyph_find(text, GLYPH_BLANK);

		if (n->words[i].quoted)
			continue;
		if (g) {
			diagnostic_hint(l->diags,
			    "there is a %s in it: write a plain blank, or nothing", g->name);
			return;
		}
		g = glyph_find(text, GLYPH_DASH);
		if (g) {
			diagnostic_hint(l->diags, "there is an %s in it: write \"-\"", g->name);
			return;
		}
	}
}
