/* SPDX-License-Identifier: ISC */
/* range: see range.h. */
#include "proxy/http/range.h"

#define UNIT "bytes="

static void
skip_spaces(struct span *s)
{
	while (s->n > 0 && s->p[0] == ' ')
		*s = span_after(*s, 1);
}

/* Take a number; false when there is none or it is beyond what a file offset holds. */
static bool
take_number(struct span *s, uint64_t *v)
{
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (span_to_u64(span_of(s->p, n), INT64_MAX, v) < 0)
		return false;
	*s = span_after(*s, n);
	skip_spaces(s);
	return true;
}

static bool
at_end(struct span s)
{
	return s.n == 0 || s.p[0] == ',';
}

/* "first-last", "first-" or "-suffix" up to a comma; false when it is none of them. */
static bool
take_range(struct span *s, uint64_t length, struct byte_range *range)
{
	uint64_t last;

	skip_spaces(s);
	if (s->n > 0 && s->p[0] == '-') {
		*s = span_after(*s, 1);
		if (!take_number(s, &last) || !at_end(*s))
			return false;
		range->start = last < length ? length - last : 0;
		/* nginx: the suffix of an empty file is empty, the zero suffix too. */
		range->end = length;
		return true;
	}
	if (!take_number(s, &range->start) || s->n == 0 || s->p[0] != '-')
		return false;
	*s = span_after(*s, 1);
	skip_spaces(s);
	if (at_end(*s)) {
		range->end = length;
		return true;
	}
	if (!take_number(s, &last) || !at_end(*s))
		return false;
	range->end = last < length ? last + 1 : length;
	return true;
}

enum range_result
range_parse(struct span value, uint64_t length, struct arena *arena, struct byte_range **ranges,
    size_t *count)
{
	size_t most = 1;
	uint64_t total = 0;

	if (value.n <= sizeof(UNIT) - 1 ||
	    !span_eq_nocase(span_of(value.p, sizeof(UNIT) - 1), SPAN(UNIT)))
		return RANGE_NONE;
	value = span_after(value, sizeof(UNIT) - 1);
	for (size_t i = 0; i < value.n; i++)
		most += value.p[i] == ',';
	*ranges = arena_array(arena, most, sizeof(**ranges));
	*count = 0;
	for (;;) {
		struct byte_range range;

		if (!take_range(&value, length, &range))
			return RANGE_NOT_SATISFIABLE;
		if (range.start < range.end) {
			(*ranges)[(*count)++] = range;
			if (__builtin_add_overflow(total, range.end - range.start, &total))
				return RANGE_NOT_SATISFIABLE;
		} else if (range.start == 0) {
			return RANGE_NONE;
		}
		if (value.n == 0)
			break;
		value = span_after(value, 1);
	}
	if (*count == 0)
		return RANGE_NOT_SATISFIABLE;
	return total > length ? RANGE_NONE : RANGE_OK;
}
