/* SPDX-License-Identifier: ISC */
/* value: sizes and durations in nginx's grammar. */
#include "proxy/config/value.h"
#include "tests/unit/unit.h"

static void
test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t max, value;
	} good[] = {
		{ "0", UINT32_MAX, 0 },
		{ "8192", UINT32_MAX, 8192 },
		{ "8k", UINT32_MAX, 8192 },
		{ "8K", UINT32_MAX, 8192 },
		{ "1m", UINT32_MAX, 1 << 20 },
		{ "1M", 1 << 20, 1 << 20 },
		{ "2g", INT64_MAX, 2ULL << 30 },
		{ "2G", INT64_MAX, 2ULL << 30 },
		{ "8589934591g", INT64_MAX, 8589934591ULL << 30 },
	};
	static const struct {
		const char *text;
		uint64_t max;
	} bad[] = {
		{ "", INT64_MAX },
		{ "k", INT64_MAX },
		{ "-1", INT64_MAX },
		{ "+1", INT64_MAX },
		{ " 1", INT64_MAX },
		{ "1 k", INT64_MAX },
		{ "1kb", INT64_MAX },
		{ "1.5k", INT64_MAX },
		{ "1t", INT64_MAX },
		{ "1g", UINT32_MAX },
		{ "2m", 1 << 20 },
		{ "8589934592g", INT64_MAX },
		{ "99999999999999999999", INT64_MAX },
	};
	uint64_t v;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(value_parse_size(span_str(good[i].text), good[i].max, &v), 0);
		assert_true(v == good[i].value);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		v = 7;
		assert_int_equal(value_parse_size(span_str(bad[i].text), bad[i].max, &v), -1);
		assert_int_equal(v, 7);
	}
}

static void
test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms, s; /* by DURATION_MS, by DURATION_S; -1 = refused */
	} rows[] = {
		{ "0", 0, 0 },
		{ "5", 5000, 5000 },
		{ "5s", 5000, 5000 },
		{ "500ms", 500, -1 },
		{ "1s500ms", 1500, -1 },
		{ "2m", 120000, 120000 },
		{ "1m30", 90000, 90000 },
		{ "1h30m", 5400000, 5400000 },
		{ "1h 30m", 5400000, 5400000 },
		{ "1h  30m  5", 5405000, 5405000 },
		{ "1d", 86400000, 86400000 },
		{ "1w", 604800000, 604800000 },
		{ "1M", -1, 2592000000 },
		{ "1y", -1, 31536000000 },
		{ "1y1M1w1d1h1m1s", -1, 34822861000 },
		{ "", -1, -1 },
		{ " 1s", -1, -1 },
		{ "s", -1, -1 },
		{ "ms", -1, -1 },
		{ "1S", -1, -1 },
		{ "-1", -1, -1 },
		{ "1.5s", -1, -1 },
		{ "30m1h", -1, -1 },
		{ "1s1s", -1, -1 },
		{ "1 2", -1, -1 },
		{ "1sx", -1, -1 },
		{ "1s s", -1, -1 },
		{ "9223372036854775807", -1, -1 },
		{ "99999999999999999999", -1, -1 },
		{ "15250284452w15250284452d", -1, -1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t ms = -1, s = -1;
		int rc = value_parse_duration(span_str(rows[i].text), DURATION_MS, &ms);

		assert_int_equal(rc, rows[i].ms < 0 ? -1 : 0);
		assert_true(ms == rows[i].ms);
		rc = value_parse_duration(span_str(rows[i].text), DURATION_S, &s);
		assert_int_equal(rc, rows[i].s < 0 ? -1 : 0);
		assert_true(s == rows[i].s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
