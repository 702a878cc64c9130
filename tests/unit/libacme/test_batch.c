/* SPDX-License-Identifier: ISC */
/* batch: words, quotes, comments, and where mistakes are told to be. */
#include "libacme/batch.h"
#include "tests/unit/unit.h"

static void
test_words(void **state)
{
	static const struct {
		const char *text, *words[5];
	} rows[] = {
		{ "-d a.example  -w\t/srv", { "-d", "a.example", "-w", "/srv" } },
		{ "'a b' \"c d\" e'f'\"g\"", { "a b", "c d", "efg" } },
		{ "\"a\\\"b\\\\c\\d\" 'e\\'", { "a\"b\\c\\d", "e\\" } },
		{ "'' \"\"", { "", "" } },
		{ "a#b # c", { "a#b" } },
		{ "'#a' b\r", { "#a", "b" } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct batch_line *lines;
		size_t count;
		int n = 0;

		assert_int_equal(batch_parse(span_str(rows[i].text), "f", "p", arena, &lines,
				     &count, NULL),
		    0);
		assert_int_equal(count, 1);
		assert_string_equal(lines[0].words[0], "p");
		while (n < 5 && rows[i].words[n]) {
			assert_string_equal(lines[0].words[n + 1], rows[i].words[n]);
			n++;
		}
		assert_int_equal(lines[0].word_count, n + 1);
		assert_null(lines[0].words[n + 1]);
		arena_free(arena);
	}
}

static void
test_lines_and_mistakes(void **state)
{
	struct arena *arena = arena_new(0);
	struct batch_line *lines;
	struct err e = ERR_INIT;
	size_t count;

	assert_int_equal(batch_parse(SPAN("\n# x\n  \na\n\nb c"), "f", "p", arena, &lines, &count,
			     &e),
	    0);
	assert_int_equal(count, 2);
	assert_int_equal(lines[0].number, 4);
	assert_int_equal(lines[1].number, 6);
	assert_int_equal(batch_parse(SPAN("a\n'b"), "f", "p", arena, &lines, &count, &e), -1);
	assert_string_equal(e.file, "f");
	assert_int_equal(e.line, 2);
	err_release(&e);
	assert_int_equal(batch_parse(span_of("a\0b", 3), "f", "p", arena, &lines, &count, NULL),
	    -1);
	assert_int_equal(batch_parse(SPAN(""), "f", "p", arena, &lines, &count, NULL), 0);
	assert_int_equal(count, 0);
	arena_free(arena);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_lines_and_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
