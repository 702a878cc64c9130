/* SPDX-License-Identifier: ISC */
/* h2_request: which field lists are requests, and what they mean in HTTP/1. RFC 9113, 8.2 and 8.3. */
#include "proxy/http/error_page.h"
#include "proxy/http/h2_request.h"
#include "tests/unit/unit.h"

static const struct h2_limits limits = {
	.names = { .ignore_invalid = true, .max_headers = 20 },
	.line_max = 200,
	.all_max = 500,
};

struct read_fields {
	struct arena *arena;
	struct header_list headers;
	struct h2_fields fields;
	struct http1_request_head head;
	enum parse_result result;
};

/* text: "name=value\n" for each field */
static struct read_fields *
read_fields(const char *text, bool trailer, bool end)
{
	struct arena *arena = arena_new(0);
	struct read_fields *r = arena_zalloc(arena, sizeof(*r));
	struct span rest = span_str(text), line;

	r->arena = arena;
	header_list_init(&r->headers, arena);
	r->fields = (struct h2_fields){
		.arena = arena, .limits = &limits, .headers = &r->headers, .trailer = trailer
	};
	while (span_split(&rest, '\n', &line)) {
		ptrdiff_t n = span_find(line, '=');
		/* In blocks of exactly their size, for the sanitizer. */
		char *name = malloc((size_t)n + 1), *value = malloc(line.n - (size_t)n);

		memcpy(name, line.p, (size_t)n);
		memcpy(value, line.p + n + 1, line.n - (size_t)n - 1);
		h2_fields_add(&r->fields, span_of(name, (size_t)n),
		    span_of(value, line.n - (size_t)n - 1));
		free(name);
		free(value);
	}
	if (!trailer)
		r->result = h2_fields_finish(&r->fields, end, &r->head);
	else
		r->result = r->fields.why ? PARSE_BAD : PARSE_OK;
	return r;
}

#define GET ":method=GET\n:scheme=https\n:path=/a?b\n:authority=A.example:443\n"

static void
test_a_request(void **state)
{
	struct read_fields *r = read_fields(GET "x-one=1\ncookie=a=1\naccept=*/*\ncookie=b=2\n"
						"cookie=c=3\ncontent-length=12\nte=trailers",
	    false, false);

	assert_int_equal(r->result, PARSE_OK);
	assert_span(r->head.request_line, "GET /a?b HTTP/2.0");
	assert_span(r->head.method, "GET");
	assert_span(r->head.path_query, "/a?b");
	assert_span(r->head.host, "A.example");
	assert_int_equal(r->head.framing, BODY_LENGTH);
	assert_int_equal(r->head.content_length, 12);
	assert_span(header_find(&r->headers, HEADER_HOST)->value, "A.example:443");
	assert_span(header_find(&r->headers, HEADER_COOKIE)->value, "a=1; b=2; c=3");
	assert_int_equal(r->headers.count, 6);
	assert_span(r->headers.rows[2].name, "accept");
	arena_free(r->arena);
}

static void
test_framing(void **state)
{
	static const struct {
		const char *more;
		bool end;
		enum body_framing framing;
	} rows[] = {
		{ "", true, BODY_NONE },
		{ "", false, BODY_CHUNKED },
		{ "content-length=0\n", true, BODY_LENGTH },
		{ "content-length=5\n", false, BODY_LENGTH },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[200];
		struct read_fields *r;

		snprintf(text, sizeof(text), GET "%s", rows[i].more);
		r = read_fields(text, false, rows[i].end);
		assert_int_equal(r->result, PARSE_OK);
		assert_int_equal(r->head.framing, rows[i].framing);
		arena_free(r->arena);
	}
}

static void
test_malformed(void **state)
{
	static const char *const rows[] = {
		":scheme=https\n:path=/\n:authority=a\n",
		":method=GET\n:path=/\n:authority=a\n",
		":method=GET\n:scheme=https\n:authority=a\n",
		":method=GET\n:scheme=https\n:path=\n:authority=a\n",
		":method=\n:scheme=https\n:path=/\n:authority=a\n",
		":method=G T\n:scheme=https\n:path=/\n:authority=a\n",
		GET ":method=GET\n",
		GET ":status=200\n",
		GET ":unknown=x\n",
		GET ":protocol=websocket\n",
		GET "x=1\n:authority=a\n",
		"x=1\n" GET,
		GET "Upper=1\n",
		GET "a b=1\n",
		GET "a:b=1\n",
		GET "a\x7f=1\n",
		GET "\xc3\xa9=1\n",
		GET "=1\n",
		GET "x= 1\n",
		GET "x=1 \n",
		GET "x=\t1\n",
		GET "x=a\rb\n",
		GET "x=a\x01\n",
		GET "connection=close\n",
		GET "keep-alive=5\n",
		GET "proxy-connection=x\n",
		GET "transfer-encoding=chunked\n",
		GET "upgrade=h2c\n",
		GET "te=gzip\n",
		GET "te=trailers, gzip\n",
		GET "content-length=5\ncontent-length=5\n",
		GET "content-length=5, 5\n",
		GET "content-length=+5\n",
		GET "content-length=\n",
		GET "content-length=9223372036854775808\n",
		":method=CONNECT\n:authority=a:1\n:path=/\n",
		":method=CONNECT\n:authority=a:1\n:scheme=https\n",
		":method=CONNECT\n",
		":method=CONNECT\n:protocol=websocket\n:authority=a\n",
		":method=CONNECT\n:protocol=\n:scheme=https\n:path=/\n:authority=a\n",
		":method=CONNECT\n:protocol=a b\n:scheme=https\n:path=/\n:authority=a\n",
		":method=GET\n:scheme=https\n:path=/\n:authority=user@a\n",
		":method=GET\n:scheme=https\n:path=/\n:authority=\n",
		":method=GET\n:scheme=https\n:path=/\n:authority=a b\n",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct read_fields *r = read_fields(rows[i], false, false);

		if (r->result != PARSE_BAD || !r->fields.malformed || !r->fields.why)
			fail_msg("taken: %s", rows[i]);
		arena_free(r->arena);
	}
}

static void
test_refused_with_a_status(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
	} rows[] = {
		{ ":method=get\n:scheme=https\n:path=/\n:authority=a\n", 400 },
		{ ":method=TRACE\n:scheme=https\n:path=/\n:authority=a\n", 405 },
		{ ":method=CONNECT\n:authority=a:1\n", 405 },
		{ ":method=GET\n:scheme=ftp\n:path=/\n:authority=a\n", 400 },
		{ ":method=GET\n:scheme=http://x/?\n:path=/\n:authority=a\n", 400 },
		{ ":method=GET\n:scheme=https\n:path=a\n:authority=a\n", 400 },
		{ ":method=GET\n:scheme=https\n:path=*\n:authority=a\n", 400 },
		{ ":method=GET\n:scheme=https\n:path=http://a/\n:authority=a\n", 400 },
		{ ":method=GET\n:scheme=https\n:path=/a b\n:authority=a\n", 400 },
		{ ":method=GET\n:scheme=https\n:path=/\xc3\xa9\n:authority=a\n", 400 },
		{ ":method=GET\n:scheme=https\n:path=/ HTTP/1.1\n:authority=a\n", 400 },
		{ ":method=GET\n:scheme=https\n:path=/\n", 400 },
		{ GET "host=b\n", 400 },
		{ GET "host=a.example:80\n", 400 },
		{ GET "host=a.example\nhost=a.example\n", 400 },
		{ GET "host=\n", 400 },
		{ ":method=GET\n:scheme=https\n:path=/\nhost=a b\n", 400 },
		{ GET "content_length=5\n", 400 },
		{ GET "transfer_encoding=chunked\n", 400 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct read_fields *r = read_fields(rows[i].text, false, false);

		if (r->result != PARSE_BAD || r->fields.malformed ||
		    r->head.status != rows[i].status)
			fail_msg("%u %s: %s", r->head.status, r->fields.why, rows[i].text);
		arena_free(r->arena);
	}
}

static void
test_hosts_that_agree(void **state)
{
	static const char *const rows[] = {
		GET "host=a.example\n",
		GET "host=A.EXAMPLE:443\n",
		":method=GET\n:scheme=https\n:path=/\nhost=a.example\n",
		":method=OPTIONS\n:scheme=https\n:path=*\n:authority=a\n",
		":method=GET\n:scheme=http\n:path=/\n:authority=a:80\nhost=a\n",
		GET "x_dropped=1\n",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct read_fields *r = read_fields(rows[i], false, true);

		if (r->result != PARSE_OK)
			fail_msg("%s: %s", r->fields.why, rows[i]);
		assert_int_equal(r->headers.count, 1);
		arena_free(r->arena);
	}
}

static void
test_limits(void **state)
{
	char text[4000];
	struct read_fields *r;
	int n;

	n = snprintf(text, sizeof(text), ":method=GET\n:scheme=https\n:authority=a\n:path=/");
	memset(text + n, 'x', 250);
	text[n + 250] = '\0';
	r = read_fields(text, false, true);
	assert_int_equal(r->head.status, 414);
	arena_free(r->arena);

	n = snprintf(text, sizeof(text), GET "x=");
	memset(text + n, 'x', 250);
	text[n + 250] = '\0';
	r = read_fields(text, false, true);
	assert_int_equal(r->head.status, STATUS_HEADER_TOO_LARGE);
	arena_free(r->arena);

	n = snprintf(text, sizeof(text), GET);
	for (int i = 0; i < 30; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "x=1\n");
	r = read_fields(text, false, true);
	assert_int_equal(r->head.status, STATUS_HEADER_TOO_LARGE);
	assert_true(r->fields.size > (size_t)30 * 34);
	arena_free(r->arena);
}

static void
test_trailers(void **state)
{
	static const char *const bad[] = { ":path=/\n", "content-length=5\n", "host=a\n",
		"transfer-encoding=chunked\n", "Upper=1\n", "content_length=5\n", "te=trailers\n",
		"trailer=x\n" };
	struct read_fields *r = read_fields("x-sum=1\nx-more=2\n", true, true);

	assert_int_equal(r->result, PARSE_OK);
	assert_int_equal(r->headers.count, 2);
	arena_free(r->arena);
	for (size_t i = 0; i < COUNT(bad); i++) {
		r = read_fields(bad[i], true, true);
		if (r->result != PARSE_BAD || !r->fields.malformed)
			fail_msg("taken: %s", bad[i]);
		arena_free(r->arena);
	}
}

static void
test_extended_connect(void **state)
{
	struct read_fields *r = read_fields(
	    ":method=CONNECT\n:protocol=websocket\n:scheme=https\n:path=/chat\n:authority=a\n"
	    "sec-websocket-version=13\n",
	    false, false);

	assert_int_equal(r->result, PARSE_OK);
	assert_true(r->head.upgrade);
	assert_span(r->head.method, "GET");
	assert_span(r->head.request_line, "CONNECT /chat HTTP/2.0");
	assert_int_equal(r->head.framing, BODY_NONE);
	assert_span(header_find(&r->headers, HEADER_UPGRADE)->value, "websocket");
	arena_free(r->arena);
}

static void
test_priority(void **state)
{
	static const struct {
		const char *value;
		unsigned urgency;
		bool incremental;
	} rows[] = {
		{ "", 3, false },
		{ "u=0", 0, false },
		{ "u=7, i", 7, true },
		{ "i", 3, true },
		{ "i=?1,u=2", 2, true },
		{ "i, i=?0", 3, false },
		{ "u=8", 3, false },
		{ "u=-1, u=10, u=, x, i=1", 3, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned urgency;
		bool incremental;

		h2_priority_parse(span_str(rows[i].value), &urgency, &incremental);
		assert_int_equal(urgency, rows[i].urgency);
		assert_int_equal(incremental, rows[i].incremental);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_refused_with_a_status),
		cmocka_unit_test(test_hosts_that_agree),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_trailers),
		cmocka_unit_test(test_extended_connect),
		cmocka_unit_test(test_priority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
