/* SPDX-License-Identifier: ISC */
/*
 * value: numbers with units.
 */
#include "proxy/config/value.h"

int
value_parse_size(struct span s, uint64_t max, uint64_t *out)
{
	unsigned shift = 0;
	uint64_t v;

	if (s.n == 0)
		return -1;
	switch (s.p[s.n - 1] | 0x20) {
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		if (max <= UINT32_MAX)
			return -1;
		shift = 30;
		break;
	default:
		break;
	}
	if (shift)
		s.n--;
	if (span_to_u64(s, max >> shift, &v) < 0)
		return -1;
	*out = v << shift;
	return 0;
}

/* Longest first: a duration names them in this order. */
static const struct {
	struct span name;
	int64_t ms;
	bool only_s, only_ms;
} units[] = {
	{ SPAN_INIT("y"), .ms = 365 * 86400000LL, .only_s = true },
	{ SPAN_INIT("M"), .ms = 30 * 86400000LL, .only_s = true },
	{ SPAN_INIT("w"), .ms = 7 * 86400000LL },
	{ SPAN_INIT("d"), .ms = 86400000 },
	{ SPAN_INIT("h"), .ms = 3600000 },
	{ SPAN_INIT("m"), .ms = 60000 },
	{ SPAN_INIT("s"), .ms = 1000 },
	{ SPAN_INIT("ms"), .ms = 1, .only_ms = true },
};
#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

static size_t
count_while(struct span s, bool digits)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] >= '0' && s.p[n] <= '9') == digits && s.p[n] != ' ')
		n++;
	return n;
}

static size_t
unit_index(struct span name, enum duration_unit unit)
{
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (span_eq(name, units[i].name) &&
		    !(unit == DURATION_MS ? units[i].only_s : units[i].only_ms))
			return i;
	}
	return UNIT_COUNT;
}

#define UNIT_SECOND 6 /* units[] */

int
value_parse_duration(struct span s, enum duration_unit unit, int64_t *ms)
{
	int64_t total = 0, part;
	size_t next_unit = 0;

	if (s.n == 0)
		return -1;
	while (s.n > 0) {
		size_t digits = count_while(s, true), name, i;
		uint64_t number;

		if (span_to_u64(span_of(s.p, digits), INT64_MAX, &number) < 0)
			return -1;
		s = span_after(s, digits);
		name = count_while(s, false);
		i = name ? unit_index(span_of(s.p, name), unit) : UNIT_SECOND;
		s = span_after(s, name);
		/* A number without a unit ends it. */
		if (i < next_unit || i == UNIT_COUNT || (name == 0 && s.n > 0))
			return -1;
		next_unit = i + 1;
		if (__builtin_mul_overflow((int64_t)number, units[i].ms, &part) ||
		    __builtin_add_overflow(total, part, &total))
			return -1;
		while (s.n > 0 && s.p[0] == ' ')
			s = span_after(s, 1);
	}
	*ms = total;
	return 0;
}
