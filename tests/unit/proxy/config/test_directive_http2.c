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
		{ "http2_push_preload;",
		    "invalid number of arguments in \"http2_push_preload\" directive" },
	};
	static const struct refusal in_location[] = {
		{ "http2 on;", "\"http2\" directive is not allowed here" },
	};

	check_refusals("http { ", " }", rows, COUNT(rows));
	check_refusals("http { server { location / { ", " } } }", in_location, COUNT(in_location));
}

/* As nginx: what it gave up is taken and said to be. */
static void
test_obsolete(void **state)
{
	struct loaded *l =
	    load("http { http2_idle_timeout 3m; http2_push_preload on; server { } }");

	assert_non_null(l->snapshot);
	assert_said(l,
	    "[warn] the \"http2_idle_timeout\" directive is obsolete, use the \"keepalive_timeout\" directive "
	    "instead in /etc/t/t.conf:1\n"
	    "[warn] the \"http2_push_preload\" directive is obsolete, ignored in /etc/t/t.conf:1\n");
	unload(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_obsolete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
