/* SPDX-License-Identifier: ISC */
/* arena: alignment, growth, hooks, reset. */
#include "base/arena.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdalign.h>
#include <sys/resource.h>
#include <sys/wait.h>

static bool
is_aligned(const void *p)
{
	return (uintptr_t)p % alignof(max_align_t) == 0;
}

static void
objects_are_aligned_and_apart(void **state)
{
	struct arena *a = arena_new(0);
	unsigned char *p[200];

	for (size_t i = 0; i < COUNT(p); i++) {
		p[i] = arena_alloc(a, i);
		assert_true(is_aligned(p[i]));
		memset(p[i], (int)i, i);
		memset(arena_bytes(a, 3), 0xff, 3);
	}
	for (size_t i = 0; i < COUNT(p); i++) {
		for (size_t j = 0; j < i; j++)
			assert_int_equal(p[i][j], i);
	}
	arena_free(a);
	arena_free(NULL);
}

static void
zeroed_means_zeroed_after_reuse(void **state)
{
	struct arena *a = arena_new(0);
	unsigned char *p = arena_alloc(a, 512);

	memset(p, 0xff, 512);
	arena_reset(a);
	p = arena_zalloc(a, 256);
	for (int i = 0; i < 256; i++)
		assert_int_equal(p[i], 0);
	arena_reset(a);
	memset(arena_alloc(a, 512), 0xff, 512);
	arena_reset(a);
	p = arena_array(a, 16, 16);
	for (int i = 0; i < 256; i++)
		assert_int_equal(p[i], 0);
	arena_free(a);
}

static void
blocks_grow_and_reset_keeps_the_first(void **state)
{
	struct arena *a = arena_new(0);
	size_t first = arena_size(a), before;

	assert_int_equal(first, 4096);
	/* Half a megabyte in small pieces takes a handful of blocks. */
	for (int i = 0; i < 8192; i++)
		memset(arena_alloc(a, 64), 1, 64);
	assert_true(arena_size(a) >= 8192 * 64);
	assert_true(arena_size(a) < 8192 * 64 * 2);
	before = arena_size(a);
	/* A big one has its own block, and the one in use stays in use. */
	memset(arena_alloc(a, 1000000), 1, 1000000);
	assert_true(arena_size(a) >= before + 1000000);
	assert_true(arena_size(a) < before + 1000100);
	before = arena_size(a);
	arena_alloc(a, 16);
	assert_int_equal(arena_size(a), before);
	arena_reset(a);
	assert_int_equal(arena_size(a), first);
	arena_free(a);

	a = arena_new(1);
	memset(arena_alloc(a, 100), 1, 100);
	memset(arena_alloc(a, 100), 1, 100);
	arena_free(a);
}

static void
copies_end_in_nul(void **state)
{
	struct arena *a = arena_new(0);
	struct span s = arena_dup(a, span_of("abcdef", 3));

	assert_span(s, "abc");
	assert_int_equal(s.p[3], '\0');
	s = arena_dup(a, span_of(NULL, 0));
	assert_int_equal(s.n, 0);
	assert_int_equal(s.p[0], '\0');
	assert_string_equal(arena_strdup(a, SPAN("x")), "x");
	s = arena_printf(a, "%s:%d", "host", 443);
	assert_span(s, "host:443");
	assert_int_equal(s.p[s.n], '\0');
	s = arena_printf(a, "%9000d", 1);
	assert_int_equal(s.n, 9000);
	assert_int_equal(s.p[8999], '1');
	arena_free(a);
}

static char hook_trace[8];

static void
trace(void *arg)
{
	size_t n = strlen(hook_trace);

	hook_trace[n] = *(const char *)arg;
	hook_trace[n + 1] = '\0';
}

static void
lower_case_is_copied_only_where_it_must(void **state)
{
	struct arena *a = arena_new(0);
	const struct span low = SPAN_INIT("a-z[@`{\xc4"), none = { NULL, 0 };
	struct span s = arena_lower(a, low);

	assert_ptr_not_equal(s.p, low.p);
	assert_string_equal(s.p, low.p);
	s = arena_lowered(a, low);
	assert_ptr_equal(s.p, low.p);
	assert_int_equal(s.n, low.n);
	s = arena_lowered(a, SPAN("x-AZ"));
	assert_string_equal(s.p, "x-az");
	assert_int_equal(s.n, 4);
	assert_null(arena_lowered(a, none).p);
	arena_free(a);
}

static void
parts_and_numbers_need_no_stdio(void **state)
{
	struct arena *a = arena_new(0);
	const struct span parts[] = { SPAN_INIT("http://"), { NULL, 0 }, SPAN_INIT("h"),
		SPAN_INIT("/x") };
	struct span s = arena_concat(a, parts, 4);

	assert_string_equal(s.p, "http://h/x");
	assert_int_equal(s.n, 10);
	s = arena_concat(a, parts, 0);
	assert_int_equal(s.n, 0);
	assert_string_equal(s.p, "");
	assert_string_equal(arena_decimal(a, 0).p, "0");
	assert_string_equal(arena_decimal(a, 1090).p, "1090");
	s = arena_decimal(a, UINT64_MAX);
	assert_string_equal(s.p, "18446744073709551615");
	assert_int_equal(s.n, 20);
	arena_free(a);
}

static void
hooks_run_backwards_once(void **state)
{
	struct arena *a = arena_new(0);

	hook_trace[0] = '\0';
	arena_on_free(a, trace, arena_strdup(a, SPAN("1")));
	arena_on_free(a, trace, arena_strdup(a, SPAN("2")));
	arena_on_free(a, trace, arena_strdup(a, SPAN("3")));
	assert_string_equal(hook_trace, "");
	arena_reset(a);
	assert_string_equal(hook_trace, "321");
	arena_on_free(a, trace, arena_strdup(a, SPAN("4")));
	arena_free(a);
	assert_string_equal(hook_trace, "3214");
}

/* Whether a child doing this with a new arena is killed. */
static bool
dies(void (*what)(struct arena *))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		fclose(stderr);
		close(2);
		what(arena_new(0));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status != 0;
}

static void
small_array(struct arena *a)
{
	arena_array(a, 3, 5);
}

static void
overflowing_array(struct arena *a)
{
	arena_array(a, SIZE_MAX / 2 + 1, 2);
}

static void
overflowing_object(struct arena *a)
{
	volatile size_t n = SIZE_MAX - 8;

	arena_alloc(a, n);
}

static void
overflow_ends_the_process(void **state)
{
	assert_false(dies(small_array));
	assert_true(dies(overflowing_array));
	assert_true(dies(overflowing_object));
}

#ifdef __SANITIZE_ADDRESS__
static void
overrun(struct arena *a)
{
	volatile char *p = arena_bytes(a, 5);

	arena_bytes(a, 5);
	p[5] = 'x';
}

static void
use_after_reset(struct arena *a)
{
	volatile char *p = arena_bytes(a, 5);

	arena_reset(a);
	p[0] = 'x';
}

static void
sanitizer_sees_inside(void **state)
{
	assert_true(dies(overrun));
	assert_true(dies(use_after_reset));
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_aligned_and_apart),
		cmocka_unit_test(zeroed_means_zeroed_after_reuse),
		cmocka_unit_test(blocks_grow_and_reset_keeps_the_first),
		cmocka_unit_test(copies_end_in_nul),
		cmocka_unit_test(lower_case_is_copied_only_where_it_must),
		cmocka_unit_test(parts_and_numbers_need_no_stdio),
		cmocka_unit_test(hooks_run_backwards_once),
		cmocka_unit_test(overflow_ends_the_process),
#ifdef __SANITIZE_ADDRESS__
		cmocka_unit_test(sanitizer_sees_inside),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
