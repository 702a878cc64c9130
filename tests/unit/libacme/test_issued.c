/* SPDX-License-Identifier: ISC */
/* issued: when renewal is due; names in any order. */
#include "libacme/issued.h"
#include "tests/unit/unit.h"

#define DAY INT64_C(86400)

static void
a_third_of_a_life_and_half_of_a_short_one(void **state)
{
	static const struct {
		int64_t life, left; /* days */
	} cases[] = { { 90, 30 }, { 45, 15 }, { 398, 132 }, { 10, 3 }, { 6, 3 }, { 9, 4 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t begin = 1700000000, end = begin + cases[i].life * DAY;
		int64_t left = end - issued_due_at(begin, end);

		assert_int_equal(left / DAY, cases[i].left);
	}
	assert_int_equal(issued_due_at(0, 90 * DAY), 60 * DAY);
	assert_int_equal(issued_due_at(0, 6 * DAY), 3 * DAY);
}

static void
names_are_a_set(void **state)
{
	struct span live[] = { SPAN_INIT("a.example"), SPAN_INIT("b.example") };
	static const struct span same[] = { SPAN_INIT("b.example"), SPAN_INIT("A.EXAMPLE") };
	static const struct span fewer[] = { SPAN_INIT("a.example") };
	static const struct span other[] = { SPAN_INIT("a.example"), SPAN_INIT("a.example.org") };
	struct issued issued = { .names = live, .name_count = 2 };

	assert_true(issued_has_names(&issued, same, 2));
	assert_false(issued_has_names(&issued, fewer, 1));
	assert_false(issued_has_names(&issued, other, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_third_of_a_life_and_half_of_a_short_one),
		cmocka_unit_test(names_are_a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
