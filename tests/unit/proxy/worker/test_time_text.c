/* SPDX-License-Identifier: ISC */
/* Local times, on both sides of Greenwich. */
#include "proxy/worker/time_text.h"
#include "tests/unit/unit.h"

#include <time.h>

static void
check(const char *zone, int64_t wall, const char *common, const char *iso8601)
{
	struct time_text t = { 0 };

	setenv("TZ", zone, 1);
	tzset();
	assert_span(time_text_common(&t, wall), common);
	assert_span(time_text_iso8601(&t, wall), iso8601);
}

static void
zones(void **state)
{
	check("UTC0", 0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00+00:00");
	check("XXX3:30", 1795225564, "20/Nov/2026:22:16:04 -0330", "2026-11-20T22:16:04-03:30");
	check("XXX-14", 1795225564, "21/Nov/2026:15:46:04 +1400", "2026-11-21T15:46:04+14:00");
	/* Farther than any format reaches: still of the same width. */
	check("UTC0", INT64_MAX / 2, "31/Dec/9999:23:59:59 +0000", "9999-12-31T23:59:59+00:00");
}

static void
changes_with_the_second(void **state)
{
	struct time_text t = { 0 };

	setenv("TZ", "UTC0", 1);
	tzset();
	assert_span(time_text_common(&t, 59), "01/Jan/1970:00:00:59 +0000");
	assert_span(time_text_common(&t, 59), "01/Jan/1970:00:00:59 +0000");
	assert_span(time_text_common(&t, 60), "01/Jan/1970:00:01:00 +0000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones),
		cmocka_unit_test(changes_with_the_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
