/* SPDX-License-Identifier: ISC */
/*
 * http1_lex: the byte classes of HTTP/1.x and the search for the next byte that is not text.
 *
 * Internal to the parsers in proxy/http (http1_*.c, uri.c). Nothing here allocates.
 */
#ifndef PROXY_HTTP_HTTP1_LEX_H
#define PROXY_HTTP_HTTP1_LEX_H

#include "base/span.h"

enum lex_class {
	LEX_FIELD = 1 << 0,  /* A-Z a-z 0-9 '-': a field name nobody argues about */
	LEX_TOKEN = 1 << 1,  /* RFC 9110 5.6.2 tchar */
	LEX_METHOD = 1 << 2, /* A-Z '-' '_', as nginx */
	LEX_TARGET = 1 << 3, /* visible ASCII: what a request target may hold */
	LEX_HOST = 1 << 4,   /* RFC 3986 unreserved and sub-delims without ',' */
	LEX_SMALL = 1 << 5,  /* LEX_FIELD without A-Z: the same in HTTP/2 */
};

extern const unsigned char lex_classes[256];

static inline bool
lex_is(char c, enum lex_class want)
{
	return lex_classes[(unsigned char)c] & want;
}

/* How many leading bytes of s are of class want. */
static inline size_t
lex_run(struct span s, enum lex_class want)
{
	size_t i = 0;

	while (i < s.n && lex_is(s.p[i], want))
		i++;
	return i;
}

static inline char
lex_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool
lex_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* 0..15, or -1. */
static inline int
lex_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Index of the first control byte (0x00-0x1f but HTAB, 0x7f) in s, or s.n. */
size_t lex_text(struct span s);

/* What is wrong with a control byte where text or CRLF belongs. */
const char *lex_control_reason(char c);

/* Without leading and trailing SP and HTAB (OWS, RFC 9110 5.6.3). */
static inline struct span
lex_trim(struct span s)
{
	while (s.n && lex_is_blank(s.p[s.n - 1]))
		s.n--;
	while (s.n && lex_is_blank(s.p[0]))
		s = span_after(s, 1);
	return s;
}

/*
 * The letters and digits of a field name, lower case: "Content_Length" and "content-length " both
 * give "contentlength". Fed byte by byte so that a name may come in pieces; zero to start.
 */
struct lex_squeezed {
	/* Of letters; LEX_SQUEEZED_MAX + 1 when longer than any name that matters. */
	unsigned char n;
	char letters[16];
};

void lex_squeeze(struct lex_squeezed *s, char c);
/*
 * Is it a field that frames or routes a message or belongs to the connection? Such a name, when it
 * is spelled oddly or comes where it may not, is refused: another reader might act on it.
 */
bool lex_squeezed_frames(const struct lex_squeezed *s);

#endif
