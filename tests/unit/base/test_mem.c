/* SPDX-License-Identifier: ISC */
/* mem: never NULL, overflow ends the process. */
#include "base/mem.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void
zero_bytes_are_an_allocation(void **state)
{
	void *p = mem_alloc(0);

	assert_non_null(p);
	free(p);
	p = mem_zalloc(0);
	assert_non_null(p);
	p = mem_realloc_array(p, 0, 8);
	assert_non_null(p);
	free(p);
}

static void
zalloc_is_zero_and_realloc_keeps(void **state)
{
	char *p = mem_zalloc(16);

	for (int i = 0; i < 16; i++)
		assert_int_equal(p[i], 0);
	memcpy(p, "0123456789abcde", 16);
	p = mem_realloc_array(p, 1000, 10);
	assert_string_equal(p, "0123456789abcde");
	free(p);
}

static void
copies_end_in_nul(void **state)
{
	char *p = mem_dup_span(span_of("abcdef", 3));

	assert_string_equal(p, "abc");
	free(p);
	p = mem_dup_span(span_of(NULL, 0));
	assert_string_equal(p, "");
	free(p);
	p = mem_strdup("x");
	assert_string_equal(p, "x");
	free(p);
	p = mem_printf("%s-%d", "n", 42);
	assert_string_equal(p, "n-42");
	free(p);
}

static void
wipe_free_takes_null(void **state)
{
	mem_wipe_free(NULL, 0);
	mem_wipe_free(mem_alloc(32), 32);
}

/* The signal that ends a child doing this; 0 = it returned. */
static int
fatal_signal(void (*what)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		fclose(stderr);
		signal(SIGABRT, SIG_DFL);
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
overflowing_array(void)
{
	free(mem_realloc_array(NULL, SIZE_MAX / 2 + 1, 2));
}

static void
fitting_array(void)
{
	free(mem_realloc_array(NULL, 2, 2));
}

static void
overflow_aborts(void **state)
{
	assert_int_equal(fatal_signal(fitting_array), 0);
	assert_int_equal(fatal_signal(overflowing_array), SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_bytes_are_an_allocation),
		cmocka_unit_test(zalloc_is_zero_and_realloc_keeps),
		cmocka_unit_test(copies_end_in_nul),
		cmocka_unit_test(wipe_free_takes_null),
		cmocka_unit_test(overflow_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
