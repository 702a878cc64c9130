/* SPDX-License-Identifier: ISC */
/* http1_response: status lines, framing and bodies of upstreams' answers. */
#include "proxy/http/http1_parse.h"
#include "tests/unit/unit.h"

struct read_response {
	struct arena *arena;
	struct http1_response_head head;
	enum parse_result result;
	const char *why;
};

static struct read_response
read_response(const char *input)
{
	struct read_response r = { .arena = arena_new(0) };
	struct http1_head_scan scan = { 0 };
	size_t n;

	r.result = http1_head_end(&scan, span_str(input), &n, &r.why);
	if (r.result == PARSE_OK)
		r.result = http1_parse_response(span_of(input, n), r.arena, &r.head, &r.why);
	return r;
}

static void
a_response_is_taken_apart(void **state)
{
	struct read_response r =
	    read_response("HTTP/1.1 404 Nicht da: \xc3\xa4\tx \r\nServer: s\r\nX_Y: 1\r\n"
			  "A!: 2\r\nContent-Length: 3\r\n\r\nabc");

	assert_int_equal(r.result, PARSE_OK);
	assert_int_equal(r.head.minor, 1);
	assert_int_equal(r.head.status, 404);
	assert_span(r.head.reason, "Nicht da: \xc3\xa4\tx ");
	assert_int_equal(r.head.framing, BODY_LENGTH);
	assert_int_equal(r.head.content_length, 3);
	assert_true(r.head.keep_alive);
	assert_int_equal(r.head.headers.count, 4);
	assert_span(r.head.headers.rows[1].name, "X_Y");
	assert_int_equal(r.head.headers.rows[0].id, HEADER_SERVER);
	arena_free(r.arena);
}

static void
status_lines(void **state)
{
	/* status 0: refused */
	static const struct {
		const char *line;
		unsigned status;
		const char *reason;
	} cases[] = {
		{ "HTTP/1.1 200 OK", 200, "OK" },
		{ "HTTP/1.0 200 OK", 200, "OK" },
		{ "HTTP/1.2 200 OK", 200, "OK" },
		{ "HTTP/1.1 200", 200, "" },
		{ "HTTP/1.1 200 ", 200, "" },
		{ "HTTP/1.1 200  a b ", 200, " a b " },
		{ "HTTP/1.1 100 Continue", 100, "Continue" },
		{ "HTTP/1.1 599 x", 599, "x" },

		{ "HTTP/1.1 099 x", 0, NULL },
		{ "HTTP/1.1 000 x", 0, NULL },
		{ "HTTP/1.1 600 x", 0, NULL },
		{ "HTTP/1.1 999 x", 0, NULL },
		{ "HTTP/1.1 20 OK", 0, NULL },
		{ "HTTP/1.1 2 OK", 0, NULL },
		{ "HTTP/1.1 2000 OK", 0, NULL },
		{ "HTTP/1.1 200OK", 0, NULL },
		{ "HTTP/1.1 200\tOK", 0, NULL },
		{ "HTTP/1.1  200 OK", 0, NULL },
		{ "HTTP/1.1\t200 OK", 0, NULL },
		{ "HTTP/1.1 +20 OK", 0, NULL },
		{ "HTTP/1.1 -20 OK", 0, NULL },
		{ "HTTP/1.1 2 0 OK", 0, NULL },
		{ "HTTP/1.1 0x1 OK", 0, NULL },
		{ "HTTP/1.1 OK", 0, NULL },
		{ "HTTP/1.1 ", 0, NULL },
		{ "HTTP/1.1", 0, NULL },
		{ "HTTP/1.10 200 OK", 0, NULL },
		{ "HTTP/1 200 OK", 0, NULL },
		{ "HTTP/0.9 200 OK", 0, NULL },
		{ "HTTP/2.0 200 OK", 0, NULL },
		{ "HTTP/2 200 OK", 0, NULL },
		{ "http/1.1 200 OK", 0, NULL },
		{ "ICY 200 OK", 0, NULL },
		{ " HTTP/1.1 200 OK", 0, NULL },
		{ "\r\nHTTP/1.1 200 OK", 0, NULL },
		{ "GET / HTTP/1.1", 0, NULL },
		{ "HTTPS/1.1 200 OK", 0, NULL },
	};
	char input[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct read_response r;

		snprintf(input, sizeof(input), "%s\r\nA: b\r\n\r\n", cases[i].line);
		r = read_response(input);
		if ((r.result == PARSE_OK) != (cases[i].status != 0))
			fail_msg("%s: %s", cases[i].line, r.result ? r.why : "was not refused");
		if (cases[i].status) {
			assert_int_equal(r.head.status, cases[i].status);
			assert_span(r.head.reason, cases[i].reason);
		}
		arena_free(r.arena);
	}
}

static void
response_fields_are_as_strict(void **state)
{
	/* framing -1: refused */
	static const struct {
		const char *head;
		int framing;
		bool keep_alive;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\n", BODY_UNTIL_CLOSE, true },
		{ "HTTP/1.0 200 OK\r\n", BODY_UNTIL_CLOSE, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", BODY_LENGTH, true },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n", BODY_LENGTH,
		    true },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", BODY_CHUNKED, true },
		{ "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n", BODY_LENGTH,
		    false },
		{ "HTTP/1.1 204 x\r\nContent-Length: 0\r\n", BODY_LENGTH, true },
		{ "HTTP/1.1 204 x\r\nContent-Length: 5\r\n", BODY_LENGTH, false },
		{ "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n", BODY_CHUNKED, false },
		{ "HTTP/1.1 304 x\r\nContent-Length: 5\r\n", BODY_LENGTH, true },
		{ "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: a\r\nContent-Length: 0\r\n",
		    BODY_LENGTH, true },

		{ "HTTP/1.1 100 x\r\nContent-Length: 5\r\n", -1, false },
		{ "HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length:\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n", -1,
		    false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		    -1, false },
		{ "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nTransfer_Encoding: chunked\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nContent_Length: 3\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nA : b\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\n: b\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nA\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nA(: b\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\n\xc3: b\r\n", -1, false },
		{ "HTTP/1.1 200 OK\nA: b\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nA: b\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nA: b\rc\r\n", -1, false },
		{ "HTTP/1.1 200 OK\r\nA: \x01\r\n", -1, false },
	};
	char input[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct read_response r;

		snprintf(input, sizeof(input), "%s\r\n", cases[i].head);
		r = read_response(input);
		if ((r.result == PARSE_OK) != (cases[i].framing >= 0))
			fail_msg("%s: %s", cases[i].head, r.result ? r.why : "was not refused");
		if (r.result == PARSE_OK) {
			assert_int_equal(r.head.framing, cases[i].framing);
			if (r.head.keep_alive != cases[i].keep_alive)
				fail_msg("%s persists wrongly", cases[i].head);
		}
		arena_free(r.arena);
	}
}

static void
some_responses_have_no_body_whatever_they_say(void **state)
{
	static const struct {
		unsigned status;
		const char *method;
		enum body_framing want;
	} cases[] = {
		{ 200, "GET", BODY_CHUNKED },
		{ 200, "HEAD", BODY_NONE },
		{ 404, "HEAD", BODY_NONE },
		{ 100, "GET", BODY_NONE },
		{ 101, "GET", BODY_NONE },
		{ 199, "GET", BODY_NONE },
		{ 204, "GET", BODY_NONE },
		{ 205, "GET", BODY_CHUNKED },
		{ 304, "GET", BODY_NONE },
		{ 200, "CONNECT", BODY_NONE },
		{ 299, "CONNECT", BODY_NONE },
		{ 300, "CONNECT", BODY_CHUNKED },
		{ 200, "head", BODY_CHUNKED },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http1_response_head head = { .status = cases[i].status,
			.framing = BODY_CHUNKED };

		assert_int_equal(http1_response_body(&head, span_str(cases[i].method)),
		    cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_response_is_taken_apart),
		cmocka_unit_test(status_lines),
		cmocka_unit_test(response_fields_are_as_strict),
		cmocka_unit_test(some_responses_have_no_body_whatever_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
