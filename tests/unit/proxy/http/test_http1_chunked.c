/* SPDX-License-Identifier: ISC */
/* http1_chunked: what is taken for a chunked body, what is not, and that cuts change nothing. */
#include "proxy/http/http1_parse.h"
#include "tests/unit/unit.h"

#define BODY_MAX 4096

struct outcome {
	enum parse_result result;
	size_t used;
	struct buf body, trailer;
	const char *why;
};

static void
outcome_release(struct outcome *o)
{
	buf_release(&o->body);
	buf_release(&o->trailer);
}

/* Read a piece of the input until it is used up or the end is found; false at the end. */
static bool
read_piece(struct http1_chunked *c, struct outcome *o, struct span piece)
{
	/* A block of its own: reading past the end is an error that shows. */
	char *copy = malloc(piece.n ? piece.n : 1);
	struct span rest;

	if (piece.n)
		memcpy(copy, piece.p, piece.n);
	rest = span_of(copy, piece.n);
	do {
		struct span data;
		size_t used;

		o->result = http1_chunked_read(c, rest, &used, &data, &o->trailer, &o->why);
		assert_true(used <= rest.n);
		o->used += used;
		rest = span_after(rest, used);
		if (o->result != PARSE_BAD)
			assert_int_equal(buf_add(&o->body, data), 0);
		/* It never stops in the middle without having something to hand out. */
		assert_true(o->result != PARSE_MORE || rest.n == 0 || data.n > 0);
	} while (o->result == PARSE_MORE && rest.n > 0);
	free(copy);
	return o->result == PARSE_MORE;
}

/* The input in pieces: up to cut, then step bytes at a time. */
static struct outcome
read_cut(struct span input, size_t cut, size_t step)
{
	struct http1_chunked c = { 0 };
	struct outcome o = { .result = PARSE_MORE };

	buf_init(&o.body, input.n + 1);
	buf_init(&o.trailer, input.n + 1);
	if (!read_piece(&c, &o, span_of(input.p, cut)))
		return o;
	for (size_t at = cut; at < input.n; at += step) {
		size_t n = input.n - at < step ? input.n - at : step;

		if (!read_piece(&c, &o, span_of(input.p + at, n)))
			break;
	}
	return o;
}

static void
assert_same(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->used, b->used);
	assert_true(span_eq(buf_span(&a->body), buf_span(&b->body)));
	assert_true(span_eq(buf_span(&a->trailer), buf_span(&b->trailer)));
	if (a->result == PARSE_BAD)
		assert_string_equal(a->why, b->why);
}

/* Whole, byte by byte, and cut in two everywhere: the same every time. */
static struct outcome
read_all_ways(struct span input)
{
	struct outcome whole = read_cut(input, input.n, 1), other;

	for (size_t cut = 0; cut <= input.n; cut++) {
		other = read_cut(input, cut, input.n + 1);
		assert_same(&whole, &other);
		outcome_release(&other);
	}
	other = read_cut(input, 0, 1);
	assert_same(&whole, &other);
	outcome_release(&other);
	return whole;
}

static const struct {
	const char *input, *body, *trailer;
} good[] = {
	{ "0\r\n\r\n", "", "" },
	{ "5\r\nhello\r\n0\r\n\r\n", "hello", "" },
	{ "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", "" },
	{ "a\r\n0123456789\r\n0\r\n\r\n", "0123456789", "" },
	{ "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", "" },
	{ "000000000000003\r\nabc\r\n000\r\n\r\n", "abc", "" },
	{ "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "" },
	{ "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", "" },
	{ "1;a\r\nx\r\n0\r\n\r\n", "x", "" },
	{ "1;a=b;c=d\r\nx\r\n0;last\r\n\r\n", "x", "" },
	{ "1 ; a = b\r\nx\r\n0\r\n\r\n", "x", "" },
	{ "1\t;\ta\r\nx\r\n0\r\n\r\n", "x", "" },
	{ "1;a=\"q;\\\"r\"\r\nx\r\n0\r\n\r\n", "x", "" },
	{ "1;a=\"\xc3\xa9\";b\r\nx\r\n0\r\n\r\n", "x", "" },
	{ "0\r\nA: b\r\n\r\n", "", "A: b\r\n" },
	{ "0\r\nA:\r\nX_y: \tc d \r\nB!: \xff\r\n\r\n", "", "A:\r\nX_y: \tc d \r\nB!: \xff\r\n" },
	{ "1\r\nx\r\n0\r\nContent-MD5: z\r\nHosts: a\r\n\r\n", "x",
	    "Content-MD5: z\r\nHosts: a\r\n" },
};

static const struct {
	const char *input, *why;
} bad[] = {
	/* sizes */
	{ "\r\n", "a chunk without a size" },
	{ ";a\r\n", "a chunk without a size" },
	{ "g\r\n", "a chunk without a size" },
	{ " 1\r\nx", "a chunk without a size" },
	{ "\t1\r\nx", "a chunk without a size" },
	{ "+1\r\nx", "a chunk without a size" },
	{ "-1\r\nx", "a chunk without a size" },
	{ "\n1\r\nx", "a chunk without a size" },
	{ "0x1\r\nx", "an invalid byte in a chunk size" },
	{ "1h\r\nx", "an invalid byte in a chunk size" },
	{ "1,2\r\nx", "an invalid byte in a chunk size" },
	{ "1.0\r\nx", "an invalid byte in a chunk size" },
	{ "1_0\r\nx", "an invalid byte in a chunk size" },
	{ "1\nx", "an invalid byte in a chunk size" },
	{ "1\v\r\nx", "an invalid byte in a chunk size" },
	{ "1\xb9\r\nx", "an invalid byte in a chunk size" },
	{ "1 \r\nx", "a blank behind a chunk size" },
	{ "1\t\r\nx", "a blank behind a chunk size" },
	{ "1 2\r\nx", "a blank behind a chunk size" },
	{ "1\rx", "CR without LF behind a chunk size" },
	{ "1\r\r\nx", "CR without LF behind a chunk size" },
	{ "0000000000000001\r\nx", "a chunk size with too many digits" },
	{ "fffffffffffffffe\r\nx", "a chunk size with too many digits" },
	{ "10000000000000001\r\nx", "a chunk size with too many digits" },
	/* extensions */
	{ "1;\r\nx", "a chunk extension without a name" },
	{ "1; \r\nx", "a chunk extension without a name" },
	{ "1;;a\r\nx", "a chunk extension without a name" },
	{ "1;a;\r\nx", "a chunk extension without a name" },
	{ "1;=b\r\nx", "a chunk extension without a name" },
	{ "1;\"a\"\r\nx", "a chunk extension without a name" },
	{ "1;a\nx\r\n", "a control byte in a chunk extension" },
	{ "1;a\x01\r\nx", "a control byte in a chunk extension" },
	{ "1;a\x7f\r\nx", "a control byte in a chunk extension" },
	{ "1;a=\"b\r\n\"\r\nx", "a control byte in a chunk extension" },
	{ "1;a=\"b\\\r\n\"\r\nx", "a control byte in a chunk extension" },
	{ "1;a=\"\\\x01\"\r\nx", "a control byte in a chunk extension" },
	{ "1;a=\"\n\"\r\nx", "a control byte in a chunk extension" },
	{ "1;a\rb\r\nx", "CR without LF behind a chunk size" },
	/* the end of the data */
	{ "1\r\nxx\r\n", "chunk data without CRLF behind it" },
	{ "1\r\nx\n0\r\n\r\n", "chunk data without CRLF behind it" },
	{ "1\r\nx\rx", "chunk data without CRLF behind it" },
	{ "1\r\nx-\n0\r\n\r\n", "chunk data without CRLF behind it" },
	{ "2\r\nx\r\n0\r\n\r\n", "chunk data without CRLF behind it" },
	{ "1\r\nx0\r\n\r\n", "chunk data without CRLF behind it" },
	{ "1\r\nx\r\n\r\n0\r\n\r\n", "a chunk without a size" },
	/* trailers */
	{ "0\r\n\n", "an invalid byte in a trailer field's name" },
	{ "0\r\n: b\r\n\r\n", "an invalid byte in a trailer field's name" },
	{ "0\r\n A: b\r\n\r\n", "an invalid byte in a trailer field's name" },
	{ "0\r\nA : b\r\n\r\n", "an invalid byte in a trailer field's name" },
	{ "0\r\nA\r\n\r\n", "an invalid byte in a trailer field's name" },
	{ "0\r\nA(: b\r\n\r\n", "an invalid byte in a trailer field's name" },
	{ "0\r\n\xc3: b\r\n\r\n", "an invalid byte in a trailer field's name" },
	{ "0\r\nA: b\r\n c\r\n\r\n", "an invalid byte in a trailer field's name" },
	{ "0\r\nA: b\n\r\n", "a line ends in LF without CR" },
	{ "0\r\nA: b\rc\r\n\r\n", "CR without LF" },
	{ "0\r\nA: b\x7f\r\n\r\n", "control byte" },
	{ "0\r\n\rx", "CR without LF" },
	{ "0\r\nContent-Length: 5\r\n\r\n", "a framing field in the trailer" },
	{ "0\r\ncontent-length: 5\r\n\r\n", "a framing field in the trailer" },
	{ "0\r\nContent_Length: 5\r\n\r\n", "a framing field in the trailer" },
	{ "0\r\nTransfer-Encoding: chunked\r\n\r\n", "a framing field in the trailer" },
	{ "0\r\nTransferEncoding: chunked\r\n\r\n", "a framing field in the trailer" },
	{ "0\r\nA: b\r\nHost: a\r\n\r\n", "a framing field in the trailer" },
	{ "0\r\nConnection: close\r\n\r\n", "a framing field in the trailer" },
	{ "0\r\nTE: x\r\n\r\n", "a framing field in the trailer" },
	{ "0\r\nTrailer: x\r\n\r\n", "a framing field in the trailer" },
	{ "0\r\nUpgrade: x\r\n\r\n", "a framing field in the trailer" },
};

static void
well_formed_bodies_are_read_at_any_cut(void **state)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		struct outcome o = read_all_ways(span_str(good[i].input));

		if (o.result != PARSE_OK)
			fail_msg("%s: %s", good[i].input, o.why ? o.why : "not finished");
		assert_int_equal(o.used, strlen(good[i].input));
		assert_span(buf_span(&o.body), good[i].body);
		assert_span(buf_span(&o.trailer), good[i].trailer);
		outcome_release(&o);
	}
}

static void
what_follows_the_body_is_not_touched(void **state)
{
	struct outcome o = read_all_ways(SPAN("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n"));

	assert_int_equal(o.result, PARSE_OK);
	assert_int_equal(o.used, strlen("1\r\nx\r\n0\r\n\r\n"));
	outcome_release(&o);
}

/* No prefix of a good body is a whole one, nor is it bad. */
static void
a_cut_off_body_is_never_complete(void **state)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		for (size_t n = 0; n < strlen(good[i].input); n++) {
			struct outcome o = read_cut(span_of(good[i].input, n), n, 1);

			assert_int_equal(o.result, PARSE_MORE);
			assert_int_equal(o.used, n);
			outcome_release(&o);
		}
	}
}

static void
ill_formed_bodies_are_refused_for_good(void **state)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct outcome o = read_all_ways(span_str(bad[i].input));

		if (o.result != PARSE_BAD)
			fail_msg("%s was not refused", bad[i].input);
		assert_string_equal(o.why, bad[i].why);
		outcome_release(&o);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct http1_chunked c = { 0 };
		struct outcome o = { 0 };
		struct span data;
		size_t used;

		buf_init(&o.body, BODY_MAX);
		buf_init(&o.trailer, BODY_MAX);
		assert_false(read_piece(&c, &o, span_str(bad[i].input)));
		assert_int_equal(http1_chunked_read(&c, SPAN("0\r\n\r\n"), &used, &data, NULL,
				     &o.why),
		    PARSE_BAD);
		assert_int_equal(data.n, 0);
		outcome_release(&o);
	}
}

static void
a_nul_is_refused_wherever_it_is(void **state)
{
	static const struct span inputs[] = {
		SPAN_INIT("\0"),
		SPAN_INIT("1\0\r\nx"),
		SPAN_INIT("1;a\0\r\nx"),
		SPAN_INIT("1;a=\"\0\"\r\nx"),
		SPAN_INIT("0\r\nA\0: b\r\n\r\n"),
		SPAN_INIT("0\r\nA: \0\r\n\r\n"),
	};
	struct outcome o;

	for (size_t i = 0; i < COUNT(inputs); i++) {
		o = read_all_ways(inputs[i]);
		assert_int_equal(o.result, PARSE_BAD);
		outcome_release(&o);
	}
	/* But data is data. */
	o = read_all_ways(SPAN("3\r\n\0\r\n\r\n0\r\n\r\n"));
	assert_int_equal(o.result, PARSE_OK);
	assert_int_equal(o.body.len, 3);
	outcome_release(&o);
}

/* The largest size there is does not overflow, and its data is handed out as it comes. */
static void
the_largest_chunk_is_2_to_the_60(void **state)
{
	struct http1_chunked c = { 0 };
	struct span data;
	const char *why;
	size_t used;

	assert_int_equal(http1_chunked_read(&c, SPAN("fffffffffffffff\r\nabc"), &used, &data, NULL,
			     &why),
	    PARSE_MORE);
	assert_int_equal(used, 20);
	assert_span(data, "abc");
	assert_true(c.left == UINT64_C(0xfffffffffffffff) - 3);
}

/* Give it text n times; whether it was refused within. */
static bool
refused_within(struct http1_chunked *c, struct span text, unsigned n)
{
	struct span data;
	const char *why;
	size_t used;

	for (unsigned i = 0; i < n; i++) {
		if (http1_chunked_read(c, text, &used, &data, NULL, &why) == PARSE_BAD)
			return true;
	}
	return false;
}

static void
extensions_and_trailers_are_bounded(void **state)
{
	struct http1_chunked c = { 0 };

	/* One endless extension. */
	assert_false(refused_within(&c, SPAN("1;a"), 1));
	assert_true(refused_within(&c, SPAN("0123456789abcdef"), 257));

	/* Small ones by the thousand around single bytes. */
	c = (struct http1_chunked){ 0 };
	assert_false(refused_within(&c, SPAN("1;abcdefghi\r\n"), 1));
	for (unsigned i = 0; i < 1000; i++) {
		if (refused_within(&c, SPAN("x"), 1) ||
		    refused_within(&c, SPAN("\r\n1;abcdefghi\r\n"), 1))
			break;
		assert_true(i < 600);
	}

	/* Data makes up for them: signed uploads have one for each large chunk. */
	c = (struct http1_chunked){ 0 };
	for (unsigned i = 0; i < 10000; i++) {
		assert_false(refused_within(&c, SPAN("10;signature=abc\r\n"), 1));
		assert_false(refused_within(&c, SPAN("0123456789abcdef"), 1));
		assert_false(refused_within(&c, SPAN("\r\n"), 1));
	}

	/* As far as it goes. */
	c = (struct http1_chunked){ 0 };
	for (unsigned i = 0; i < 400; i++) {
		assert_false(refused_within(&c, SPAN("10;signature=abcdefghij\r\n"), 1));
		assert_false(refused_within(&c, SPAN("0123456789abcdef"), 1));
		assert_false(refused_within(&c, SPAN("\r\n"), 1));
	}

	/* One endless trailer, and many small ones. */
	c = (struct http1_chunked){ 0 };
	assert_false(refused_within(&c, SPAN("0\r\nA: "), 1));
	assert_true(refused_within(&c, SPAN("0123456789abcdef"), 513));
	c = (struct http1_chunked){ 0 };
	assert_false(refused_within(&c, SPAN("0\r\n"), 1));
	assert_true(refused_within(&c, SPAN("A: b\r\n"), 1400));
}

static void
a_trailer_that_does_not_fit_its_buffer_is_refused(void **state)
{
	struct http1_chunked c = { 0 };
	struct buf trailer;
	struct span data;
	const char *why;
	size_t used;

	buf_init(&trailer, 8);
	assert_int_equal(http1_chunked_read(&c, SPAN("0\r\nA: bcde\r\n\r\n"), &used, &data,
			     &trailer, &why),
	    PARSE_BAD);
	buf_release(&trailer);
}

static void
collected_trailers_are_fields(void **state)
{
	struct arena *arena = arena_new(0);
	struct header_list l;
	const char *why;

	header_list_init(&l, arena);
	assert_int_equal(http1_parse_trailer(SPAN("A: b\r\nX_Y:\tc \r\n"), &l, &why), PARSE_OK);
	assert_int_equal(l.count, 2);
	assert_span(l.rows[0].name, "A");
	assert_span(l.rows[0].value, "b");
	assert_span(l.rows[1].name, "X_Y");
	assert_span(l.rows[1].value, "c");
	header_list_init(&l, arena);
	assert_int_equal(http1_parse_trailer(SPAN(""), &l, &why), PARSE_OK);
	assert_int_equal(http1_parse_trailer(SPAN("A: b"), &l, &why), PARSE_BAD);
	assert_int_equal(http1_parse_trailer(SPAN("A\r\n"), &l, &why), PARSE_BAD);
	assert_int_equal(http1_parse_trailer(SPAN("(: a\r\n"), &l, &why), PARSE_BAD);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_bodies_are_read_at_any_cut),
		cmocka_unit_test(what_follows_the_body_is_not_touched),
		cmocka_unit_test(a_cut_off_body_is_never_complete),
		cmocka_unit_test(ill_formed_bodies_are_refused_for_good),
		cmocka_unit_test(a_nul_is_refused_wherever_it_is),
		cmocka_unit_test(the_largest_chunk_is_2_to_the_60),
		cmocka_unit_test(extensions_and_trailers_are_bounded),
		cmocka_unit_test(a_trailer_that_does_not_fit_its_buffer_is_refused),
		cmocka_unit_test(collected_trailers_are_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
