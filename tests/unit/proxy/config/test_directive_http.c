/* SPDX-License-Identifier: ISC */
/* directive_http: limits and time-outs of requests and connections. */
#include "tests/unit/proxy/config/loaded.h"

static void
test_values(void **state)
{
	struct loaded *l =
	    load_clean("http { client_header_timeout 1; client_header_buffer_size 2k;\n"
		       "large_client_header_buffers 8 16k; merge_slashes off;\n"
		       "underscores_in_headers on; ignore_invalid_headers off;\n"
		       "client_body_timeout 2; send_timeout 3ms; keepalive_timeout 65 60;\n"
		       "keepalive_requests 7; client_max_body_size 2g; server_tokens off;\n"
		       "server { } }");
	const struct server_settings *ss = l->snapshot->servers[0]->settings;
	const struct location_settings *ls = l->snapshot->servers[0]->location_settings;

	assert_int_equal(ss->client_header_timeout_ms, 1000);
	assert_int_equal(ss->client_header_buffer_size, 2048);
	assert_int_equal(ss->large_header_buffer_count, 8);
	assert_int_equal(ss->large_header_buffer_size, 16384);
	assert_false(ss->merge_slashes);
	assert_true(ss->underscores_in_headers);
	assert_false(ss->ignore_invalid_headers);
	assert_int_equal(ls->client_body_timeout_ms, 2000);
	assert_int_equal(ls->send_timeout_ms, 3);
	assert_int_equal(ls->keepalive_timeout_ms, 65000);
	assert_int_equal(ls->keepalive_header_ms, 60000);
	assert_int_equal(ls->keepalive_requests, 7);
	assert_int_equal(ls->client_max_body_size, 2LL << 30);
	assert_false(ls->server_tokens);
	unload(l);

	l = load_clean("http { keepalive_timeout 65 60; server { keepalive_timeout 0; } }");
	ls = l->snapshot->servers[0]->location_settings;
	assert_int_equal(ls->keepalive_timeout_ms, 0);
	assert_int_equal(ls->keepalive_header_ms, 0);
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "client_header_timeout x;", "\"client_header_timeout\" directive invalid value" },
		{ "client_header_timeout 1s; client_header_timeout 1s;",
		    "\"client_header_timeout\" directive is duplicate" },
		{ "client_header_buffer_size 127;",
		    "\"client_header_buffer_size\" directive invalid value" },
		{ "client_header_buffer_size 17m;",
		    "\"client_header_buffer_size\" directive invalid value" },
		{ "large_client_header_buffers 0 8k;",
		    "\"large_client_header_buffers\" directive invalid value" },
		{ "large_client_header_buffers 4 511;",
		    "\"large_client_header_buffers\" directive invalid value" },
		{ "large_client_header_buffers 4 17m;",
		    "\"large_client_header_buffers\" directive invalid value" },
		{ "keepalive_timeout x;", "\"keepalive_timeout\" directive invalid value" },
		{ "keepalive_timeout 1 x;", "\"keepalive_timeout\" directive invalid value" },
		{ "keepalive_requests -1;", "\"keepalive_requests\" directive invalid number" },
		{ "client_max_body_size 1t;", "\"client_max_body_size\" directive invalid value" },
		{ "server_tokens build;",
		    "invalid value \"build\" in \"server_tokens\" directive, it must be \"on\" or \"off\"" },
		{ "sendfile yes;",
		    "invalid value \"yes\" in \"sendfile\" directive, it must be \"on\" or \"off\"" },
		{ "aio on;", "unknown directive \"aio\"" },
	};
	static const struct refusal in_location[] = {
		{ "client_header_timeout 1s;",
		    "\"client_header_timeout\" directive is not allowed here" },
		{ "merge_slashes on;", "\"merge_slashes\" directive is not allowed here" },
	};

	check_refusals("http { ", " }", rows, COUNT(rows));
	check_refusals("http { server { location / { ", " } } }", in_location, COUNT(in_location));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
