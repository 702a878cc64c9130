/* SPDX-License-Identifier: ISC */
/* directive_expires: every form, and what is none. */
#include "proxy/config/expires.h"
#include "tests/unit/unit.h"

static void
test_forms(void **state)
{
	static const struct {
		const char *text;
		bool modified;
		enum expires_kind kind;
		int64_t time_s;
	} rows[] = {
		{ "epoch", false, EXPIRES_EPOCH, 0 },
		{ "max", false, EXPIRES_MAX, 0 },
		{ "off", false, EXPIRES_OFF, 0 },
		{ "24h", false, EXPIRES_ACCESS, 86400 },
		{ "+1h30m", false, EXPIRES_ACCESS, 5400 },
		{ "-1", false, EXPIRES_ACCESS, -1 },
		{ "0", false, EXPIRES_ACCESS, 0 },
		{ "1d", true, EXPIRES_MODIFIED, 86400 },
		{ "-1h", true, EXPIRES_MODIFIED, -3600 },
		{ "@15h30m", false, EXPIRES_DAILY, 55800 },
		{ "@24h", false, EXPIRES_DAILY, 86400 },
	};
	struct expires e;

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_null(expires_parse(span_str(rows[i].text), rows[i].modified, &e));
		assert_int_equal(e.kind, rows[i].kind);
		assert_int_equal(e.time_s, rows[i].time_s);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *wrong;
		bool modified;
	} rows[] = {
		{ "", "invalid value", false },
		{ "soon", "invalid value", false },
		{ "--1", "invalid value", false },
		{ "@", "invalid value", false },
		{ "epoch", "invalid value", true },
		{ "max", "invalid value", true },
		{ "@1h", "daily time cannot be used with \"modified\" parameter", true },
		{ "@25h", "daily time value must be less than 24 hours", false },
	};
	struct expires e = { .time_s = 7 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_string_equal(expires_parse(span_str(rows[i].text), rows[i].modified, &e),
		    rows[i].wrong);
		assert_int_equal(e.time_s, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
