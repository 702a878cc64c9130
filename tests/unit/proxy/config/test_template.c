/* SPDX-License-Identifier: ISC */
/* template: compiling values with variables, and what they evaluate to. */
#include "proxy/config/template.h"
#include "tests/unit/proxy/config/loaded.h"

static struct span
eval(struct arena *a, const char *text)
{
	struct err e = ERR_INIT;
	struct template *t = template_compile(test_variables(), span_str(text), a, &e);

	assert_non_null(t);
	assert_span(t->source, text);
	return template_eval(t, NULL, a);
}

static void
test_values(void **state)
{
	struct arena *a = arena_new(0);

	assert_span(eval(a, ""), "");
	assert_span(eval(a, "plain"), "plain");
	assert_span(eval(a, "$host"), "value");
	assert_span(eval(a, "a$host/b"), "avalue/b");
	assert_span(eval(a, "${host}x$scheme"), "valuexvalue");
	assert_span(eval(a, "$http_user_agent"), "user_agent");
	assert_span(eval(a, "[$http_host]"), "[]");
	assert_span(eval(a, "$empty"), "");
	assert_span(eval(a, "a${http_x}_b"), "ax_b");
	arena_free(a);
}

static void
test_many_parts(void **state)
{
	struct arena *a = arena_new(0);
	struct span text = { NULL, 0 };

	for (int i = 0; i < 50; i++)
		text = arena_printf(a, SPAN_FMT "$http_%c.", SPAN_ARG(text), 'a' + i % 26);
	struct span value = eval(a, text.p);
	assert_int_equal(value.n, 100);
	assert_true(span_starts(value, SPAN("a.b.c.")));
	arena_free(a);
}

static void
test_literal(void **state)
{
	struct arena *a = arena_new(0);
	struct err e = ERR_INIT;

	struct template *t = template_compile(test_variables(), SPAN("abc"), a, &e);
	assert_true(t->literal);
	assert_int_equal(t->count, 1);
	assert_ptr_equal(template_eval(t, NULL, a).p, t->source.p);
	assert_true(template_compile(test_variables(), SPAN(""), a, &e)->literal);
	assert_false(template_compile(test_variables(), SPAN("a$host"), a, &e)->literal);
	arena_free(a);
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *text, *reason, *hint;
	} rows[] = {
		{ "$", "invalid variable name in \"$\"", NULL },
		{ "a$", "invalid variable name in \"a$\"", NULL },
		{ "a$-b", "invalid variable name in \"a$-b\"", NULL },
		{ "${}", "invalid variable name in \"${}\"", NULL },
		{ "${host", "the closing bracket in \"host\" variable is missing", NULL },
		{ "${ho-st}", "the closing bracket in \"ho\" variable is missing", NULL },
		{ "$hots", "unknown \"hots\" variable", "did you mean \"$host\"?" },
		{ "$0", "unknown \"0\" variable", NULL },
		{ "${1}", "unknown \"1\" variable", NULL },
		{ "$http_", "unknown \"http_\" variable", NULL },
		{ "$HOST", "unknown \"HOST\" variable", "did you mean \"$host\"?" },
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;

		assert_null(template_compile(test_variables(), span_str(rows[i].text), a, &e));
		assert_string_equal(e.text, rows[i].reason);
		if (rows[i].hint)
			assert_string_equal(e.hint, rows[i].hint);
		else
			assert_null(e.hint);
		err_release(&e);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_many_parts),
		cmocka_unit_test(test_literal),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
