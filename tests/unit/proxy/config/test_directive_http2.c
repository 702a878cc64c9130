/* SPDX-License-Identifier: ISC */
/* directive_http2: what HTTP/2 is told. */
#include "tests/unit/proxy/config/loaded.h"

static void
test_values(void **state)
{
	struct loaded *l =
	    load_clean("http { http2_chunk_size 1k; server { listen 1; }\n"
		       "server { listen 2 http2; http2 on; http2_max_concurrent_streams 7;\n"
		       "http2_body_preread_size 0; http2_chunk_size 1m; } }");
	const struct server *server = l->snapshot->servers[0];

	assert_false(server->settings->http2);
	assert_int_equal(server->settings->http2_max_concurrent_streams, 128);
	assert_int_equal(server->settings->http2_body_preread_size, 65536);
	assert_int_equal(server->location_settings->http2_chunk_size, 1024);
	server = l->snapshot->servers[1];
	assert_true(server->settings->http2);
	assert_int_equal(server->settings->http2_max_concurrent_streams, 7);
	assert_int_equal(server->settings->http2_body_preread_size, 0);
	/* As nginx does: what a frame takes. */
	assert_int_equal(server->location_settings->http2_chunk_size, 16384);
	assert_false(l->snapshot->listeners[0].endpoints[0].http2);
	assert_true(l->snapshot->listeners[1].endpoints[0].http2);
	unload(l);
	l = load_clean("http { server { } }");
	assert_int_equal(l->snapshot->servers[0]->location_settings->http2_chunk_size, 8192);
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "http2 maybe;",
		    "invalid value \"maybe\" in \"http2\" directive, it must be \"on\" or \"off\"" },
		{ "http2_max_concurrent_streams 0;",
		    "\"http2_max_concurrent_streams\" directive invalid number" },
		{ "http2_body_preread_size 2g;",
		    "\"http2_body_preread_size\" directive invalid value" },
		{ "http2_chunk_size 0;", "\"http2_chunk_size\" directive cannot be zero" },
		{ "http2_chunk_size x;", "\"http2_chunk_size\" directive invalid value" },
		{ "http2_push on;", "unknown directive \"http2_push\"" },
	};
	static const struct refusal in_location[] = {
		{ "http2 on;", "\"http2\" directive is not allowed here" },
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
