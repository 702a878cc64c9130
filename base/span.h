/* SPDX-License-Identifier: ISC */
/*
 * span: a borrowed run of bytes, pointer and length.
 *
 * The one way bytes from outside travel through the code. A span never owns
 * its bytes and need not end in NUL. p may be NULL when n is 0.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *p;
	size_t n;
};

/* For printf: printf("%.*s", SPAN_ARG(s)). */
#define SPAN_FMT "%.*s"
#define SPAN_ARG(s) (int)(s).n, (s).p ? (s).p : ""
/* A span over a string literal, usable in expressions and (braced) in static tables. */
#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })
#define SPAN_INIT(literal)                      \
	{                                       \
		"" literal, sizeof(literal) - 1 \
	}

static inline struct span
span_of(const void *p, size_t n)
{
	return (struct span){ p, n };
}

static inline struct span
span_str(const char *s)
{
	return (struct span){ s, s ? strlen(s) : 0 };
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool
span_ends(struct span s, struct span suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* The rest of s after its first n bytes; n must not exceed s.n. */
static inline struct span
span_after(struct span s, size_t n)
{
	return (struct span){ s.p ? s.p + n : NULL, s.n - n };
}

/* n bytes of a and b, but for the case of ASCII letters; never the locale's. */
bool span_same_letters(const char *a, const char *b, size_t n);

static inline bool
span_eq_nocase(struct span a, struct span b)
{
	return a.n == b.n && span_same_letters(a.p, b.p, a.n);
}

/* Index of the first c, or -1. */
ptrdiff_t span_find(struct span s, char c);

/* Without leading and trailing blanks, tabs, CR and LF. */
struct span span_trim(struct span s);

/*
 * Take the next piece of *rest up to sep into *piece and move *rest past it.
 * Returns false when nothing is left. "a,,b" gives "a", "", "b"; "a," gives "a".
 */
bool span_split(struct span *rest, char sep, struct span *piece);

/*
 * Decimal digits only, the whole span, no sign, no blanks; refuses overflow
 * and anything above max. Returns 0 and *out, or -1 with *out untouched.
 */
int span_to_u64(struct span s, uint64_t max, uint64_t *out) __attribute__((warn_unused_result));

/* Edit distance (a swap of neighbours is one), capped at limit + 1; for "did you mean". Case-insensitive. */
size_t span_distance(struct span a, struct span b, size_t limit);

#endif
