/* SPDX-License-Identifier: ISC */
/* clock: calendar arithmetic against the C library's, both date formats, the seam. */
#include "base/clock.h"
#include "tests/unit/unit.h"

#include <time.h>

static int64_t fake_wall_ms, fake_mono_us;

static int64_t
get_wall(void *arg)
{
	return *(int64_t *)arg;
}

static int64_t
get_mono(void *arg)
{
	return fake_mono_us;
}

static const struct clock_source fake = { get_mono, get_wall, &fake_wall_ms };

static int
restore(void **state)
{
	clock_set_source(NULL);
	return 0;
}

static void
source_can_be_replaced(void **state)
{
	int64_t before = clock_mono_us();

	assert_true(clock_wall() > 1700000000);
	assert_true(before > 0);
	assert_true(clock_mono_us() >= before);
	clock_set_source(&fake);
	fake_mono_us = 1234567;
	fake_wall_ms = 5999;
	assert_int_equal(clock_mono_us(), 1234567);
	assert_int_equal(clock_mono_ms(), 1234);
	assert_int_equal(clock_wall_ms(), 5999);
	assert_int_equal(clock_wall(), 5);
	fake_wall_ms = -1;
	assert_int_equal(clock_wall(), -1);
	clock_set_source(NULL);
	assert_true(clock_wall() > 1700000000);
}

static void
utc_agrees_with_the_c_library(void **state)
{
	/* Steps that are no multiple of a day, over all years with four digits. */
	for (int64_t t = -62167219200; t <= 253402300799; t += 86400 * 13 + 12347) {
		time_t libc = (time_t)t;
		struct clock_date d;
		struct tm tm;

		assert_non_null(gmtime_r(&libc, &tm));
		clock_utc(t, &d);
		if (d.year != tm.tm_year + 1900 || d.month != tm.tm_mon + 1 ||
		    d.day != tm.tm_mday || d.hour != tm.tm_hour || d.minute != tm.tm_min ||
		    d.second != tm.tm_sec || d.weekday != tm.tm_wday || clock_from_utc(&d) != t)
			fail_msg("%lld comes out differently", (long long)t);
	}
}

static void
instants_out_of_range_are_the_nearest(void **state)
{
	struct clock_date d;
	char text[CLOCK_HTTP_LEN + 1];

	clock_utc(INT64_MAX, &d);
	assert_int_equal(d.year, 9999);
	assert_int_equal(d.second, 59);
	clock_utc(INT64_MIN, &d);
	assert_int_equal(d.year, 0);
	assert_int_equal(d.day, 1);
	clock_local(INT64_MAX, &d);
	assert_in_range(d.year, 9999, 10000);
	clock_format_http(INT64_MAX, text);
	assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
	clock_format_rfc3339(INT64_MIN, text);
	assert_string_equal(text, "0000-01-01T00:00:00Z");
}

static void
local_knows_the_zone(void **state)
{
	struct clock_date d;

	setenv("TZ", "XST-05:30", 1);
	tzset();
	clock_local(0, &d);
	assert_int_equal(d.year, 1970);
	assert_int_equal(d.hour, 5);
	assert_int_equal(d.minute, 30);
	assert_int_equal(d.utc_offset, 19800);
	assert_int_equal(clock_from_utc(&d), 0);
	unsetenv("TZ");
	tzset();
}

static void
formats_are_fixed(void **state)
{
	char http[CLOCK_HTTP_LEN + 1], rfc3339[CLOCK_RFC3339_LEN + 1];

	clock_format_http(784111777, http);
	assert_string_equal(http, "Sun, 06 Nov 1994 08:49:37 GMT");
	clock_format_http(0, http);
	assert_string_equal(http, "Thu, 01 Jan 1970 00:00:00 GMT");
	clock_format_rfc3339(784111777, rfc3339);
	assert_string_equal(rfc3339, "1994-11-06T08:49:37Z");
	clock_format_rfc3339(-1, rfc3339);
	assert_string_equal(rfc3339, "1969-12-31T23:59:59Z");
}

static void
http_dates_in_three_forms(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
		{ "Sun Nov  6 08:49:37 1994", 784111777 },
		{ "Wed Nov 16 08:49:37 1994", 784111777 + 10 * 86400 },
		{ "Sun Nov 06 08:49:37 1994", 784111777 },
		{ "Thu, 29 Feb 2024 00:00:00 GMT", 1709164800 },
		{ "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
		/* A leap second is the second after it. */
		{ "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
		/* The day's name is wrong, the rest is not. */
		{ "Mon, 06 Nov 1994 08:49:37 GMT", 784111777 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
	};
	int64_t t;

	clock_set_source(&fake);
	fake_wall_ms = INT64_C(1700000000000); /* November 2023 */
	for (size_t i = 0; i < COUNT(cases); i++) {
		t = 7;
		if (clock_parse_http(span_str(cases[i].text), &t) < 0 || t != cases[i].want)
			fail_msg("%s gives %lld", cases[i].text, (long long)t);
	}
}

static void
two_digit_years_are_at_most_fifty_ahead(void **state)
{
	static const struct {
		const char *text;
		int year;
	} cases[] = {
		{ "Sunday, 06-Nov-23 08:49:37 GMT", 2023 },
		{ "Sunday, 06-Nov-73 08:49:37 GMT", 2073 },
		{ "Sunday, 06-Nov-74 08:49:37 GMT", 1974 },
		{ "Sunday, 06-Nov-99 08:49:37 GMT", 1999 },
		{ "Sunday, 06-Nov-00 08:49:37 GMT", 2000 },
	};
	struct clock_date d;
	int64_t t;

	clock_set_source(&fake);
	fake_wall_ms = INT64_C(1700000000000); /* November 2023 */
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(clock_parse_http(span_str(cases[i].text), &t), 0);
		clock_utc(t, &d);
		assert_int_equal(d.year, cases[i].year);
	}
	fake_wall_ms =
	    INT64_C(3755980800000); /* January 2089: "10" is ahead, in the next century */
	assert_int_equal(clock_parse_http(SPAN("Sunday, 06-Nov-10 08:49:37 GMT"), &t), 0);
	clock_utc(t, &d);
	assert_int_equal(d.year, 2110);
}

static void
http_refuses_everything_else(void **state)
{
	static const char *const bad[] = { "", "x", "Sun", "Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
		"sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT", "Thu, 29 Feb 2023 00:00:00 GMT",
		"Thu, 29 Feb 1900 00:00:00 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
		"Sun,  6 Nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
		"Xxx, 06 Nov 1994 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sunday, 06 Nov 94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
		"Sun Nov  6 08:49:37 1994 GMT", "Sun Nov  6 08:49:37 94", "Sun Nov   08:49:37 1994",
		"1994-11-06T08:49:37Z", "784111777" };
	int64_t t = 7;

	for (size_t i = 0; i < COUNT(bad); i++) {
		if (clock_parse_http(span_str(bad[i]), &t) == 0)
			fail_msg("'%s' was accepted", bad[i]);
	}
	assert_int_equal(clock_parse_http(span_of(NULL, 0), &t), -1);
	assert_int_equal(t, 7);
}

static void
rfc3339_with_fraction_and_offset(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1985-04-12T23:20:50.52Z", 482196050 },
		{ "1996-12-19T16:39:57-08:00", 851042397 },
		{ "1990-12-31T23:59:60Z", 662688000 },
		{ "1937-01-01T12:00:27.87+00:20", -1041337173 },
		{ "1970-01-01t00:00:00z", 0 },
		{ "1970-01-01T00:00:00-00:00", 0 },
		{ "1970-01-01T23:59:00+23:59", 0 },
		{ "2026-11-21T01:30:00.999999999999999999999Z", 1795224600 },
	};
	int64_t t;

	for (size_t i = 0; i < COUNT(cases); i++) {
		t = 7;
		if (clock_parse_rfc3339(span_str(cases[i].text), &t) < 0 || t != cases[i].want)
			fail_msg("%s gives %lld", cases[i].text, (long long)t);
	}
}

static void
rfc3339_refuses_everything_else(void **state)
{
	static const char *const bad[] = { "", "1970", "1970-01-01", "1970-01-01T00:00:00",
		"1970-01-01 00:00:00Z", "1970-01-01T00:00Z", "1970-01-01T00:00:00.Z",
		"1970-01-01T00:00:00,5Z", "1970-01-01T00:00:00ZZ", "1970-01-01T00:00:00Z ",
		" 1970-01-01T00:00:00Z", "1970-13-01T00:00:00Z", "1970-00-01T00:00:00Z",
		"1970-01-32T00:00:00Z", "1970-02-29T00:00:00Z", "1970-01-01T24:00:00Z",
		"1970-01-01T00:60:00Z", "1970-01-01T00:00:61Z", "1970-01-01T00:00:00+24:00",
		"1970-01-01T00:00:00+00:60", "1970-01-01T00:00:00+0000", "1970-01-01T00:00:00+00",
		"1970-01-01T00:00:00~00:00", "70-01-01T00:00:00Z", "+970-01-01T00:00:00Z",
		"-970-01-01T00:00:00Z", "1970-1-1T00:00:00Z", "19700101T000000Z",
		"10000-01-01T00:00:00Z", "1970-01-01T00:00:00.5" };
	int64_t t = 7;

	for (size_t i = 0; i < COUNT(bad); i++) {
		if (clock_parse_rfc3339(span_str(bad[i]), &t) == 0)
			fail_msg("'%s' was accepted", bad[i]);
	}
	assert_int_equal(clock_parse_rfc3339(span_of(NULL, 0), &t), -1);
	/* Not one byte behind the span is looked at. */
	assert_int_equal(clock_parse_rfc3339(span_of("1970-01-01T00:00:00Z", 19), &t), -1);
	assert_int_equal(t, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(source_can_be_replaced, restore),
		cmocka_unit_test(utc_agrees_with_the_c_library),
		cmocka_unit_test(instants_out_of_range_are_the_nearest),
		cmocka_unit_test(local_knows_the_zone),
		cmocka_unit_test(formats_are_fixed),
		cmocka_unit_test_teardown(http_dates_in_three_forms, restore),
		cmocka_unit_test_teardown(two_digit_years_are_at_most_fifty_ahead, restore),
		cmocka_unit_test(http_refuses_everything_else),
		cmocka_unit_test(rfc3339_with_fraction_and_offset),
		cmocka_unit_test(rfc3339_refuses_everything_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
