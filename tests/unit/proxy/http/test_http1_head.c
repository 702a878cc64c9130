/* SPDX-License-Identifier: ISC */
/* http1_head: where heads end, at any cut, and what no head can hold. */
#include "proxy/http/http1_parse.h"
#include "tests/unit/unit.h"

struct found {
	enum parse_result result;
	size_t length;
	const char *why;
	struct http1_head_scan scan;
};

/* Look for the end of a head in input, up to cut first, then step bytes more each time. */
static struct found
find_end(struct span input, size_t cut, size_t step)
{
	struct found f = { .result = PARSE_MORE };

	for (size_t n = cut;; n = n + step < input.n ? n + step : input.n) {
		char *copy = malloc(n ? n : 1);

		if (n)
			memcpy(copy, input.p, n);
		f.result = http1_head_end(&f.scan, span_of(copy, n), &f.length, &f.why);
		free(copy);
		if (f.result != PARSE_MORE || n == input.n)
			return f;
	}
}

static struct found
find_end_all_ways(struct span input)
{
	struct found whole = find_end(input, input.n, 1);

	for (size_t cut = 0; cut <= input.n + 1; cut++) {
		struct found f =
		    cut <= input.n ? find_end(input, cut, input.n + 1) : find_end(input, 0, 1);

		assert_int_equal(f.result, whole.result);
		assert_int_equal(f.length, whole.length);
		assert_int_equal(f.scan.first_line, whole.scan.first_line);
		if (f.result == PARSE_BAD)
			assert_string_equal(f.why, whole.why);
	}
	return whole;
}

static void
the_end_of_a_head_is_the_first_empty_line(void **state)
{
	static const struct {
		const char *input;
		size_t rest, first_line;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 0, 14 },
		{ "GET / HTTP/1.1\r\nCcc: d\r\nA: b\r\n\r\nbody\r\n\r\n", 8, 14 },
		{ "\r\n\r\nGET / HTTP/1.1\r\nA:\tb\xff\r\n\r\n\r\n", 2, 14 },
		{ "HTTP/1.1 200 OK\r\nA: b\r\n\r\n\0\n\r", 3, 15 },
		{ "HTTP/1.0 200\r\n\r\n", 0, 12 },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 6, 14 },
		/* A line longer than one look. */
		{ "GET /0123456789abcdef0123456789abcdef?\t\xc3\xa9 HTTP/1.1\r\n\r\n", 0, 50 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].input) + (i == 3 ? 3 : 0);
		struct found f = find_end_all_ways(span_of(cases[i].input, n));

		assert_int_equal(f.result, PARSE_OK);
		assert_int_equal(f.length, n - cases[i].rest);
		assert_int_equal(f.scan.first_line, cases[i].first_line);
	}
}

static void
a_head_that_is_not_whole_wants_more(void **state)
{
	static const char *const inputs[] = { "", "\r", "\r\n\r\n\r\n", "G", "GET / HTTP/1.1",
		"GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nA: b\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n\r" };

	for (size_t i = 0; i < COUNT(inputs); i++)
		assert_int_equal(find_end_all_ways(span_str(inputs[i])).result, PARSE_MORE);
}

static void
what_no_head_can_hold_is_refused_at_once(void **state)
{
	static const struct {
		const char *input, *why;
	} cases[] = {
		{ "\n", "a line ends in LF without CR" },
		{ "\r\r\n", "CR without LF" },
		{ "\rG", "CR without LF" },
		{ "GET / HTTP/1.1\n", "a line ends in LF without CR" },
		{ "GET / HTTP/1.1\rX", "CR without LF" },
		{ "GET / HTTP/1.1\r\r\n\r\n", "CR without LF" },
		{ "GET / HTTP/1.1\r\n\n", "a line ends in LF without CR" },
		{ "GET / HTTP/1.1\r\nA: b\n\r\n", "a line ends in LF without CR" },
		{ "GET / HTTP/1.1\r\nA: b\r\n\n", "a line ends in LF without CR" },
		{ "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", "CR without LF" },
		{ "GET / HTTP/1.1\r\nA: b\x01", "control byte" },
		{ "GET /\x7f", "control byte" },
		{ "GET /0123456789abcdef0123456\x1f", "control byte" },
		{ "GET / HTTP/1.1\r\nA: \v", "control byte" },
		{ "GET / HTTP/1.1\r\nA: \x08", "control byte" },
		{ "GET / HTTP/1.1\r\nA: \x0e", "control byte" },
		{ "\x16\x03\x01", "control byte" },
		{ "GET / HTTP/1.1\r\n A: b\r\n", "a header line starts with a blank" },
		{ "GET / HTTP/1.1\r\nA: b\r\n\tc\r\n", "a header line starts with a blank" },
		{ "GET / HTTP/1.1\r\nA: b\r\n \r\n", "a header line starts with a blank" },
		{ "GET /\r\n", "the first line has no HTTP version" },
		{ "GET / \r\n", "the first line has no HTTP version" },
		{ "GET / http/1.1\r\n", "the first line has no HTTP version" },
		{ "GET / HTTP/1.1 \r\n", "the first line has no HTTP version" },
		{ "x\r\n", "the first line has no HTTP version" },
		{ "ICY 200 OK\r\n", "the first line has no HTTP version" },
	};
	struct found f;

	for (size_t i = 0; i < COUNT(cases); i++) {
		f = find_end_all_ways(span_str(cases[i].input));
		if (f.result != PARSE_BAD)
			fail_msg("%s was not refused", cases[i].input);
		assert_string_equal(f.why, cases[i].why);
	}
	f = find_end_all_ways(SPAN("GET / HTTP/1.1\r\nA: \0\r\n\r\n"));
	assert_int_equal(f.result, PARSE_BAD);
	assert_string_equal(f.why, "NUL byte");
}

/* Every byte, at every place of stretches that end in a block, in half of one and in between. */
static void
text_ends_at_the_first_control_byte(void **state)
{
	static const size_t sizes[] = { 48, 24, 13, 5 };
	char text[48];

	for (unsigned byte = 0; byte < 256; byte++) {
		bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;

		for (size_t k = 0; k < COUNT(sizes); k++) {
			for (size_t at = 0; at < sizes[k]; at++) {
				memset(text, at % 2 ? '\x80' : ' ', sizeof(text));
				text[at] = (char)byte;
				assert_int_equal(lex_text(span_of(text, sizes[k])),
				    control ? at : sizes[k]);
				assert_int_equal(lex_text(span_of(text, at)), at);
				/* Behind it one more, which must not be taken for the first. */
				text[sizes[k] - 1] = '\x01';
				assert_int_equal(lex_text(span_of(text, sizes[k])),
				    control ? at : sizes[k] - 1);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_a_head_is_the_first_empty_line),
		cmocka_unit_test(a_head_that_is_not_whole_wants_more),
		cmocka_unit_test(what_no_head_can_hold_is_refused_at_once),
		cmocka_unit_test(text_ends_at_the_first_control_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
