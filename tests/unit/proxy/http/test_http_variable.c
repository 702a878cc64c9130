/* SPDX-License-Identifier: ISC */
/* Variables: the table, and each value with and without its source. */
#include "base/clock.h"
#include "proxy/upstream/upstream_http.h"
#include "tests/unit/proxy/http/fake_request.h"

static struct span
value(struct fake *f, const char *name)
{
	struct span arg;
	const struct variable *v = variable_find(&http_variables, span_str(name), &arg);

	if (!v)
		fail_msg("no $%s", name);
	return v->get(&f->request, arg);
}

#define assert_value(f, name, text) assert_span(value(f, name), text)
/* No value at all, which a log shows as "-". */
#define assert_none(f, name) assert_null(value(f, name).p)

static void
request_and_connection(void **state)
{
	struct span names[] = { SPAN_INIT(".first.example"), SPAN_INIT("second.example") };
	struct fake f;

	fake_init(&f, "GET", "/a/b?x=1&Y=2");
	f.server.names = names;
	f.server.name_count = 2;
	fake_root(&f, "/srv", 0);
	f.request.head_bytes = 100;
	f.request.body_received = 23;
	assert_value(&f, "args", "x=1&Y=2");
	assert_value(&f, "query_string", "x=1&Y=2");
	assert_value(&f, "is_args", "?");
	assert_value(&f, "arg_x", "1");
	assert_value(&f, "arg_y", "2");
	assert_none(&f, "arg_z");
	assert_value(&f, "request", "GET /a/b?x=1&Y=2 HTTP/1.1");
	assert_value(&f, "request_method", "GET");
	assert_value(&f, "request_uri", "/a/b?x=1&Y=2");
	assert_value(&f, "uri", "/a/b");
	assert_value(&f, "document_uri", "/a/b");
	assert_value(&f, "document_root", "/srv");
	assert_value(&f, "request_filename", "/srv/a/b");
	assert_value(&f, "host", "a.example");
	assert_value(&f, "server_name", "first.example");
	assert_value(&f, "server_protocol", "HTTP/1.1");
	assert_value(&f, "request_length", "123");
	assert_value(&f, "scheme", "http");
	assert_value(&f, "https", "");
	assert_value(&f, "remote_addr", "192.0.2.1");
	assert_value(&f, "remote_port", "5000");
	assert_value(&f, "server_addr", "127.0.0.1");
	assert_value(&f, "server_port", "80");
	assert_true(span_eq(value(&f, "binary_remote_addr"), SPAN("\xc0\x00\x02\x01")));
	assert_value(&f, "connection", "7");
	assert_value(&f, "connection_requests", "3");
	assert_value(&f, "pid", "4711");
	assert_value(&f, "nginx_version", "1.31.4");
	assert_value(&f, "request_completion", "");
	f.request.complete = true;
	assert_value(&f, "request_completion", "OK");
	f.request.host = SPAN("");
	assert_value(&f, "host", "first.example");
	f.request.http_minor = 0;
	assert_value(&f, "server_protocol", "HTTP/1.0");
	fake_release(&f);
}

static void
empty_is_not_nothing(void **state)
{
	static const char *const targets[] = { "/", "/?" };
	struct fake f;

	for (size_t i = 0; i < COUNT(targets); i++) {
		fake_init(&f, "GET", targets[i]);
		assert_none(&f, "args");
		assert_value(&f, "is_args", "");
		assert_non_null(value(&f, "is_args").p);
		assert_value(&f, "status", "000");
		fake_release(&f);
	}
	fake_init(&f, "GET", "/?a=");
	assert_non_null(value(&f, "arg_a").p);
	assert_value(&f, "arg_a", "");
	fake_header(&f, "X-Forwarded-For", "");
	assert_value(&f, "proxy_add_x_forwarded_for", ", 192.0.2.1");
	fake_release(&f);
}

static void
fields_and_cookies(void **state)
{
	struct fake f;

	fake_init(&f, "POST", "/");
	fake_header(&f, "User-Agent", "curl");
	fake_header(&f, "X-Forwarded-For", "198.51.100.1");
	fake_header(&f, "X-Forwarded-For", "198.51.100.2");
	fake_header(&f, "Content-Type", "a/b");
	fake_header(&f, "Content-Length", "12");
	fake_header(&f, "Cookie", "a=1; bb = 2 ; empty=; A=3");
	fake_header(&f, "Cookie", "late=x,y; comma=z");
	fake_header(&f, "Authorization", "basic dXNlcjpwYXNzOndvcmQ=");
	assert_value(&f, "http_user_agent", "curl");
	assert_none(&f, "http_referer");
	assert_value(&f, "http_x_forwarded_for", "198.51.100.1, 198.51.100.2");
	assert_value(&f, "proxy_add_x_forwarded_for", "198.51.100.1, 198.51.100.2, 192.0.2.1");
	assert_value(&f, "content_type", "a/b");
	assert_value(&f, "content_length", "12");
	assert_value(&f, "cookie_a", "1");
	assert_value(&f, "cookie_bb", "2 ");
	assert_value(&f, "cookie_empty", "");
	assert_non_null(value(&f, "cookie_empty").p);
	assert_value(&f, "cookie_late", "x,y");
	assert_value(&f, "cookie_comma", "z");
	assert_none(&f, "cookie_none");
	assert_value(&f, "remote_user", "user");
	fake_release(&f);

	fake_init(&f, "GET", "/");
	assert_value(&f, "proxy_add_x_forwarded_for", "192.0.2.1");
	assert_none(&f, "content_length");
	assert_none(&f, "remote_user");
	fake_header(&f, "Authorization", "Bearer dXNlcjpwYXNzOndvcmQ=");
	assert_none(&f, "remote_user");
	fake_release(&f);

	fake_init(&f, "GET", "/");
	fake_header(&f, "Authorization", "Basic OnBhc3M=");
	assert_none(&f, "remote_user");
	fake_release(&f);
}

static void
response(void **state)
{
	struct fake f;

	fake_init(&f, "GET", "/");
	assert_none(&f, "sent_http_content_length");
	f.request.response.status = 404;
	f.request.response.content_type = SPAN("text/x");
	f.request.response.content_length = 5;
	f.request.response.last_modified = 784111777;
	f.request.response.body_bytes = 5;
	f.request.response.wire_bytes = 105;
	header_add(&f.request.response.headers, HEADER_OTHER, SPAN("X-Mine"), SPAN("v"));
	header_add(&f.request.response.trailers, HEADER_OTHER, SPAN("X-Sum"), SPAN("s"));
	assert_value(&f, "status", "404");
	assert_value(&f, "body_bytes_sent", "5");
	assert_value(&f, "bytes_sent", "105");
	assert_value(&f, "sent_http_content_type", "text/x");
	assert_value(&f, "sent_http_content_length", "5");
	assert_value(&f, "sent_http_last_modified", "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_value(&f, "sent_http_x_mine", "v");
	assert_value(&f, "sent_trailer_x_sum", "s");
	assert_none(&f, "sent_http_x_other");
	fake_release(&f);
}

static int64_t
fixed_mono_us(void *arg)
{
	return INT64_C(5000000);
}

static int64_t
fixed_wall_ms(void *arg)
{
	return INT64_C(1795225564042);
}

static void
times(void **state)
{
	static const struct clock_source fixed = { fixed_mono_us, fixed_wall_ms, NULL };
	struct fake f;

	setenv("TZ", "XXX-5:30", 1);
	tzset();
	clock_set_source(&fixed);
	fake_init(&f, "GET", "/");
	f.request.started_ms = 5000 - 12034;
	f.client.started_ms = 5000 - 61001;
	assert_value(&f, "request_time", "12.034");
	assert_value(&f, "connection_time", "61.001");
	assert_value(&f, "msec", "1795225564.042");
	assert_value(&f, "time_local", "21/Nov/2026:07:16:04 +0530");
	assert_value(&f, "time_iso8601", "2026-11-21T07:16:04+05:30");
	fake_release(&f);
	clock_set_source(NULL);
	unsetenv("TZ");
	tzset();
}

static void
the_request_id_stays(void **state)
{
	struct fake f;
	struct span first;

	fake_init(&f, "GET", "/");
	first = value(&f, "request_id");
	assert_int_equal(first.n, 32);
	assert_true(span_eq(first, value(&f, "request_id")));
	fake_release(&f);
	assert_non_null(first.p);
}

static void
upstreams(void **state)
{
	struct upstream_attempt second = { .address = SPAN_INIT("10.0.0.2:80"),
		.status = 200,
		.connect_ms = 0,
		.header_ms = 20,
		.response_ms = 1300,
		.bytes_sent = 50,
		.bytes_received = 70,
		.response_length = 60 };
	struct upstream_attempt first = { .address = SPAN_INIT("10.0.0.1:80"),
		.connect_ms = -1,
		.header_ms = -1,
		.response_ms = 2,
		.next = &second };
	struct upstream_trace trace = { .first = &first,
		.last = &second,
		.host_header = SPAN_INIT("backend"),
		.port = SPAN_INIT("80") };
	struct fake f;

	fake_init(&f, "GET", "/");
	assert_none(&f, "upstream_addr");
	assert_none(&f, "upstream_status");
	assert_none(&f, "proxy_host");
	assert_none(&f, "upstream_cache_status");
	f.request.upstream = &trace;
	assert_value(&f, "upstream_addr", "10.0.0.1:80, 10.0.0.2:80");
	assert_value(&f, "upstream_status", "-, 200");
	assert_value(&f, "upstream_connect_time", "-, 0.000");
	assert_value(&f, "upstream_header_time", "-, 0.020");
	assert_value(&f, "upstream_response_time", "0.002, 1.300");
	assert_value(&f, "upstream_response_length", "0, 60");
	assert_value(&f, "upstream_bytes_received", "0, 70");
	assert_value(&f, "upstream_bytes_sent", "0, 50");
	assert_value(&f, "proxy_host", "backend");
	assert_value(&f, "proxy_port", "80");
	second.redirected = true;
	assert_value(&f, "upstream_addr", "10.0.0.1:80 : 10.0.0.2:80");
	fake_release(&f);
}

static void
without_tls_there_is_nothing_to_say(void **state)
{
	static const char *const names[] = { "ssl_protocol", "ssl_cipher", "ssl_ciphers",
		"ssl_curve", "ssl_curves", "ssl_server_name", "ssl_session_id",
		"ssl_session_reused", "ssl_alpn_protocol" };
	struct fake f;

	fake_init(&f, "GET", "/");
	for (size_t i = 0; i < COUNT(names); i++)
		assert_none(&f, names[i]);
	fake_release(&f);
}

static void
unknown_names_are_refused(void **state)
{
	static const char *const names[] = { "", "nope", "http", "http_", "Args", "ssl_client_nope",
		"request_bodies" };
	struct span arg;

	for (size_t i = 0; i < COUNT(names); i++)
		assert_null(variable_find(&http_variables, span_str(names[i]), &arg));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_and_connection),
		cmocka_unit_test(empty_is_not_nothing),
		cmocka_unit_test(fields_and_cookies),
		cmocka_unit_test(response),
		cmocka_unit_test(times),
		cmocka_unit_test(the_request_id_stays),
		cmocka_unit_test(upstreams),
		cmocka_unit_test(without_tls_there_is_nothing_to_say),
		cmocka_unit_test(unknown_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
