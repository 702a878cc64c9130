/* SPDX-License-Identifier: ISC */
/* Tests of the buffer pool. */
#include "proxy/net/bufpool.h"
#include "tests/unit/unit.h"

#include <malloc.h>
#include <string.h>

static void
test_sizes(void **state)
{
	static const struct {
		size_t min, size;
	} rows[] = {
		{ 0, BUFPOOL_SMALL },
		{ 1, BUFPOOL_SMALL },
		{ BUFPOOL_SMALL, BUFPOOL_SMALL },
		{ BUFPOOL_SMALL + 1, BUFPOOL_LARGE },
		{ BUFPOOL_LARGE, BUFPOOL_LARGE },
		{ BUFPOOL_LARGE + 1, BUFPOOL_LARGE + 1 },
		{ 100000, 100000 },
	};
	struct bufpool *p = bufpool_new();

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct chunk *c = bufpool_borrow(p, rows[i].min);

		assert_int_equal(c->size, rows[i].size);
		assert_int_equal(chunk_room(c), rows[i].size);
		assert_int_equal(chunk_filled(c), 0);
		memset(c->data, 'x', c->size);
		assert_int_equal(bufpool_borrowed(p), 1);
		bufpool_return(p, c);
		assert_int_equal(bufpool_borrowed(p), 0);
	}
	bufpool_free(p);
}

static void
test_a_returned_chunk_is_lent_again_and_empty(void **state)
{
	struct bufpool *p = bufpool_new();
	struct chunk *a = bufpool_borrow(p, BUFPOOL_LARGE), *b;

	a->start = 5;
	a->end = 10;
	a->next = a;
	bufpool_return(p, a);
	b = bufpool_borrow(p, BUFPOOL_LARGE);
	assert_ptr_equal(a, b);
	assert_null(b->next);
	assert_int_equal(b->start, 0);
	assert_int_equal(b->end, 0);
	bufpool_return(p, b);
	bufpool_return(p, NULL);
	assert_int_equal(bufpool_borrowed(p), 0);
	bufpool_free(p);
	bufpool_free(NULL);
}

/* Beyond what the shelves hold, and with sizes that have none: a leak checker has the last word. */
static void
test_a_flood_comes_and_goes(void **state)
{
	enum { MANY = 1000 };
	struct chunk *out[MANY];
	struct bufpool *p = bufpool_new();

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i++)
			out[i] = bufpool_borrow(p, i * 37);
		assert_int_equal(bufpool_borrowed(p), MANY);
		for (size_t i = 0; i < MANY; i++)
			bufpool_return(p, out[i]);
		assert_int_equal(bufpool_borrowed(p), 0);
	}
	bufpool_free(p);
}

static void
test_a_chunk_is_made_to_fit(void **state)
{
	struct bufpool *p = bufpool_new();
	struct chunk *c = bufpool_borrow(p, BUFPOOL_LARGE), *small;

	memcpy(c->data + 100, "hello", 5);
	c->start = 100;
	c->end = 105;
	small = bufpool_fit(p, c, 3);
	assert_ptr_not_equal(small, c);
	assert_int_equal(bufpool_borrowed(p), 1);
	assert_span(span_of(small->data + small->start, chunk_filled(small)), "hello");
	assert_int_equal(chunk_room(small), 3);
	assert_ptr_equal(bufpool_fit(p, small, 0), small);
	bufpool_return(p, small);
	/* More than half full it stays. */
	c = bufpool_borrow(p, BUFPOOL_LARGE);
	c->end = c->size / 2 + 1;
	assert_ptr_equal(bufpool_fit(p, c, 0), c);
	c->end = c->size / 2;
	assert_ptr_equal(bufpool_fit(p, c, 1), c);
	bufpool_return(p, c);
	bufpool_free(p);
}

/* However a chunk came to be, it goes the way of its size: what was lent is given back to whom it came from. */
static void
test_chunks_made_to_measure_in_sizes_of_the_shelves(void **state)
{
	static const size_t sizes[] = { BUFPOOL_SMALL, BUFPOOL_LARGE, BUFPOOL_BULK };
	enum { MANY = 100 };
	struct chunk *out[MANY];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct bufpool *p = bufpool_new();
		size_t before = mallinfo2().uordblks;

		for (size_t k = 0; k < MANY; k++)
			out[k] = bufpool_borrow_exact(p, sizes[i]);
		for (size_t k = 0; k < MANY; k++) {
			assert_int_equal(out[k]->size, sizes[i]);
			memset(out[k]->data, 'x', sizes[i]);
			bufpool_return(p, out[k]);
		}
		bufpool_free(p);
		assert_true(mallinfo2().uordblks <= before);
	}
}

static void
test_bytes_are_kept_and_taken(void **state)
{
	struct bufpool *p = bufpool_new();
	struct chunk *c = bufpool_keep(p, SPAN("abcdef"));
	char bytes[8];

	assert_int_equal(chunk_filled(c), 6);
	assert_int_equal(bufpool_take(p, &c, bytes, 4), 4);
	assert_memory_equal(bytes, "abcd", 4);
	assert_non_null(c);
	assert_int_equal(bufpool_take(p, &c, bytes, sizeof(bytes)), 2);
	assert_memory_equal(bytes, "ef", 2);
	assert_null(c);
	assert_int_equal(bufpool_borrowed(p), 0);
	bufpool_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_a_returned_chunk_is_lent_again_and_empty),
		cmocka_unit_test(test_a_flood_comes_and_goes),
		cmocka_unit_test(test_a_chunk_is_made_to_fit),
		cmocka_unit_test(test_chunks_made_to_measure_in_sizes_of_the_shelves),
		cmocka_unit_test(test_bytes_are_kept_and_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
