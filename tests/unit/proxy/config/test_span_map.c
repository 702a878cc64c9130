/* SPDX-License-Identifier: ISC */
/* span_map: growing, first value stays, keys compared whole. */
#include "proxy/config/span_map.h"
#include "tests/unit/unit.h"

static void
test_empty(void **state)
{
	struct arena *a = arena_new(0);
	struct span_map m;

	span_map_init(&m, a);
	assert_null(span_map_get(&m, SPAN("")));
	assert_null(span_map_get(&m, SPAN("a")));
	arena_free(a);
}

static void
test_many(void **state)
{
	struct arena *a = arena_new(0);
	static int values[5000];
	struct span_map m;

	span_map_init(&m, a);
	for (int i = 0; i < 5000; i++)
		assert_null(span_map_add(&m, arena_printf(a, "key%d", i), &values[i]));
	assert_int_equal(m.count, 5000);
	assert_int_equal(m.longest, 7);
	for (int i = 0; i < 5000; i++)
		assert_ptr_equal(span_map_get(&m, arena_printf(a, "key%d", i)), &values[i]);
	assert_null(span_map_get(&m, SPAN("key5000")));
	assert_null(span_map_get(&m, SPAN("key")));
	assert_null(span_map_get(&m, SPAN("key00000000")));
	arena_free(a);
}

static void
test_first_stays(void **state)
{
	struct arena *a = arena_new(0);
	struct span_map m;
	int one, two;

	span_map_init(&m, a);
	assert_null(span_map_add(&m, SPAN(""), &one));
	assert_ptr_equal(span_map_add(&m, SPAN(""), &two), &one);
	assert_ptr_equal(span_map_get(&m, span_of(NULL, 0)), &one);
	assert_int_equal(m.count, 1);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_first_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
