/* SPDX-License-Identifier: ISC */
/*
 * cli_paste: command lines copied from web pages, where "--" has become a dash
 * and quotes have become round.
 */
#include "base/buf.h"
#include "base/cli_internal.h"
#include "base/glyph.h"

static bool
is_dash(const struct glyph *g)
{
	return g && g->kind == GLYPH_DASH;
}

/* The first glyph that does not belong: a quote anywhere, a dash among the leading dashes. */
static const struct glyph *
first_wrong(struct span s)
{
	bool leading = true;

	for (; s.n; s = span_after(s, 1)) {
		const struct glyph *g = glyph_at(s);

		if (g && g->kind != GLYPH_BLANK && (leading || !is_dash(g)))
			return g;
		leading = leading && s.p[0] == '-';
	}
	return NULL;
}

/* s with plain quotes. */
static void
add_plain(struct buf *out, struct span s)
{
	while (s.n) {
		const struct glyph *g = glyph_at(s);

		if (g && g->kind == GLYPH_QUOTE) {
			buf_add_str(out, g->plain);
			s = span_after(s, g->bytes.n);
		} else {
			buf_add_char(out, s.p[0]);
			s = span_after(s, 1);
		}
	}
}

/* word as it was on the page before the page was typeset. */
static void
add_right_spelling(struct buf *out, const struct cli_program *p, struct span s)
{
	size_t dashes = 0;
	struct span name;
	ptrdiff_t end;

	for (;; dashes++) {
		const struct glyph *g = glyph_at(s);

		if (is_dash(g))
			s = span_after(s, g->bytes.n);
		else if (s.n && s.p[0] == '-')
			s = span_after(s, 1);
		else
			break;
	}
	end = span_find(s, '=');
	name = end < 0 ? s : span_of(s.p, (size_t)end);
	if (dashes)
		buf_add_str(out, cli_find_long(p, name, true) || name.n <= 1 ? "-" : "--");
	add_plain(out, s);
}

static int
refuse(const struct cli_program *p, const char *word, const struct glyph *g, struct err *e)
{
	struct buf right;

	buf_init(&right, 64 * 1024);
	add_right_spelling(&right, p, span_str(word));
	err_set(e, ERR_USAGE, "'%s' has a typographic %s, as pasted from a web page", word,
	    g->name);
	if (is_dash(g))
		err_hint(e, "write %s", buf_str(&right));
	else
		err_hint(e,
		    "write %s with the keyboard's own quotes (or none), or put -- before it if it is meant",
		    buf_str(&right));
	buf_release(&right);
	return -1;
}

int
cli_check_word(const struct cli_program *p, const char *word, struct err *e)
{
	const struct glyph *g = first_wrong(span_str(word));

	/* A value may be written into the option's word; it has its own, milder rule. */
	if (g && !is_dash(g) && word[0] == '-') {
		const char *equals = strchr(word, '=');

		g = equals ? first_wrong(span_of(word, (size_t)(equals - word))) : g;
	}
	return g ? refuse(p, word, g, e) : 0;
}

int
cli_check_value(const struct cli_program *p, const char *value, struct err *e)
{
	const struct glyph *g = glyph_at(span_str(value));

	return g && g->kind != GLYPH_BLANK ? refuse(p, value, g, e) : 0;
}
