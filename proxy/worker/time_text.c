/* SPDX-License-Identifier: ISC */
/* time_text: see time_text.h. */
#include "proxy/worker/time_text.h"

#include "base/clock.h"

#include <stdio.h>

static void
refresh(struct time_text *t, int64_t wall)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct clock_date d;
	unsigned east, year, day, hour, minute, second;
	char sign;

	if (t->second == wall && t->common[0] != '\0')
		return;
	clock_local(wall, &d);
	/* The remainders change nothing; they let the compiler see how many digits there can be. */
	year = (unsigned)d.year % 10000;
	day = (unsigned)d.day % 100;
	hour = (unsigned)d.hour % 100;
	minute = (unsigned)d.minute % 100;
	second = (unsigned)d.second % 100;
	sign = d.utc_offset < 0 ? '-' : '+';
	east = (unsigned)(d.utc_offset < 0 ? -d.utc_offset : d.utc_offset) % 86400;
	snprintf(t->common, sizeof(t->common), "%02u/%.3s/%04u:%02u:%02u:%02u %c%02u%02u", day,
	    months + 3 * (d.month - 1), year, hour, minute, second, sign, east / 3600,
	    east / 60 % 60);
	snprintf(t->iso8601, sizeof(t->iso8601), "%04u-%02u-%02uT%02u:%02u:%02u%c%02u:%02u", year,
	    (unsigned)d.month % 100, day, hour, minute, second, sign, east / 3600, east / 60 % 60);
	t->second = wall;
}

struct span
time_text_common(struct time_text *t, int64_t wall)
{
	refresh(t, wall);
	return span_of(t->common, TIME_TEXT_COMMON_LEN);
}

struct span
time_text_iso8601(struct time_text *t, int64_t wall)
{
	refresh(t, wall);
	return span_of(t->iso8601, TIME_TEXT_ISO8601_LEN);
}
