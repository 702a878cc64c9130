/* SPDX-License-Identifier: ISC */
/* import: shell assignments as acme.sh and dehydrated write them, read and never run. */
#include "libacme/import_internal.h"
#include "tests/unit/unit.h"

static void
test_shell_values(void **state)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{ "A='x y'", "x y" },
		{ "A=\"x y\" # comment", "x y" },
		{ "  export A=abc;B=d", "abc" },
		{ "A=a\\ b", "a b" },
		{ "A='it'\\''s'", "it's" },
		{ "A=\"a\\\"b\"", "a\"b" },
		{ "A='$(reboot)`x`'", "$(reboot)`x`" },
		{ "A=1\nB=2\nA=3\r", "3" },
		{ "AA=1\n#A=2", "" },
		{ "A=", "" },
		{ "A", "" },
		{ "", "" },
		{ "A='open", "open" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[64];
		struct span value =
		    import_shell_value(span_str(rows[i].text), "A", out, sizeof(out));

		assert_string_equal(out, rows[i].value);
		assert_int_equal(value.n, strlen(rows[i].value));
	}
}

static void
test_long_values_are_cut(void **state)
{
	char out[4];

	assert_int_equal(import_shell_value(SPAN("A=abcdef"), "A", out, sizeof(out)).n, 3);
	assert_string_equal(out, "abc");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shell_values),
		cmocka_unit_test(test_long_values_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
