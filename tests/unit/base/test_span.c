/* SPDX-License-Identifier: ISC */
/* span: comparing, searching, splitting, numbers, distance. */
#include "base/span.h"
#include "tests/unit/unit.h"

static void
equality_ignores_ascii_case_only(void **state)
{
	assert_true(span_eq(SPAN("a"), SPAN("a")));
	assert_true(span_eq(span_of(NULL, 0), SPAN("")));
	assert_false(span_eq(SPAN("a"), SPAN("ab")));
	assert_false(span_eq(SPAN("a"), SPAN("A")));
	assert_true(span_eq_nocase(SPAN("Host-Z9"), SPAN("hOST-z9")));
	assert_true(span_eq_nocase(span_of(NULL, 0), SPAN("")));
	assert_false(span_eq_nocase(SPAN("ab"), SPAN("abc")));
	/* One bit apart, as letters of two cases are, but no letters. */
	assert_false(span_eq_nocase(SPAN("@"), SPAN("`")));
	assert_false(span_eq_nocase(SPAN("["), SPAN("{")));
	assert_false(span_eq_nocase(SPAN("\xc4"), SPAN("\xe4")));
}

static void
prefix_and_suffix(void **state)
{
	assert_true(span_starts(SPAN("abc"), SPAN("ab")));
	assert_true(span_starts(SPAN("abc"), SPAN("")));
	assert_false(span_starts(SPAN("ab"), SPAN("abc")));
	assert_true(span_ends(SPAN("abc"), SPAN("bc")));
	assert_false(span_ends(SPAN("bc"), SPAN("abc")));
	assert_false(span_ends(SPAN("abc"), SPAN("ab")));
	assert_span(span_after(SPAN("abc"), 1), "bc");
	assert_span(span_after(SPAN("abc"), 3), "");
	assert_null(span_str(NULL).p);
}

static void
find_gives_the_first(void **state)
{
	assert_int_equal(span_find(SPAN("a:b:c"), ':'), 1);
	assert_int_equal(span_find(SPAN("abc"), ':'), -1);
	assert_int_equal(span_find(span_of(NULL, 0), ':'), -1);
	/* Not one byte further than the span. */
	assert_int_equal(span_find(span_of("ab:", 2), ':'), -1);
	assert_int_equal(span_find(span_of("a\0b", 3), '\0'), 1);
}

static void
trim_takes_blanks_off_both_ends(void **state)
{
	assert_span(span_trim(SPAN(" \t\r\n a b \n")), "a b");
	assert_span(span_trim(SPAN(" \r\n")), "");
	assert_span(span_trim(SPAN("")), "");
	assert_span(span_trim(SPAN("\va\f")), "\va\f");
	assert_int_equal(span_trim(span_of("\0 ", 2)).n, 1);
}

static void
split_keeps_empty_pieces(void **state)
{
	struct span rest = SPAN("a,,b"), piece;

	assert_true(span_split(&rest, ',', &piece));
	assert_span(piece, "a");
	assert_true(span_split(&rest, ',', &piece));
	assert_span(piece, "");
	assert_true(span_split(&rest, ',', &piece));
	assert_span(piece, "b");
	assert_false(span_split(&rest, ',', &piece));

	rest = SPAN("a,");
	assert_true(span_split(&rest, ',', &piece));
	assert_span(piece, "a");
	assert_false(span_split(&rest, ',', &piece));

	rest = SPAN(",");
	assert_true(span_split(&rest, ',', &piece));
	assert_span(piece, "");
	assert_false(span_split(&rest, ',', &piece));

	rest = span_of(NULL, 0);
	assert_false(span_split(&rest, ',', &piece));
}

static void
numbers_are_digits_and_nothing_else(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1a", "a", "1.0", "/",
		":", "18446744073709551616", "18446744073709551620", "99999999999999999999999" };
	uint64_t v = 7;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(span_to_u64(span_str(bad[i]), UINT64_MAX, &v), -1);
	assert_int_equal(span_to_u64(span_of("1\0", 2), UINT64_MAX, &v), -1);
	assert_int_equal(span_to_u64(SPAN("65536"), 65535, &v), -1);
	assert_int_equal(span_to_u64(SPAN("1"), 0, &v), -1);
	assert_int_equal(v, 7);

	assert_int_equal(span_to_u64(SPAN("0"), 0, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(span_to_u64(SPAN("65535"), 65535, &v), 0);
	assert_int_equal(v, 65535);
	assert_int_equal(span_to_u64(SPAN("0000000000000000000000012"), 12, &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(span_to_u64(SPAN("18446744073709551615"), UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(span_to_u64(span_of("12345", 2), 99, &v), 0);
	assert_int_equal(v, 12);
}

static void
distance_counts_edits(void **state)
{
	static const struct {
		const char *a, *b;
		size_t limit, want;
	} cases[] = {
		{ "", "", 3, 0 },
		{ "days", "days", 3, 0 },
		{ "DAYS", "days", 3, 0 },
		{ "dyas", "days", 3, 1 },
		{ "day", "days", 3, 1 },
		{ "dayss", "days", 3, 1 },
		{ "dats", "days", 3, 1 },
		{ "", "abc", 3, 3 },
		{ "kitten", "sitting", 5, 3 },
		{ "kitten", "sitting", 3, 3 },
		{ "kitten", "sitting", 2, 3 },
		{ "abcdef", "uvwxyz", 2, 3 },
		{ "ab", "abcdefgh", 3, 4 },
		{ "ca", "abc", 5, 3 },
		{ "a", "b", 0, 1 },
		{ "a", "b", SIZE_MAX, 1 },
	};
	char lengthy[200];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span a = span_str(cases[i].a), b = span_str(cases[i].b);

		assert_int_equal(span_distance(a, b, cases[i].limit), cases[i].want);
		assert_int_equal(span_distance(b, a, cases[i].limit), cases[i].want);
	}
	memset(lengthy, 'a', sizeof(lengthy));
	assert_int_equal(span_distance(span_of(lengthy, 65), span_of(lengthy, 64), 3), 4);
	assert_int_equal(span_distance(span_of(lengthy, 64), span_of(lengthy, 64), 3), 0);
	assert_int_equal(span_distance(span_of(lengthy, 64), SPAN(""), 100), 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_ignores_ascii_case_only),
		cmocka_unit_test(prefix_and_suffix),
		cmocka_unit_test(find_gives_the_first),
		cmocka_unit_test(trim_takes_blanks_off_both_ends),
		cmocka_unit_test(split_keeps_empty_pieces),
		cmocka_unit_test(numbers_are_digits_and_nothing_else),
		cmocka_unit_test(distance_counts_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
