/* SPDX-License-Identifier: ISC */
/* h2_guard: floods end at once, long lives never. */
#include "proxy/http/h2_guard.h"
#include "tests/unit/unit.h"

static void
test_floods_end(void **state)
{
	struct h2_guard g = { 0 };
	int n;

	for (n = 0; !h2_guard_reset(&g, 1000); n++)
		;
	assert_int_equal(n, H2_RESETS_MAX);
	for (n = 0; !h2_guard_provoked(&g, 1000); n++)
		;
	assert_int_equal(n, H2_PROVOKED_MAX);
	for (n = 0; !h2_guard_idle_frame(&g, 1000); n++)
		;
	assert_int_equal(n, H2_IDLE_FRAMES_MAX);
	h2_guard_headers(&g, 100);
	for (n = 0; !h2_guard_continuation(&g, 0); n++)
		;
	assert_int_equal(n, H2_CONTINUATIONS_MAX);
	h2_guard_headers(&g, 16384);
	assert_null(h2_guard_continuation(&g, H2_CONTINUATION_BYTES_MAX));
	assert_non_null(h2_guard_continuation(&g, 1));
}

static void
test_time_and_work_make_up_for_it(void **state)
{
	struct h2_guard g = { 0 };
	int64_t ms = 1000;

	for (int i = 0; i < 100000; i++, ms += 100)
		assert_null(h2_guard_reset(&g, ms));
	for (int i = 0; i < 100000; i++, ms += 20)
		assert_null(h2_guard_idle_frame(&g, ms));
	for (int i = 0; i < 100000; i++) {
		h2_guard_answered(&g);
		assert_null(h2_guard_reset(&g, ms));
	}
	/* A client that opens its windows frame by frame. */
	for (int i = 0; i < 100000; i++) {
		h2_guard_sent_data(&g);
		assert_null(h2_guard_idle_frame(&g, ms));
		assert_null(h2_guard_idle_frame(&g, ms));
	}
}

static void
test_bytes_that_carry_nothing(void **state)
{
	struct h2_guard g = { 0 };

	for (int i = 0; i < 1000; i++) {
		h2_guard_body(&g, 16384);
		assert_null(h2_guard_read(&g, 16393));
	}
	assert_null(h2_guard_read(&g, 8 << 20));
	memset(&g, 0, sizeof(g));
	assert_non_null(h2_guard_read(&g, 9 << 20));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floods_end),
		cmocka_unit_test(test_time_and_work_make_up_for_it),
		cmocka_unit_test(test_bytes_that_carry_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
