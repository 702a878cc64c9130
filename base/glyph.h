/* SPDX-License-Identifier: ISC */
/*
 * glyph: characters that typesetting puts in the place of what a keyboard has, named for messages
 * about text that was pasted from a web page.
 */
#ifndef BASE_GLYPH_H
#define BASE_GLYPH_H

#include "base/span.h"

enum glyph_kind {
	GLYPH_DASH,  /* stands for one "-" or several */
	GLYPH_QUOTE, /* stands for plain */
	GLYPH_BLANK, /* a blank to the eye, or nothing at all */
};

struct glyph {
	struct span bytes; /* UTF-8 */
	enum glyph_kind kind;
	const char *name;  /* "en dash (U+2013)" */
	const char *plain; /* of a quote */
};

/* What s begins with, or NULL. */
const struct glyph *glyph_at(struct span s);
/* The first of this kind anywhere in s, or NULL. */
const struct glyph *glyph_find(struct span s, enum glyph_kind kind);

#endif
