/* SPDX-License-Identifier: ISC */
/* diagnostic: counted, told once, in order, with their place. */
#include "proxy/config/diagnostic.h"
#include "proxy/config/syntax.h"
#include "tests/unit/unit.h"

static const struct config_file outer = { .path = SPAN_INIT("/a"), .number = 1 };
static const struct config_file inner = {
	.path = SPAN_INIT("/b"),
	.number = 2,
	.included_from = &outer,
	.included_line = 3,
};
static const struct config_file globals = { .number = 0 };

static void
test_format(void **state)
{
	struct arena *a = arena_new(0);
	struct diagnostics d;

	diagnostics_init(&d, a);
	assert_int_equal(diagnostic_add(&d, DIAG_EMERG, NULL, 0, "no %s", "place"), -1);
	assert_int_equal(diagnostic_add(&d, DIAG_WARN, &outer, 7, "at a"), 0);
	diagnostic_hint(&d, "do %d", 1);
	diagnostic_add(&d, DIAG_EMERG, &inner, 9, "at b");
	diagnostic_add(&d, DIAG_EMERG, &globals, 1, "at g");
	assert_int_equal(d.errors, 3);
	assert_int_equal(d.warnings, 1);
	assert_span(diagnostic_format(d.first, a), "no place");
	assert_span(diagnostic_format(d.first->next, a), "at a in /a:7");
	assert_span(d.first->next->hint, "do 1");
	assert_span(diagnostic_format(d.first->next->next, a), "at b in /b:9 (included from /a:3)");
	assert_span(diagnostic_format(d.newest, a), "at g in command line");
	arena_free(a);
}

static void
test_told_once(void **state)
{
	struct arena *a = arena_new(0);
	struct diagnostics d;

	diagnostics_init(&d, a);
	diagnostic_add(&d, DIAG_EMERG, &outer, 1, "x");
	assert_int_equal(diagnostic_add(&d, DIAG_EMERG, &outer, 1, "x"), -1);
	diagnostic_hint(&d, "the first one has none");
	assert_int_equal(d.errors, 1);
	assert_span(d.first->hint, "");
	diagnostic_add(&d, DIAG_EMERG, &outer, 2, "x");
	diagnostic_add(&d, DIAG_EMERG, &inner, 1, "x");
	diagnostic_add(&d, DIAG_WARN, &outer, 1, "x");
	assert_int_equal(d.errors, 3);
	assert_int_equal(d.warnings, 1);
	arena_free(a);
}

static void
test_limit(void **state)
{
	struct arena *a = arena_new(0);
	struct diagnostics d;
	size_t kept = 0;

	diagnostics_init(&d, a);
	for (unsigned i = 0; i < DIAGNOSTICS_MAX + 5; i++)
		diagnostic_add(&d, DIAG_EMERG, &outer, i, "x");
	assert_int_equal(d.errors, DIAGNOSTICS_MAX + 5);
	for (const struct diagnostic *x = d.first; x; x = x->next)
		kept++;
	assert_int_equal(kept, DIAGNOSTICS_MAX);
	arena_free(a);
}

static void
test_sort(void **state)
{
	static const struct {
		const struct config_file *file;
		unsigned line;
		const char *text;
	} rows[] = {
		{ &inner, 1, "6" },
		{ &outer, 9, "5" },
		{ &outer, 2, "3" },
		{ &globals, 1, "2" },
		{ &outer, 2, "4" },
		{ NULL, 0, "1" },
	};
	struct arena *a = arena_new(0);
	struct diagnostics d;
	char order[8] = "";

	diagnostics_init(&d, a);
	diagnostics_sort(&d);
	assert_null(d.first);
	for (size_t i = 0; i < COUNT(rows); i++)
		diagnostic_add(&d, DIAG_EMERG, rows[i].file, rows[i].line, "%s", rows[i].text);
	diagnostics_sort(&d);
	diagnostic_add(&d, DIAG_EMERG, NULL, 0, "7");
	for (const struct diagnostic *x = d.first; x; x = x->next)
		order[strlen(order)] = x->text.p[0];
	/* Those in no file and those of the command line share the first place. */
	assert_true(strcmp(order, "1234567") == 0 || strcmp(order, "2134567") == 0);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
