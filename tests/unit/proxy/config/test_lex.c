/* SPDX-License-Identifier: ISC */
/* lex: words, quotes, escapes, comments and braces by nginx's rules. */
#include "proxy/config/lex.h"
#include "tests/unit/unit.h"

/* All tokens as one line: words in <>, bad ones named, ";{}" as they are. */
static const char *
tokens(struct arena *a, const char *text)
{
	static const char *const names[] = { "", ";", "{", "}", "", "AFTERQUOTE", "UNCLOSED",
		"BYTE" };
	struct span out = { NULL, 0 };
	struct lexer lx;
	struct token t;

	lex_init(&lx, span_str(text));
	while ((t = lex_next(&lx)).kind != LEX_END) {
		if (t.kind == LEX_WORD)
			out = arena_printf(a, SPAN_FMT "<" SPAN_FMT ">", SPAN_ARG(out),
			    SPAN_ARG(lex_value(t.raw, a)));
		else
			out = arena_printf(a, SPAN_FMT "%s", SPAN_ARG(out), names[t.kind]);
	}
	return arena_strdup(a, out);
}

static void
test_tokens(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "", "" },
		{ " \t\r\n", "" },
		{ "a b;c{d;}", "<a><b>;<c>{<d>;}" },
		{ "a\"b c\";", "<a\"b><c\">;" },
		{ "\"a b\" 'c d';", "<a b><c d>;" },
		{ "\"\" '';", "<><>;" },
		{ "\"it's\" '\"x\"';", "<it's><\"x\">;" },
		{ "\"a\\\"b\" 'a\\'b' a\\\\b;", "<a\"b><a'b><a\\b>;" },
		{ "a\\tb\\nc\\rd\\ee;", "<a\tb\nc\rd\\ee>;" },
		{ "a\\;b\\{c\\ d;", "<a\\;b\\{c\\ d>;" },
		{ "# all { ; } \"\na;", "<a>;" },
		{ "a #b\n;", "<a>;" },
		{ "a#b;", "<a#b>;" },
		{ "a b}c;", "<a><b}c>;" },
		{ "a }", "<a>}" },
		{ "${a}b;", "<${a}b>;" },
		{ "a${b}{c;}", "<a${b}>{<c>;}" },
		{ "a$ {b", "<a$>{<b>" },
		{ "a{b", "<a>{<b>" },
		{ "\"a\";\"b\"{\"c\"}", "<a>;<b>{<c>AFTERQUOTE}" },
		{ "\"a\"b;", "<a>AFTERQUOTE<b>;" },
		{ "\"a\"#b\n;", "<a>AFTERQUOTE;" },
		{ "\"a\")b", "<a><)b>" },
		{ "\"a;b}", "UNCLOSED" },
		{ "a 'b\\", "<a>UNCLOSED" },
		{ "a\\", "<a\\>" },
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(tokens(a, rows[i].text), rows[i].expected);
	arena_free(a);
}

static void
test_lines(void **state)
{
	struct lexer lx;

	lex_init(&lx, SPAN("a\n\"b\nc\"\n# d\n e 'f\n"));
	assert_int_equal(lex_next(&lx).line, 1);
	assert_int_equal(lex_next(&lx).line, 2);
	assert_int_equal(lex_next(&lx).line, 5);
	struct token t = lex_next(&lx);
	assert_int_equal(t.kind, LEX_BAD_UNCLOSED);
	assert_int_equal(t.line, 5);
	assert_int_equal(lx.line, 6);
	assert_int_equal(lex_next(&lx).kind, LEX_END);
}

static void
test_nul(void **state)
{
	struct lexer lx;

	lex_init(&lx, SPAN("a\0b \"c\0d\" "));
	assert_int_equal(lex_next(&lx).kind, LEX_WORD);
	assert_int_equal(lex_next(&lx).kind, LEX_BAD_BYTE);
	assert_int_equal(lex_next(&lx).kind, LEX_WORD);
	assert_int_equal(lex_next(&lx).kind, LEX_BAD_BYTE);
}

static void
test_value_is_not_copied_without_need(void **state)
{
	struct arena *a = arena_new(0);
	struct span raw = SPAN("abc"), escaped = SPAN("a\\\"c");

	assert_ptr_equal(lex_value(raw, a).p, raw.p);
	assert_ptr_not_equal(lex_value(escaped, a).p, escaped.p);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_value_is_not_copied_without_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
