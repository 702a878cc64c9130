/* SPDX-License-Identifier: ISC */
/* glyph: see glyph.h. */
#include "base/glyph.h"

static const struct glyph glyphs[] = {
	{ SPAN_INIT("\u2010"), GLYPH_DASH, "hyphen (U+2010)", "" },
	{ SPAN_INIT("\u2011"), GLYPH_DASH, "non-breaking hyphen (U+2011)", "" },
	{ SPAN_INIT("\u2012"), GLYPH_DASH, "figure dash (U+2012)", "" },
	{ SPAN_INIT("\u2013"), GLYPH_DASH, "en dash (U+2013)", "" },
	{ SPAN_INIT("\u2014"), GLYPH_DASH, "em dash (U+2014)", "" },
	{ SPAN_INIT("\u2015"), GLYPH_DASH, "horizontal bar (U+2015)", "" },
	{ SPAN_INIT("\u2212"), GLYPH_DASH, "minus sign (U+2212)", "" },
	{ SPAN_INIT("\u2018"), GLYPH_QUOTE, "left single quotation mark (U+2018)", "'" },
	{ SPAN_INIT("\u2019"), GLYPH_QUOTE, "right single quotation mark (U+2019)", "'" },
	{ SPAN_INIT("\u201a"), GLYPH_QUOTE, "low single quotation mark (U+201A)", "'" },
	{ SPAN_INIT("\u201c"), GLYPH_QUOTE, "left double quotation mark (U+201C)", "\"" },
	{ SPAN_INIT("\u201d"), GLYPH_QUOTE, "right double quotation mark (U+201D)", "\"" },
	{ SPAN_INIT("\u201e"), GLYPH_QUOTE, "low double quotation mark (U+201E)", "\"" },
	{ SPAN_INIT("\u00a0"), GLYPH_BLANK, "no-break space (U+00A0)", "" },
	{ SPAN_INIT("\u200b"), GLYPH_BLANK, "zero width space (U+200B)", "" },
	{ SPAN_INIT("\u202f"), GLYPH_BLANK, "narrow no-break space (U+202F)", "" },
	{ SPAN_INIT("\u3000"), GLYPH_BLANK, "ideographic space (U+3000)", "" },
	{ SPAN_INIT("\ufeff"), GLYPH_BLANK, "byte order mark (U+FEFF)", "" },
};

const struct glyph *
glyph_at(struct span s)
{
	for (size_t i = 0; i < sizeof(glyphs) / sizeof(glyphs[0]); i++) {
		if (span_starts(s, glyphs[i].bytes))
			return &glyphs[i];
	}
	return NULL;
}

const struct glyph *
glyph_find(struct span s, enum glyph_kind kind)
{
	for (; s.n > 0; s = span_after(s, 1)) {
		const struct glyph *g = glyph_at(s);

		if (g && g->kind == kind)
			return g;
	}
	return NULL;
}
