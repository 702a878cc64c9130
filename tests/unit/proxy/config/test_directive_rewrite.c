/* SPDX-License-Identifier: ISC */
/* directive_rewrite: the steps and their order. */
#include "tests/unit/proxy/config/loaded.h"

static void
test_steps_in_order(void **state)
{
	struct loaded *l =
	    load_clean("http { server { set $a 1; if ($a) { set $b 2; break; }\n"
		       "rewrite ^/x(.*) /y$1?z=$1 last; if ($b = $a) { return 403; }\n"
		       "return 301 https://$host$request_uri; } }");
	static const enum rewrite_kind kinds[] = { REWRITE_SET, REWRITE_IF, REWRITE_RULE,
		REWRITE_IF, REWRITE_RETURN };
	const struct rewrite_step *step = l->snapshot->servers[0]->rewrite;

	for (size_t i = 0; i < COUNT(kinds); i++, step = step->next) {
		assert_int_equal(step->kind, kinds[i]);
		if (i == 1) {
			assert_int_equal(step->u.branch.steps->kind, REWRITE_SET);
			assert_int_equal(step->u.branch.steps->next->kind, REWRITE_BREAK);
			assert_null(step->u.branch.location);
		}
	}
	assert_null(step);
	/* $a, $b, and the two families that the combined format mentions. */
	assert_int_equal(l->snapshot->variable_count, 4);
	unload(l);
}

static const struct rewrite_step *
steps(const struct loaded *l, const char *uri)
{
	return loaded_location(l, uri)->rewrite;
}

static void
test_return(void **state)
{
	struct loaded *l = load_clean(
	    "http { server { \n"
	    "location /a { return 204; } location /b { return 404 \"no such thing\"; }\n"
	    "location /c { return https://x/; } location /d { return $scheme://x; } } }");

	assert_int_equal(steps(l, "/a")->u.ret.status, 204);
	assert_null(steps(l, "/a")->u.ret.text);
	assert_int_equal(steps(l, "/b")->u.ret.status, 404);
	assert_span(steps(l, "/b")->u.ret.text->source, "no such thing");
	assert_int_equal(steps(l, "/c")->u.ret.status, 302);
	assert_int_equal(steps(l, "/d")->u.ret.status, 302);
	assert_null(steps(l, "/"));
	unload(l);
}

static void
test_rewrite_forms(void **state)
{
	struct loaded *l = load_clean(
	    "http { server { location /a { rewrite x /y?; rewrite x /y?z; rewrite x /y?z? break;\n"
	    "rewrite x https://y; rewrite x /y permanent; rewrite x $scheme://y redirect; } } }");
	const struct rewrite_step *step = steps(l, "/a");

	assert_false(step->u.rule.keep_args);
	assert_null(step->u.rule.args);
	assert_int_equal(step->u.rule.flag, REWRITE_FLAG_NONE);
	step = step->next;
	assert_true(step->u.rule.keep_args);
	assert_span(step->u.rule.args->source, "z");
	step = step->next;
	assert_false(step->u.rule.keep_args);
	assert_span(step->u.rule.path->source, "/y");
	assert_span(step->u.rule.args->source, "z");
	assert_int_equal(step->u.rule.flag, REWRITE_FLAG_BREAK);
	step = step->next;
	assert_int_equal(step->u.rule.status, 302);
	step = step->next;
	assert_int_equal(step->u.rule.status, 301);
	step = step->next;
	assert_int_equal(step->u.rule.status, 302);
	unload(l);
}

static void
test_if_forms(void **state)
{
	static const struct {
		const char *text;
		enum condition_kind kind;
		bool negated;
	} rows[] = {
		{ "($host)", CONDITION_TRUE, false },
		{ "( $host )", CONDITION_TRUE, false },
		{ "($host = a)", CONDITION_EQUAL, false },
		{ "($host = \"\")", CONDITION_EQUAL, false },
		{ "( $host != $scheme )", CONDITION_EQUAL, true },
		{ "($host ~ a)", CONDITION_MATCH, false },
		{ "($host !~ \"a b\")", CONDITION_MATCH, true },
		{ "($host ~* a)", CONDITION_MATCH, false },
		{ "($host !~* a)", CONDITION_MATCH, true },
		{ "(-f /a/$host)", CONDITION_FILE, false },
		{ "(!-f /a)", CONDITION_FILE, true },
		{ "(-d /a)", CONDITION_DIRECTORY, false },
		{ "(-e /a)", CONDITION_EXISTS, false },
		{ "(!-x /a)", CONDITION_EXECUTABLE, true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = mem_printf("http { server { location / { if %s { root /x; } } } }",
		    rows[i].text);
		struct loaded *l = load_clean(text);
		const struct rewrite_step *step = steps(l, "/");

		assert_int_equal(step->u.branch.condition.kind, rows[i].kind);
		assert_int_equal(step->u.branch.condition.negated, rows[i].negated);
		assert_span(step->u.branch.location->settings->root->path->source, "/x");
		unload(l);
		free(text);
	}
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "return text;", "invalid return code \"text\"" },
		{ "return 199;", "invalid return code \"199\"" },
		{ "return 1000;", "invalid return code \"1000\"" },
		{ "return text 200;", "invalid return code \"text\"" },
		{ "return 200 $;", "invalid variable name in \"$\"" },
		{ "return 200 $nosuch;", "unknown \"nosuch\" variable" },
		{ "set a b;", "invalid variable name \"a\"" },
		{ "set $host b;", "the duplicate \"host\" variable" },
		{ "set $a;", "invalid number of arguments in \"set\" directive" },
		{ "rewrite (x /y;",
		    "pcre2_compile() failed: missing closing parenthesis in \"(x\" at \"\"" },
		{ "rewrite x \"\";", "empty replacement" },
		{ "rewrite x /y later;", "invalid parameter \"later\"" },
		{ "break 1;", "invalid number of arguments in \"break\" directive" },
		{ "if ($host == a) { }", "unexpected \"==\" in condition" },
		{ "if ($host a) { }", "invalid condition \"($host\"" },
		{ "if $host { }", "invalid condition \"$host\"" },
		{ "if (host) { }", "invalid condition \"(host)\"" },
		{ "if () { }", "invalid condition \"()\"" },
		{ "if (-q /x) { }", "invalid condition \"(-q\"" },
		{ "if (-f) { }", "invalid condition \"(-f)\"" },
		{ "if ($host = a b) { }", "invalid condition \"($host\"" },
		{ "if ($host) { if ($host) { } }", "\"if\" directive is not allowed here" },
		{ "if ($host) { index x; }", "\"index\" directive is not allowed here" },
		{ "if ($host) { proxy_pass http://127.0.0.1/x; }",
		    "\"proxy_pass\" cannot have URI part in location given by regular expression, or "
		    "inside named location, or inside \"if\" statement, or inside \"limit_except\" block" },
	};

	check_refusals("http { server { location /l/ { ", " } } }", rows, COUNT(rows));
	check_refusals("http { server { ", " } }",
	    (struct refusal[]){
		{ "if ($host) { root /x; }", "\"root\" directive is not allowed here" } },
	    1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_in_order),
		cmocka_unit_test(test_return),
		cmocka_unit_test(test_rewrite_forms),
		cmocka_unit_test(test_if_forms),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
