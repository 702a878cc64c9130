/* SPDX-License-Identifier: ISC */
/*
 * clock: reading time, and calendar arithmetic without the C library's zone.
 *
 * Days are counted in the proleptic Gregorian calendar, years beginning in
 * March so that the leap day comes last. Instants outside the years 0 to 9999
 * are taken as the nearest one inside, so that every format keeps its width.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define WALL_MIN INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define WALL_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DAY 86400

static int64_t
read_us(clockid_t id)
{
	struct timespec t = { 0 };

	/* Cannot fail for the clocks that are asked for here. */
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t
real_mono_us(void *arg)
{
	return read_us(CLOCK_MONOTONIC);
}

static int64_t
real_wall_ms(void *arg)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

static const struct clock_source real_source = { real_mono_us, real_wall_ms, NULL };
static struct clock_source source = { real_mono_us, real_wall_ms, NULL };

void
clock_set_source(const struct clock_source *s)
{
	source = s ? *s : real_source;
}

int64_t
clock_mono_us(void)
{
	return source.mono_us(source.arg);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_thread_us(void)
{
	return read_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t
clock_wall_ms(void)
{
	return source.wall_ms(source.arg);
}

/* Division that rounds down, also below zero. */
static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t
clock_wall(void)
{
	return floor_div(clock_wall_ms(), 1000);
}

static int64_t
clamp(int64_t wall)
{
	return wall < WALL_MIN ? WALL_MIN : wall > WALL_MAX ? WALL_MAX : wall;
}

void
clock_utc(int64_t wall, struct clock_date *d)
{
	int64_t day = floor_div(clamp(wall), DAY);
	int second = (int)(clamp(wall) - day * DAY);
	/* Days since 0000-03-01, 400-year eras of 146097 days. */
	int64_t z = day + 719468, era = floor_div(z, 146097);
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int month = (int)((5 * doy + 2) / 153);

	d->day = (int)(doy - (153 * month + 2) / 5) + 1;
	d->month = month < 10 ? month + 3 : month - 9;
	d->year = (int)(yoe + era * 400) + (d->month <= 2);
	d->hour = second / 3600;
	d->minute = second / 60 % 60;
	d->second = second % 60;
	/* 1970-01-01 was a Thursday. */
	d->weekday = (int)(day + 4 - floor_div(day + 4, 7) * 7);
	d->utc_offset = 0;
}

int64_t
clock_from_utc(const struct clock_date *d)
{
	int64_t y = (int64_t)d->year - (d->month <= 2);
	int64_t era = floor_div(y, 400), yoe = y - era * 400;
	int64_t doy = (153 * (d->month + (d->month > 2 ? -3 : 9)) + 2) / 5 + d->day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	int64_t day = era * 146097 + doe - 719468;

	return day * DAY + d->hour * 3600 + d->minute * 60 + d->second - d->utc_offset;
}

void
clock_local(int64_t wall, struct clock_date *d)
{
	time_t t = (time_t)clamp(wall);
	struct tm tm;

	if (!localtime_r(&t, &tm)) {
		clock_utc(wall, d);
		return;
	}
	*d = (struct clock_date){
		.year = tm.tm_year + 1900,
		.month = tm.tm_mon + 1,
		.day = tm.tm_mday,
		.hour = tm.tm_hour,
		.minute = tm.tm_min,
		.second = tm.tm_sec,
		.weekday = tm.tm_wday,
		.utc_offset = (int)tm.tm_gmtoff,
	};
}
