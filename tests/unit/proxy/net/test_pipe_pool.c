/* SPDX-License-Identifier: ISC */
/* Tests of the pipes that are kept for splicing, and of how many descriptors they may take. */
#include "proxy/net/pipe_pool.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <unistd.h>

static int
lowest_free_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static void
test_a_pipe_comes_back(void **state)
{
	struct pipe_pool *pool = pipe_pool_new();
	struct pipe *first = pipe_pool_borrow(pool);

	assert_non_null(first);
	pipe_pool_return(pool, first);
	assert_ptr_equal(pipe_pool_borrow(pool), first);
	pipe_pool_return(pool, first);
	pipe_pool_free(pool);
}

static void
test_one_with_bytes_in_it_is_not_kept(void **state)
{
	struct pipe_pool *pool = pipe_pool_new();
	struct pipe *p = pipe_pool_borrow(pool);
	int fd = p->read_fd;

	assert_int_equal(write(p->write_fd, "x", 1), 1);
	p->held = 1;
	pipe_pool_return(pool, p);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	pipe_pool_free(pool);
}

static void
test_none_beyond_the_bound(void **state)
{
	struct pipe_pool *pool = pipe_pool_new();
	int next = lowest_free_descriptor();
	struct pipe *kept, *p = NULL;

	pipe_pool_bound(pool, next + 2);
	kept = pipe_pool_borrow(pool);
	assert_non_null(kept);
	assert_null(pipe_pool_borrow(pool));
	assert_int_equal(lowest_free_descriptor(), next + 2); /* what was tried is closed again */
	/* More room later: it is tried again after a while, not at once. */
	pipe_pool_bound(pool, 0);
	assert_null(pipe_pool_borrow(pool));
	for (int i = 0; i < 1000 && !p; i++)
		p = pipe_pool_borrow(pool);
	assert_non_null(p);
	/* A bound that has sunk: what lies above it does not come back into the pool. */
	pipe_pool_bound(pool, next + 2);
	pipe_pool_return(pool, p);
	assert_int_equal(lowest_free_descriptor(), next + 2);
	pipe_pool_return(pool, kept);
	pipe_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pipe_comes_back),
		cmocka_unit_test(test_one_with_bytes_in_it_is_not_kept),
		cmocka_unit_test(test_none_beyond_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
