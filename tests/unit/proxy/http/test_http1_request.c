/* SPDX-License-Identifier: ISC */
/* http1_request: what requests are taken for, what is refused and with which status. */
#include "proxy/http/http1_parse.h"
#include "tests/unit/unit.h"

/* nginx's defaults. */
static const struct http1_limits defaults = { .ignore_invalid = true, .max_headers = 100 };

struct read_request {
	struct arena *arena;
	char *bytes;
	struct http1_request_head head;
	enum parse_result result;
	const char *why;
};

/* As the codec does it: find the end, then parse; the bytes in a block of exactly their size. */
static struct read_request
read_request(struct span input, const struct http1_limits *limits)
{
	struct read_request r = { .arena = arena_new(0), .result = PARSE_BAD };
	struct http1_head_scan scan = { 0 };
	size_t n;

	r.head.status = 400;
	r.result = http1_head_end(&scan, input, &n, &r.why);
	if (r.result == PARSE_MORE)
		fail_msg("not a whole head: " SPAN_FMT, SPAN_ARG(input));
	if (r.result == PARSE_BAD)
		return r;
	r.bytes = malloc(n);
	memcpy(r.bytes, input.p, n);
	r.result = http1_parse_request(span_of(r.bytes, n), limits, r.arena, &r.head, &r.why);
	return r;
}

static void
request_release(struct read_request *r)
{
	arena_free(r->arena);
	free(r->bytes);
}

static void
a_request_is_taken_apart(void **state)
{
	struct read_request r = read_request(
	    SPAN("\r\nPOST /a/b?c=d HTTP/1.1\r\nHost: A.example:8080\r\nAccept:*/*\r\n"
		 "X-Empty:\r\nX-Blank: \t \r\ncontent-length:\t 12 \r\nX: \xc3\xa9\ta \r\n\r\n"),
	    &defaults);
	const struct http1_request_head *h = &r.head;

	assert_int_equal(r.result, PARSE_OK);
	assert_span(h->request_line, "POST /a/b?c=d HTTP/1.1");
	assert_span(h->method, "POST");
	assert_span(h->target, "/a/b?c=d");
	assert_span(h->path_query, "/a/b?c=d");
	assert_span(h->scheme_host, "");
	assert_span(h->host, "A.example");
	assert_int_equal(h->minor, 1);
	assert_int_equal(h->framing, BODY_LENGTH);
	assert_int_equal(h->content_length, 12);
	assert_true(h->keep_alive);
	assert_false(h->expect_continue || h->upgrade);
	assert_int_equal(h->status, 0);
	assert_int_equal(h->headers.count, 6);
	assert_span(h->headers.rows[1].name, "Accept");
	assert_span(h->headers.rows[1].value, "*/*");
	assert_span(h->headers.rows[2].value, "");
	assert_span(h->headers.rows[3].value, "");
	assert_span(h->headers.rows[4].name, "content-length");
	assert_span(h->headers.rows[4].value, "12");
	assert_int_equal(h->headers.rows[4].id, HEADER_CONTENT_LENGTH);
	assert_span(h->headers.rows[5].value, "\xc3\xa9\ta");
	request_release(&r);
}

/* path NULL: refused with status. The lines after the first are added here. */
static const struct {
	const char *line, *path, *authority;
	unsigned status;
} request_lines[] = {
	{ "GET / HTTP/1.1", "/", "", 0 },
	{ "GET / HTTP/1.0", "/", "", 0 },
	{ "GET / HTTP/1.2", "/", "", 0 },
	{ "GET / HTTP/1.9", "/", "", 0 },
	{ "M-SEARCH / HTTP/1.1", "/", "", 0 },
	{ "X_Y / HTTP/1.1", "/", "", 0 },
	{ "VERYLONGMETHODNAMETHATNOBODYKNOWS / HTTP/1.1", "/", "", 0 },
	{ "GET //a/../%zz?\"<>\\^`{|}[]@!$&'()*+,;= HTTP/1.1",
	    "//a/../%zz?\"<>\\^`{|}[]@!$&'()*+,;=", "", 0 },
	{ "GET /a#b HTTP/1.1", "/a#b", "", 0 },
	{ "OPTIONS * HTTP/1.1", "*", "", 0 },
	{ "GET http://a.example/x?y HTTP/1.1", "/x?y", "a.example", 0 },
	{ "GET HTTPS://A.Example:443/ HTTP/1.1", "/", "A.Example:443", 0 },
	{ "GET http://a.example:80/ HTTP/1.1", "/", "a.example:80", 0 },
	{ "GET http://a.example HTTP/1.1", "/", "a.example", 0 },
	{ "GET http://a.example?q HTTP/1.1", "/?q", "a.example", 0 },
	{ "GET http://a.example#f HTTP/1.1", "/#f", "a.example", 0 },
	{ "OPTIONS http://a.example HTTP/1.1", "/", "a.example", 0 },

	{ "GET  / HTTP/1.1", NULL, NULL, 400 },
	{ "GET /  HTTP/1.1", NULL, NULL, 400 },
	{ " GET / HTTP/1.1", NULL, NULL, 400 },
	{ "GET\t/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET /\tHTTP/1.1", NULL, NULL, 400 },
	{ "GET / a HTTP/1.1", NULL, NULL, 400 },
	{ "GET /a\tb HTTP/1.1", NULL, NULL, 400 },
	{ "GET /\xc3\xa9 HTTP/1.1", NULL, NULL, 400 },
	{ "GET /\x80 HTTP/1.1", NULL, NULL, 400 },
	{ "GET HTTP/1.1", NULL, NULL, 400 },
	{ "GET  HTTP/1.1", NULL, NULL, 400 },
	{ "/ HTTP/1.1", NULL, NULL, 400 },
	{ "HTTP/1.1", NULL, NULL, 400 },
	{ " / HTTP/1.1", NULL, NULL, 400 },
	{ "HTTP/1.1 200 OK", NULL, NULL, 400 },
	{ "get / HTTP/1.1", NULL, NULL, 400 },
	{ "Get / HTTP/1.1", NULL, NULL, 400 },
	{ "GET! / HTTP/1.1", NULL, NULL, 400 },
	{ "G(T / HTTP/1.1", NULL, NULL, 400 },
	{ "GET: / HTTP/1.1", NULL, NULL, 400 },
	{ "GET1 / HTTP/1.1", NULL, NULL, 400 },
	{ "\xc3GET / HTTP/1.1", NULL, NULL, 400 },
	{ "GET / HTTP/0.9", NULL, NULL, 400 },
	{ "GET / HTTP/1.", NULL, NULL, 400 },
	{ "GET / HTTP/1.10", NULL, NULL, 400 },
	{ "GET / HTTP/11.1", NULL, NULL, 400 },
	{ "GET / HTTP/01.1", NULL, NULL, 400 },
	{ "GET / HTTP/1,1", NULL, NULL, 400 },
	{ "GET / HTTP/1.x", NULL, NULL, 400 },
	{ "GET / HTTP/.1", NULL, NULL, 400 },
	{ "GET / HTTP 1.1", NULL, NULL, 400 },
	{ "GET / HTTP/+1.1", NULL, NULL, 400 },
	{ "GET / http/1.1", NULL, NULL, 400 },
	{ "GET / Http/1.1", NULL, NULL, 400 },
	{ "GET / HTTPS/1.1", NULL, NULL, 400 },
	{ "GET / XHTTP/1.1", NULL, NULL, 400 },
	{ "GET /HTTP/1.1", NULL, NULL, 400 },
	{ "GET / HTTP/1.1\t", NULL, NULL, 400 },
	{ "GET / HTTP/1.1 HTTP/1.1", NULL, NULL, 400 },
	{ "GET / HTTP/2.0", NULL, NULL, 505 },
	{ "GET / HTTP/3.0", NULL, NULL, 505 },
	{ "PRI * HTTP/2.0", NULL, NULL, 505 },
	{ "PRI * HTTP/1.1", NULL, NULL, 400 },
	{ "GET * HTTP/1.1", NULL, NULL, 400 },
	{ "OPTIONS ** HTTP/1.1", NULL, NULL, 400 },
	{ "OPTIONS *?a HTTP/1.1", NULL, NULL, 400 },
	{ "GET a HTTP/1.1", NULL, NULL, 400 },
	{ "GET ?a HTTP/1.1", NULL, NULL, 400 },
	{ "GET #a HTTP/1.1", NULL, NULL, 400 },
	{ "GET \\ HTTP/1.1", NULL, NULL, 400 },
	{ "GET %2f HTTP/1.1", NULL, NULL, 400 },
	{ "GET a.example:80 HTTP/1.1", NULL, NULL, 400 },
	{ "GET ftp://a.example/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET file:///etc/passwd HTTP/1.1", NULL, NULL, 400 },
	{ "GET http:/a.example/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET http:// HTTP/1.1", NULL, NULL, 400 },
	{ "GET http:///a HTTP/1.1", NULL, NULL, 400 },
	{ "GET http://?a HTTP/1.1", NULL, NULL, 400 },
	{ "GET http://u@a.example/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET http://u:p@a.example/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET http://a.example:x/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET http://a.example\\@b/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET http://b.example/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET http://a.example:8080/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET http://a.example:443/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET https://a.example:80/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET http://a.example.example/ HTTP/1.1", NULL, NULL, 400 },
	{ "GET httpx://a.example/ HTTP/1.1", NULL, NULL, 400 },
	{ "CONNECT a.example:443 HTTP/1.1", NULL, NULL, 405 },
	{ "CONNECT / HTTP/1.1", NULL, NULL, 405 },
	{ "TRACE / HTTP/1.1", NULL, NULL, 405 },
};

static void
request_lines_and_targets(void **state)
{
	char input[256];

	for (size_t i = 0; i < COUNT(request_lines); i++) {
		int n = snprintf(input, sizeof(input), "%s\r\nHost: a.example\r\n\r\n",
		    request_lines[i].line);
		struct read_request r = read_request(span_of(input, (size_t)n), &defaults);

		if ((r.result == PARSE_OK) != (request_lines[i].path != NULL))
			fail_msg("%s: %s", request_lines[i].line,
			    r.result ? r.why : "was not refused");
		assert_int_equal(r.head.status, request_lines[i].status);
		if (request_lines[i].path) {
			assert_span(r.head.path_query, request_lines[i].path);
			assert_span(r.head.scheme_host, request_lines[i].authority);
			assert_span(r.head.host, "a.example");
		}
		request_release(&r);
	}
}

/* The fields of a request to "/" on HTTP/1.minor; every one but the Host tests has a Host. */
static struct read_request
read_fields(unsigned minor, const char *fields, const struct http1_limits *limits)
{
	char input[512];
	int n = snprintf(input, sizeof(input), "POST / HTTP/1.%u\r\n%s\r\n", minor, fields);

	assert_true(n > 0 && (size_t)n < sizeof(input));
	return read_request(span_of(input, (size_t)n), limits);
}

static void
hosts_are_one_and_valid(void **state)
{
	/* NULL: refused. */
	static const struct {
		unsigned minor;
		const char *fields, *host;
	} cases[] = {
		{ 1, "Host: a\r\n", "a" },
		{ 0, "Host: a:80\r\n", "a" },
		{ 0, "", "" },
		{ 2, "hOST: [::1]:80\r\n", "[::1]" },
		{ 1, "Host: A.b.\r\n", "A.b" },

		{ 1, "", NULL },
		{ 9, "", NULL },
		{ 1, "X-Host: a\r\n", NULL },
		{ 1, "Host:\r\n", NULL },
		{ 0, "Host: \r\n", NULL },
		{ 1, "Host: a\r\nHost: a\r\n", NULL },
		{ 0, "Host: a\r\nA: b\r\nhost: a\r\n", NULL },
		{ 1, "Host: a\r\nHost:\r\n", NULL },
		{ 1, "Host: a b\r\n", NULL },
		{ 1, "Host: a, b\r\n", NULL },
		{ 1, "Host: a/b\r\n", NULL },
		{ 1, "Host: http://a\r\n", NULL },
		{ 1, "Host: u@a\r\n", NULL },
		{ 1, "Host: a:b\r\n", NULL },
		{ 1, "Host: a..b\r\n", NULL },
		{ 1, "Host: a\tb\r\n", NULL },
		{ 1, "Host: \xc3\xa9\r\n", NULL },
		{ 1, "Host : a\r\n", NULL },
		{ 1, "Host_: a\r\n", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct read_request r = read_fields(cases[i].minor, cases[i].fields, &defaults);

		if ((r.result == PARSE_OK) != (cases[i].host != NULL))
			fail_msg("%s: %s", cases[i].fields, r.result ? r.why : "was not refused");
		if (cases[i].host)
			assert_span(r.head.host, cases[i].host);
		else
			assert_int_equal(r.head.status, 400);
		request_release(&r);
	}
}

static void
absolute_form_and_host_must_agree(void **state)
{
	static const struct {
		const char *authority, *fields;
		bool agree;
	} cases[] = {
		{ "http://a.example:80", "Host: A.EXAMPLE\r\n", true },
		{ "http://a.example", "Host: a.example:80\r\n", true },
		{ "http://a.example:", "Host: a.example\r\n", true },
		{ "https://a.example", "Host: a.example:443\r\n", true },
		{ "http://a.example.", "Host: a.example\r\n", true },
		{ "http://[::1]:8080", "Host: [::1]:8080\r\n", true },

		{ "http://a.example", "", false },
		{ "http://a.example", "Host:\r\n", false },
		{ "http://a.example", "Host: b.example\r\n", false },
		{ "http://a.example", "Host: a.example:443\r\n", false },
		{ "https://a.example", "Host: a.example:80\r\n", false },
		{ "http://a.example:8080", "Host: a.example\r\n", false },
		{ "http://a.example", "Host: a.example\r\nHost: a.example\r\n", false },
	};
	char input[256];
	struct read_request r;

	for (size_t i = 0; i < COUNT(cases); i++) {
		int n = snprintf(input, sizeof(input), "GET %s/ HTTP/1.1\r\n%s\r\n",
		    cases[i].authority, cases[i].fields);

		r = read_request(span_of(input, (size_t)n), &defaults);
		if ((r.result == PARSE_OK) != cases[i].agree)
			fail_msg("%s with %s", cases[i].authority, cases[i].fields);
		request_release(&r);
	}
	/* HTTP/1.0 may go without Host: then the target's is it. */
	r = read_request(SPAN("GET http://a.example:81/ HTTP/1.0\r\n\r\n"), &defaults);
	assert_int_equal(r.result, PARSE_OK);
	assert_span(r.head.host, "a.example");
	request_release(&r);
}

static void
framing_is_one_thing_or_refused(void **state)
{
	enum { REFUSED = -1 };
	static const struct {
		const char *fields;
		int framing;
		uint64_t length;
	} cases[] = {
		{ "", BODY_NONE, 0 },
		{ "Content-Length: 0\r\n", BODY_LENGTH, 0 },
		{ "Content-Length: 007\r\n", BODY_LENGTH, 7 },
		{ "Content-Length: 9223372036854775807\r\n", BODY_LENGTH, INT64_MAX },
		{ "Transfer-Encoding: chunked\r\n", BODY_CHUNKED, 0 },
		{ "TRANSFER-ENCODING:\tChunKed \r\n", BODY_CHUNKED, 0 },

		{ "Content-Length: 5\r\nContent-Length: 5\r\n", REFUSED, 0 },
		{ "Content-Length: 5\r\nContent-Length: 6\r\n", REFUSED, 0 },
		{ "Content-Length: 5\r\nA: b\r\ncontent-length: 5\r\n", REFUSED, 0 },
		{ "Content-Length: 5, 5\r\n", REFUSED, 0 },
		{ "Content-Length: 5,\r\n", REFUSED, 0 },
		{ "Content-Length: ,5\r\n", REFUSED, 0 },
		{ "Content-Length:\r\n", REFUSED, 0 },
		{ "Content-Length: +5\r\n", REFUSED, 0 },
		{ "Content-Length: -5\r\n", REFUSED, 0 },
		{ "Content-Length: -0\r\n", REFUSED, 0 },
		{ "Content-Length: 1 2\r\n", REFUSED, 0 },
		{ "Content-Length: 1\t2\r\n", REFUSED, 0 },
		{ "Content-Length: 0x5\r\n", REFUSED, 0 },
		{ "Content-Length: 5.0\r\n", REFUSED, 0 },
		{ "Content-Length: 5e1\r\n", REFUSED, 0 },
		{ "Content-Length: \"5\"\r\n", REFUSED, 0 },
		{ "Content-Length: 5;a\r\n", REFUSED, 0 },
		{ "Content-Length: \xb2\r\n", REFUSED, 0 },
		{ "Content-Length: 9223372036854775808\r\n", REFUSED, 0 },
		{ "Content-Length: 18446744073709551615\r\n", REFUSED, 0 },
		{ "Content-Length: 18446744073709551616\r\n", REFUSED, 0 },
		{ "Content-Length: 18446744073709551621\r\n", REFUSED, 0 },
		{ "Content-Length: 99999999999999999999999999\r\n", REFUSED, 0 },
		{ "Content-Length : 5\r\n", REFUSED, 0 },
		{ "Content-Length\t: 5\r\n", REFUSED, 0 },
		{ "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", REFUSED, 0 },
		{ "Transfer-Encoding:\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunked, chunked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: gzip, chunked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunked, gzip\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunked,\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: ,chunked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: identity\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: gzip\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: xchunked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunkedx\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunked;q=1\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: \"chunked\"\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: 'chunked'\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chun ked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunked\x80\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: chunKed\x0b\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: \xc2\xa0"
		  "chunked\r\n",
		    REFUSED, 0 },
		{ "Transfer-Encoding : chunked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding\t: chunked\r\n", REFUSED, 0 },
		{ " Transfer-Encoding: chunked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding: identity\r\n , chunked\r\n", REFUSED, 0 },
		{ "Transfer_Encoding: chunked\r\n", REFUSED, 0 },
		{ "Transfer.Encoding: chunked\r\n", REFUSED, 0 },
		{ "Transfer-Encoding(: chunked\r\n", REFUSED, 0 },
		{ "Transfer\x80"
		  "Encoding: chunked\r\n",
		    REFUSED, 0 },
		{ "Transfer-Encoding\xc2\xa0: chunked\r\n", REFUSED, 0 },
		{ "Transfer Encoding: chunked\r\n", REFUSED, 0 },
		{ "CONTENT_LENGTH: 5\r\n", REFUSED, 0 },
		{ "Content_Length: 5\r\nContent-Length: 5\r\n", REFUSED, 0 },
		{ "\"Content-Length\": 5\r\n", REFUSED, 0 },
	};
	char fields[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct read_request r;

		snprintf(fields, sizeof(fields), "Host: a\r\n%s", cases[i].fields);
		r = read_fields(1, fields, &defaults);
		if ((r.result == PARSE_OK) != (cases[i].framing != REFUSED))
			fail_msg("%s: %s", cases[i].fields, r.result ? r.why : "was not refused");
		if (r.result == PARSE_OK) {
			assert_int_equal(r.head.framing, cases[i].framing);
			assert_true(r.head.content_length == cases[i].length);
		} else {
			assert_int_equal(r.head.status, 400);
		}
		request_release(&r);
	}
}

static void
transfer_encoding_is_not_for_http_1_0(void **state)
{
	struct read_request r = read_fields(0, "Transfer-Encoding: chunked\r\n", &defaults);

	assert_int_equal(r.result, PARSE_BAD);
	request_release(&r);
	r = read_fields(0, "Content-Length: 5\r\n", &defaults);
	assert_int_equal(r.result, PARSE_OK);
	request_release(&r);
}

static void
odd_field_names_are_dropped_kept_or_refused(void **state)
{
	enum { DROP, KEEP, REFUSE };
	static const struct {
		const char *line;
		int by_default, with_underscores, with_invalid; /* ignore_invalid off */
	} cases[] = {
		{ "X-Y: 1\r\n", KEEP, KEEP, KEEP },
		{ "0-9: 1\r\n", KEEP, KEEP, KEEP },
		{ "-: 1\r\n", KEEP, KEEP, KEEP },
		{ "X_Y: 1\r\n", DROP, KEEP, KEEP },
		{ "_: 1\r\n", DROP, KEEP, KEEP },
		{ "X.Y: 1\r\n", DROP, DROP, KEEP },
		{ "X_.Y: 1\r\n", DROP, DROP, KEEP },
		{ "!#$%&'*+.^`|~: 1\r\n", DROP, DROP, KEEP },
		{ "X(Y): 1\r\n", DROP, DROP, REFUSE },
		{ "\"X\": 1\r\n", DROP, DROP, REFUSE },
		{ "X/Y: 1\r\n", DROP, DROP, REFUSE },
		{ "\xc3\xa9: 1\r\n", DROP, DROP, REFUSE },
		{ ": 1\r\n", REFUSE, REFUSE, REFUSE },
		{ "X\r\n", REFUSE, REFUSE, REFUSE },
		{ "X Y: 1\r\n", REFUSE, REFUSE, REFUSE },
		{ "X\tY: 1\r\n", REFUSE, REFUSE, REFUSE },
		{ "X : 1\r\n", REFUSE, REFUSE, REFUSE },
		{ "X\x01: 1\r\n", REFUSE, REFUSE, REFUSE },
		{ "Content_Length: 1\r\n", REFUSE, REFUSE, REFUSE },
		{ "Content.Length: 1\r\n", REFUSE, REFUSE, REFUSE },
		{ "Transfer_Encoding: x\r\n", REFUSE, REFUSE, REFUSE },
		{ "Ho.st: x\r\n", REFUSE, REFUSE, REFUSE },
		{ "_connection: close\r\n", REFUSE, REFUSE, REFUSE },
	};
	static const struct http1_limits settings[] = {
		{ .ignore_invalid = true },
		{ .ignore_invalid = true, .underscores = true },
		{ .ignore_invalid = false },
	};
	char fields[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		const int want[] = { cases[i].by_default, cases[i].with_underscores,
			cases[i].with_invalid };

		snprintf(fields, sizeof(fields), "Host: a\r\n%s", cases[i].line);
		for (size_t k = 0; k < COUNT(settings); k++) {
			struct read_request r = read_fields(1, fields, &settings[k]);

			if ((r.result == PARSE_BAD) != (want[k] == REFUSE))
				fail_msg("%s in setting %zu", cases[i].line, k);
			if (r.result == PARSE_OK)
				assert_int_equal(r.head.headers.count, want[k] == KEEP ? 2 : 1);
			request_release(&r);
		}
	}
}

static void
too_many_fields_are_refused(void **state)
{
	struct http1_limits limits = { .ignore_invalid = true, .max_headers = 3 };
	struct read_request r = read_fields(1, "Host: a\r\nA: 1\r\nB: 2\r\n", &limits);

	assert_int_equal(r.result, PARSE_OK);
	request_release(&r);
	/* Those that are dropped count. */
	r = read_fields(1, "Host: a\r\nA: 1\r\nB_: 2\r\nC_: 3\r\n", &limits);
	assert_int_equal(r.result, PARSE_BAD);
	assert_int_equal(r.head.status, 400);
	request_release(&r);
	limits.max_headers = 0;
	r = read_fields(1, "Host: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n", &limits);
	assert_int_equal(r.result, PARSE_OK);
	request_release(&r);
}

static void
connections_persist_by_version_and_tokens(void **state)
{
	static const struct {
		unsigned minor;
		const char *fields;
		bool keep_alive, upgrade, expect;
	} cases[] = {
		{ 1, "", true, false, false },
		{ 1, "Connection: close\r\n", false, false, false },
		{ 1, "Connection: keep-alive\r\n", true, false, false },
		{ 1, "Connection: keep-alive, Close\r\n", false, false, false },
		{ 1, "Connection: close\r\nConnection: keep-alive\r\n", false, false, false },
		{ 1, "Connection: x\r\nConnection: ,close\r\n", false, false, false },
		{ 1, "Connection: closed\r\n", true, false, false },
		{ 1, "Proxy-Connection: close\r\n", true, false, false },
		{ 2, "", true, false, false },
		{ 0, "", false, false, false },
		{ 0, "Connection: Keep-Alive\r\n", true, false, false },
		{ 0, "Connection: keep-alive\r\nConnection: close\r\n", false, false, false },
		{ 0, "Keep-Alive: timeout=5\r\n", false, false, false },
		{ 1, "Connection: Upgrade\r\nUpgrade: websocket\r\n", true, true, false },
		{ 1, "Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n", true, true,
		    false },
		{ 1, "Connection: upgrade\r\n", true, false, false },
		{ 1, "Upgrade: websocket\r\n", true, false, false },
		{ 0, "Connection: upgrade\r\nUpgrade: websocket\r\n", false, false, false },
		{ 1, "Expect: 100-Continue\r\n", true, false, true },
		{ 1, "Expect: 100-continue, x\r\n", true, false, false },
		{ 1, "Expect: 200-ok\r\n", true, false, false },
		{ 0, "Expect: 100-continue\r\n", false, false, false },
	};
	char fields[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct read_request r;

		snprintf(fields, sizeof(fields), "Host: a\r\n%s", cases[i].fields);
		r = read_fields(cases[i].minor, fields, &defaults);
		assert_int_equal(r.result, PARSE_OK);
		if (r.head.keep_alive != cases[i].keep_alive ||
		    r.head.upgrade != cases[i].upgrade || r.head.expect_continue != cases[i].expect)
			fail_msg("HTTP/1.%u %s", cases[i].minor, cases[i].fields);
		request_release(&r);
	}
}

/* The parsers hold their own when nobody has looked for the end of the head before. */
static void
a_head_that_was_not_measured_is_refused(void **state)
{
	static const char *const heads[] = { "", "\r\n", "\r\n\r\n", "GET / HTTP/1.1",
		"GET / HTTP/1.1\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nA: b\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nA: \x01\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nA: b\rxC: d\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nA: b" };
	struct arena *arena = arena_new(0);
	struct http1_request_head request;
	struct http1_response_head response;
	const char *why;

	for (size_t i = 0; i < COUNT(heads); i++) {
		size_t n = strlen(heads[i]);
		char *copy = malloc(n ? n : 1);

		if (n)
			memcpy(copy, heads[i], n);
		assert_int_equal(http1_parse_request(span_of(copy, n), &defaults, arena, &request,
				     &why),
		    PARSE_BAD);
		assert_int_equal(request.status, 400);
		assert_int_equal(http1_parse_response(span_of(copy, n), arena, &response, &why),
		    PARSE_BAD);
		free(copy);
	}
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_taken_apart),
		cmocka_unit_test(request_lines_and_targets),
		cmocka_unit_test(hosts_are_one_and_valid),
		cmocka_unit_test(absolute_form_and_host_must_agree),
		cmocka_unit_test(framing_is_one_thing_or_refused),
		cmocka_unit_test(transfer_encoding_is_not_for_http_1_0),
		cmocka_unit_test(odd_field_names_are_dropped_kept_or_refused),
		cmocka_unit_test(too_many_fields_are_refused),
		cmocka_unit_test(connections_persist_by_version_and_tokens),
		cmocka_unit_test(a_head_that_was_not_measured_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
