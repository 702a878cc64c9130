/* SPDX-License-Identifier: ISC */
/* decimal: every count of digits. */
#include "base/decimal.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>

static void
same_as_stdio(uint64_t v)
{
	char got[DECIMAL_MAX + 1], want[DECIMAL_MAX + 1];
	size_t n;

	memset(got, '#', sizeof(got));
	n = (size_t)(decimal_put(got, v) - got);
	assert_int_equal(n, snprintf(want, sizeof(want), "%" PRIu64, v));
	assert_memory_equal(got, want, n);
	assert_int_equal(got[n], '#');
}

static void
digits_are_those_of_stdio(void **state)
{
	same_as_stdio(0);
	for (uint64_t v = 1, i = 1; i < DECIMAL_MAX; i++, v *= 10) {
		same_as_stdio(v);
		same_as_stdio(v * 10 - 1);
	}
	same_as_stdio(UINT64_MAX);
	same_as_stdio(UINT64_MAX - UINT64_MAX % 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_those_of_stdio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
