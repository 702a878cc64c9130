/* SPDX-License-Identifier: ISC */
/* buf: growth, the maximum, secrets. */
#include "base/buf.h"
#include "tests/unit/unit.h"

static void
content_grows_in_order(void **state)
{
	struct buf b;

	buf_init(&b, 100000);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(buf_add(&b, SPAN("ab")), 0);
	assert_int_equal(buf_add_str(&b, "cd"), 0);
	assert_int_equal(buf_add_char(&b, 'e'), 0);
	assert_int_equal(buf_printf(&b, "%d", 12), 0);
	assert_int_equal(buf_add(&b, span_of(NULL, 0)), 0);
	assert_span(buf_span(&b), "abcde12");
	assert_string_equal(buf_str(&b), "abcde12");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_printf(&b, "%03d", i), 0);
	assert_int_equal(b.len, 3007);
	assert_memory_equal(b.p, "abcde12000001", 13);
	assert_string_equal(buf_str(&b) + 3004, "999");
	buf_release(&b);
	assert_null(b.p);
	assert_int_equal(b.max, 100000);
}

static void
exactly_the_maximum_fits(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	assert_int_equal(buf_add(&b, SPAN("abcd")), 0);
	assert_false(b.full);
	assert_string_equal(buf_str(&b), "abcd");
	assert_int_equal(buf_add(&b, SPAN("")), 0);
	assert_int_equal(buf_add_char(&b, 'e'), -1);
	assert_true(b.full);
	buf_release(&b);

	buf_init(&b, 4);
	assert_int_equal(buf_printf(&b, "%s", "abcd"), 0);
	assert_span(buf_span(&b), "abcd");
	buf_release(&b);

	/* As many as are free: the NUL needs one more. */
	buf_init(&b, 1000);
	assert_int_equal(buf_add(&b, SPAN("a")), 0);
	while (b.len + 4 < b.cap)
		assert_int_equal(buf_add_char(&b, 'a'), 0);
	assert_int_equal(buf_printf(&b, "%s", "wxyz"), 0);
	assert_string_equal(buf_str(&b) + b.len - 5, "awxyz");
	buf_release(&b);

	buf_init(&b, 4);
	assert_int_equal(buf_printf(&b, "%s", "abcde"), -1);
	assert_int_equal(b.len, 0);
	assert_true(b.full);
	buf_release(&b);

	buf_init(&b, 0);
	assert_int_equal(buf_add(&b, SPAN("")), 0);
	assert_int_equal(buf_add(&b, SPAN("a")), -1);
	assert_string_equal(buf_str(&b), "");
	buf_release(&b);
}

static void
overfull_stays_full_until_reset(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	assert_int_equal(buf_add(&b, SPAN("ab")), 0);
	assert_int_equal(buf_add(&b, SPAN("cde")), -1);
	assert_span(buf_span(&b), "ab");
	/* One byte would fit, but the text would have a hole. */
	assert_int_equal(buf_add_char(&b, 'c'), -1);
	assert_int_equal(buf_printf(&b, "c"), -1);
	assert_null(buf_reserve(&b, 1));
	assert_span(buf_span(&b), "ab");
	buf_reset(&b);
	assert_false(b.full);
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_add(&b, SPAN("abcd")), 0);
	buf_release(&b);
}

static void
reserve_gives_room_without_content(void **state)
{
	struct buf b;
	char *to;

	buf_init(&b, 1000);
	to = buf_reserve(&b, 1000);
	assert_non_null(to);
	assert_int_equal(b.len, 0);
	memset(to, 'x', 1000);
	b.len += 1000;
	assert_int_equal(strlen(buf_str(&b)), 1000);
	assert_null(buf_reserve(&b, 1));
	assert_true(b.full);
	buf_release(&b);

	buf_init(&b, 1000);
	assert_null(buf_reserve(&b, SIZE_MAX));
	buf_release(&b);
	buf_init(&b, SIZE_MAX);
	assert_null(buf_reserve(&b, SIZE_MAX));
	buf_release(&b);
}

static void
consume_drops_the_front(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	assert_int_equal(buf_add(&b, SPAN("abcdef")), 0);
	buf_consume(&b, 0);
	assert_span(buf_span(&b), "abcdef");
	buf_consume(&b, 2);
	assert_span(buf_span(&b), "cdef");
	buf_consume(&b, 100);
	assert_int_equal(b.len, 0);
	buf_consume(&b, 1);
	buf_release(&b);
	buf_consume(&b, 1);
}

static void
detach_hands_over(void **state)
{
	struct buf b;
	size_t len = 9;
	char *p;

	buf_init(&b, 100);
	p = buf_detach(&b, &len);
	assert_string_equal(p, "");
	assert_int_equal(len, 0);
	free(p);
	assert_int_equal(buf_add(&b, span_of("a\0b", 3)), 0);
	p = buf_detach(&b, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(p, "a\0b", 4);
	assert_null(b.p);
	assert_int_equal(b.len + b.cap, 0);
	assert_int_equal(buf_add(&b, SPAN("again")), 0);
	free(p);
	p = buf_detach(&b, NULL);
	assert_string_equal(p, "again");
	free(p);
}

static void
secrets_leave_nothing_in_the_buffer(void **state)
{
	struct buf b;

	buf_init_secret(&b, 1000);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_add(&b, SPAN("secret")), 0);
	assert_int_equal(b.len, 600);
	assert_memory_equal(b.p + 594, "secret", 6);
	buf_consume(&b, 300);
	for (size_t i = 300; i < 600; i++)
		assert_int_equal(b.p[i], 0);
	buf_reset(&b);
	for (size_t i = 0; i < b.cap; i++)
		assert_int_equal(b.p[i], 0);
	buf_release(&b);
	assert_true(b.secret);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_grows_in_order),
		cmocka_unit_test(exactly_the_maximum_fits),
		cmocka_unit_test(overfull_stays_full_until_reset),
		cmocka_unit_test(reserve_gives_room_without_content),
		cmocka_unit_test(consume_drops_the_front),
		cmocka_unit_test(detach_hands_over),
		cmocka_unit_test(secrets_leave_nothing_in_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
