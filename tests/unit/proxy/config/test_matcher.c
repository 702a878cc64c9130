/* SPDX-License-Identifier: ISC */
/* matcher: captures, names, and that no pattern holds a worker up. */
#include "proxy/config/matcher.h"
#include "tests/unit/unit.h"

static void
test_captures(void **state)
{
	struct arena *a = arena_new(0);
	struct regex *re = regex_compile(matcher_new(a), SPAN("(a)(x)?(?<last>b)"), false, NULL);
	struct captures c = { .count = 0 };

	assert_int_equal(re->groups, 3);
	assert_int_equal(re->name_count, 1);
	assert_span(re->names[0].name, "last");
	assert_int_equal(re->names[0].group, 3);
	assert_int_equal(regex_match(re, SPAN("--AB--"), a, &c), REGEX_NO_MATCH);
	assert_int_equal(c.count, 0);
	assert_int_equal(regex_match(re, SPAN("--ab--"), a, &c), REGEX_MATCH);
	assert_span(captures_get(&c, 0), "ab");
	assert_span(captures_get(&c, 1), "a");
	assert_null(captures_get(&c, 2).p);
	assert_span(captures_get(&c, 3), "b");
	assert_null(captures_get(&c, 4).p);
	assert_int_equal(regex_match(re, SPAN("ab"), NULL, NULL), REGEX_MATCH);
	arena_free(a);
}

static void
test_without_groups_nothing_is_kept(void **state)
{
	struct arena *a = arena_new(0);
	struct matcher *m = matcher_new(a);
	struct captures c = { .count = 0 };

	assert_int_equal(regex_match(regex_compile(m, SPAN("^A$"), true, NULL), SPAN("a"), a, &c),
	    REGEX_MATCH);
	assert_null(captures_get(&c, 0).p);
	assert_int_equal(regex_match(regex_compile(m, SPAN("^$"), false, NULL), span_of(NULL, 0), a,
			     &c),
	    REGEX_MATCH);
	arena_free(a);
}

static void
test_backward_capture(void **state)
{
	struct arena *a = arena_new(0);
	struct regex *re = regex_compile(matcher_new(a), SPAN("(a)(?=(b)\\K)"), false, NULL);
	struct captures c = { .count = 0 };

	/* PCRE2 may refuse the pattern or report an end before the beginning. */
	if (re && regex_match(re, SPAN("ab"), a, &c) == REGEX_MATCH)
		assert_true(captures_get(&c, 0).n <= 2);
	arena_free(a);
}

static void
test_limits(void **state)
{
	struct arena *a = arena_new(0);
	struct regex *re =
	    regex_compile(matcher_new(a), SPAN("^(([a-z])+.)+[A-Z]([a-z])+$"), false, NULL);
	char subject[4000];

	memset(subject, 'a', sizeof(subject));
	assert_int_equal(regex_match(re, span_of(subject, sizeof(subject)), a, NULL), REGEX_FAILED);
	arena_free(a);
}

static void
test_mistakes(void **state)
{
	struct arena *a = arena_new(0);
	struct matcher *m = matcher_new(a);
	struct err e = ERR_INIT;

	assert_null(regex_compile(m, SPAN("a(b"), false, &e));
	assert_string_equal(e.text,
	    "pcre2_compile() failed: missing closing parenthesis in \"a(b\" at \"\"");
	assert_null(regex_compile(m, SPAN("a**"), false, &e));
	assert_null(regex_compile(m, SPAN("[z-a]"), false, &e));
	err_release(&e);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures),
		cmocka_unit_test(test_without_groups_nothing_is_kept),
		cmocka_unit_test(test_backward_capture),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
