/* SPDX-License-Identifier: ISC */
/*
 * clock_text: dates as HTTP (RFC 9110 5.6.7) and RFC 3339 write them.
 *
 * The parsers are exact: no blanks to spare, no missing digits, no day the
 * month does not have. A day's name must be a name but may be the wrong one,
 * since the rest says it better. A leap second counts as the second after it.
 */
#include "base/clock.h"

#include <stdio.h>

static const char *const day_names[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday",
	"Friday", "Saturday" };
static const char *const month_names[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
	"Sep", "Oct", "Nov", "Dec" };

void
clock_format_http(int64_t wall, char out[CLOCK_HTTP_LEN + 1])
{
	struct clock_date d;

	clock_utc(wall, &d);
	snprintf(out, CLOCK_HTTP_LEN + 1, "%.3s, %02u %s %04u %02u:%02u:%02u GMT",
	    day_names[d.weekday], (unsigned)d.day % 100, month_names[d.month - 1],
	    (unsigned)d.year % 10000, (unsigned)d.hour % 100, (unsigned)d.minute % 100,
	    (unsigned)d.second % 100);
}

void
clock_format_rfc3339(int64_t wall, char out[CLOCK_RFC3339_LEN + 1])
{
	struct clock_date d;

	clock_utc(wall, &d);
	snprintf(out, CLOCK_RFC3339_LEN + 1, "%04u-%02u-%02uT%02u:%02u:%02uZ",
	    (unsigned)d.year % 10000, (unsigned)d.month % 100, (unsigned)d.day % 100,
	    (unsigned)d.hour % 100, (unsigned)d.minute % 100, (unsigned)d.second % 100);
}

/* Exactly width digits; a leading blank instead of the first one if blank is set. */
static bool
take_number(struct span *s, size_t width, bool blank, int *out)
{
	size_t skip = blank && s->n && s->p[0] == ' ';
	uint64_t v;

	if (s->n < width || span_to_u64(span_of(s->p + skip, width - skip), 9999, &v) < 0)
		return false;
	*out = (int)v;
	*s = span_after(*s, width);
	return true;
}

/* One of the names, cut to at most len bytes; its index. */
static bool
take_name(struct span *s, const char *const *names, int count, size_t len, int *out)
{
	for (int i = 0; i < count; i++) {
		struct span name = span_str(names[i]);

		if (name.n > len)
			name.n = len;
		if (span_starts(*s, name)) {
			*out = i;
			*s = span_after(*s, name.n);
			return true;
		}
	}
	return false;
}

/* The four-digit year a two-digit one means: never more than 50 years ahead (RFC 9110 5.6.7). */
static int
full_year(int two_digits)
{
	struct clock_date now;
	int year;

	clock_utc(clock_wall(), &now);
	year = now.year - now.year % 100 + two_digits;
	if (year > now.year + 50)
		year -= 100;
	else if (year <= now.year - 50)
		year += 100;
	return year;
}

static bool
take_field(struct span *s, char field, struct clock_date *d)
{
	switch (field) {
	case 'a':
		return take_name(s, day_names, 7, 3, &d->weekday);
	case 'A':
		return take_name(s, day_names, 7, SIZE_MAX, &d->weekday);
	case 'b':
		if (!take_name(s, month_names, 12, 3, &d->month))
			return false;
		d->month++;
		return true;
	case 'd':
		return take_number(s, 2, false, &d->day);
	case 'e':
		return take_number(s, 2, true, &d->day);
	case 'm':
		return take_number(s, 2, false, &d->month);
	case 'H':
		return take_number(s, 2, false, &d->hour);
	case 'M':
		return take_number(s, 2, false, &d->minute);
	case 'S':
		return take_number(s, 2, false, &d->second);
	case 'Y':
		return take_number(s, 4, false, &d->year);
	case 'y':
		if (!take_number(s, 2, false, &d->year))
			return false;
		d->year = full_year(d->year);
		return true;
	default:
		return false;
	}
}

/* strptime's letters, without its blanks, its locale and its leniency. */
static bool
take_date(struct span *s, const char *pattern, struct clock_date *d)
{
	for (; *pattern; pattern++) {
		if (*pattern == '%') {
			if (!take_field(s, *++pattern, d))
				return false;
		} else {
			if (s->n == 0 || s->p[0] != *pattern)
				return false;
			*s = span_after(*s, 1);
		}
	}
	return true;
}

static bool
is_valid(const struct clock_date *d)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (d->year % 4 == 0 && d->year % 100 != 0) || d->year % 400 == 0;

	if (d->month < 1 || d->month > 12 || d->day < 1 ||
	    d->day > days[d->month - 1] + (leap && d->month == 2))
		return false;
	return d->hour <= 23 && d->minute <= 59 && d->second <= 60;
}

int
clock_parse_http(struct span s, int64_t *wall)
{
	/* IMF-fixdate, RFC 850, asctime; RFC 9110 5.6.7. */
	static const char *const patterns[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT",
		"%a %b %e %H:%M:%S %Y",
	};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct clock_date d = { 0 };
		struct span rest = s;

		if (take_date(&rest, patterns[i], &d) && rest.n == 0 && is_valid(&d)) {
			*wall = clock_from_utc(&d);
			return 0;
		}
	}
	return -1;
}

/* "Z", "z", "+hh:mm" or "-hh:mm" as seconds east. */
static bool
take_offset(struct span *s, int *out)
{
	struct clock_date d = { 0 };
	bool west;

	if (s->n == 0)
		return false;
	west = s->p[0] == '-';
	if (s->p[0] == 'Z' || s->p[0] == 'z') {
		*out = 0;
		*s = span_after(*s, 1);
		return true;
	}
	if (!take_date(s, west ? "-%H:%M" : "+%H:%M", &d) || d.hour > 23 || d.minute > 59)
		return false;
	*out = (d.hour * 60 + d.minute) * 60 * (west ? -1 : 1);
	return true;
}

/* ".123": read and dropped, instants here are whole seconds. */
static bool
skip_fraction(struct span *s)
{
	size_t n = 1;

	if (s->n == 0 || s->p[0] != '.')
		return true;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	*s = span_after(*s, n);
	return n > 1;
}

int
clock_parse_rfc3339(struct span s, int64_t *wall)
{
	struct clock_date d = { 0 };

	if (!take_date(&s, "%Y-%m-%d", &d) || s.n == 0 || (s.p[0] != 'T' && s.p[0] != 't'))
		return -1;
	s = span_after(s, 1);
	if (!take_date(&s, "%H:%M:%S", &d) || !skip_fraction(&s) ||
	    !take_offset(&s, &d.utc_offset) || s.n != 0 || !is_valid(&d))
		return -1;
	*wall = clock_from_utc(&d);
	return 0;
}
