/* SPDX-License-Identifier: ISC */
/*
 * span: comparing, searching and taking apart borrowed bytes.
 *
 * Nothing here allocates and nothing depends on the locale.
 */
#include "base/span.h"

static unsigned char
lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool
span_same_letters(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

ptrdiff_t
span_find(struct span s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span s)
{
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	while (s.n && is_blank(s.p[0]))
		s = span_after(s, 1);
	return s;
}

bool
span_split(struct span *rest, char sep, struct span *piece)
{
	ptrdiff_t at;

	if (rest->n == 0)
		return false;
	at = span_find(*rest, sep);
	if (at < 0) {
		*piece = *rest;
		*rest = span_after(*rest, rest->n);
	} else {
		*piece = span_of(rest->p, (size_t)at);
		*rest = span_after(*rest, (size_t)at + 1);
	}
	return true;
}

int
span_to_u64(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (digit > 9)
			return -1;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v) ||
		    v > max)
			return -1;
	}
	*out = v;
	return 0;
}

/* Longer words are not typing mistakes of anything we know. */
#define DISTANCE_MAX 64

static size_t
min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Optimal string alignment: insert, delete, replace, and swap of neighbours
 * cost one each. Three rows of the table are enough, the third for the swap.
 */
size_t
span_distance(struct span a, struct span b, size_t limit)
{
	size_t rows[3][DISTANCE_MAX + 1];
	size_t gap = a.n > b.n ? a.n - b.n : b.n - a.n;
	size_t over = limit == SIZE_MAX ? limit : limit + 1;
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	if (gap > limit || a.n > DISTANCE_MAX || b.n > DISTANCE_MAX)
		return over;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *spare = before;

		before = above;
		above = row;
		row = spare;
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			bool same = lower(a.p[i - 1]) == lower(b.p[j - 1]);

			row[j] = min(min(above[j], row[j - 1]) + 1, above[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a.p[i - 1]) == lower(b.p[j - 2]) &&
			    lower(a.p[i - 2]) == lower(b.p[j - 1]))
				row[j] = min(row[j], before[j - 2] + 1);
		}
	}
	return min(row[b.n], over);
}
