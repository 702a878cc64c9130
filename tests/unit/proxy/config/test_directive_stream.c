/* SPDX-License-Identifier: ISC */
/* directive_stream: servers that pass bytes on, and names that are not http's. */
#include "tests/unit/proxy/config/loaded.h"

static void
test_defaults(void **state)
{
	struct loaded *l = load_clean("stream { server { listen 1; proxy_pass 127.0.0.1:2; } }");
	const struct server *server = l->snapshot->servers[0];
	const struct stream_settings *s = server->stream->settings;

	assert_true(l->snapshot->listeners[0].endpoints[0].stream);
	assert_int_equal(s->preread_timeout_ms, 30000);
	assert_int_equal(s->proxy_header_timeout_ms, 30000);
	assert_int_equal(s->preread_buffer_size, 16384);
	assert_false(s->ssl_preread);
	assert_true(s->tcp_nodelay);
	assert_int_equal(s->connect_timeout_ms, 60000);
	assert_int_equal(s->timeout_ms, 600000);
	assert_false(s->half_close);
	assert_int_equal(s->buffer_size, 16384);
	assert_true(s->next_upstream);
	assert_int_equal(server->location_settings->proxy.proxy_protocol, 0);
	assert_null(server->location_settings->access_logs);
	assert_span(server->stream->upstream->name, "127.0.0.1:2");
	assert_int_equal(server->name_count, 1);
	unload(l);
}

static void
test_values_and_inheritance(void **state)
{
	struct loaded *l = load_clean(
	    "stream { proxy_timeout 5s; ssl_preread on; proxy_protocol v2;\n"
	    "server { listen 1; pass 127.0.0.1:9; }\n"
	    "server { listen 2; return $status; proxy_timeout 6s; ssl_preread off;\n"
	    "proxy_protocol on; proxy_half_close on; preread_buffer_size 64k; preread_timeout 1s;\n"
	    "proxy_protocol_timeout 7s;\n"
	    "tcp_nodelay off; proxy_connect_timeout 2s; proxy_next_upstream off;\n"
	    "proxy_next_upstream_tries 3; proxy_next_upstream_timeout 4s; proxy_buffer_size 4k;\n"
	    "proxy_upload_rate 1k; proxy_download_rate $status; server_name A.example; } }");
	const struct stream_settings *a = l->snapshot->servers[0]->stream->settings;
	const struct stream_settings *b = l->snapshot->servers[1]->stream->settings;

	assert_int_equal(a->timeout_ms, 5000);
	assert_true(a->ssl_preread);
	assert_int_equal(l->snapshot->servers[0]->location_settings->proxy.proxy_protocol, 2);
	assert_int_equal(b->timeout_ms, 6000);
	assert_false(b->ssl_preread);
	assert_int_equal(l->snapshot->servers[1]->location_settings->proxy.proxy_protocol, 1);
	assert_true(b->half_close);
	assert_int_equal(b->preread_buffer_size, 65536);
	assert_int_equal(b->preread_timeout_ms, 1000);
	assert_int_equal(b->proxy_header_timeout_ms, 7000);
	assert_false(b->tcp_nodelay);
	assert_int_equal(b->connect_timeout_ms, 2000);
	assert_false(b->next_upstream);
	assert_int_equal(b->next_upstream_tries, 3);
	assert_int_equal(b->next_upstream_timeout_ms, 4000);
	assert_int_equal(b->buffer_size, 4096);
	assert_non_null(b->upload_rate);
	assert_non_null(b->download_rate);
	assert_span(l->snapshot->servers[1]->names[0], "a.example");
	unload(l);
}

/* The same names mean other things on the other side. */
static void
test_names_are_apart(void **state)
{
	struct loaded *l = load_clean(
	    "http { upstream x { server 127.0.0.1:80; } log_format f a; map $host $y { default 1; }\n"
	    "server { listen 1; location / { proxy_pass http://x; } } }\n"
	    "stream { upstream x { server 127.0.0.2:90; } log_format f b; map $status $y { default 2; }\n"
	    "server { listen 2; proxy_pass x; access_log /l f; }\n"
	    "server { listen 3; proxy_pass $y; } }");
	const struct snapshot *s = l->snapshot;

	assert_span(snapshot_upstream(s, SPAN("x"))->servers[0].name, "127.0.0.1:80");
	assert_span(snapshot_stream_upstream(s, SPAN("x"))->servers[0].name, "127.0.0.2:90");
	assert_ptr_equal(s->servers[1]->stream->upstream, snapshot_stream_upstream(s, SPAN("x")));
	assert_span(s->servers[1]->location_settings->access_logs->format->source, "b");
	assert_null(s->servers[2]->stream->upstream);
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "server { listen 1; }", "no handler for server" },
		{ "server { return x; }", "no \"listen\" is defined for server" },
		{ "server { listen 127.0.0.1; return x; }",
		    "no port in \"127.0.0.1\" of the \"listen\" directive" },
		{ "server { listen 1 udp; return x; }", "invalid parameter \"udp\"" },
		{ "server { listen 1 http2; return x; }", "invalid parameter \"http2\"" },
		{ "server { listen 1; return x; pass 127.0.0.1:2; }",
		    "\"pass\" directive is duplicate: the server has another handler" },
		{ "server { listen 1; pass a.example; }",
		    "no port in \"a.example\" of the \"pass\" directive" },
		{ "server { listen 1; pass a.example:1; }",
		    "no address in \"a.example:1\" of the \"pass\" directive" },
		{ "server { listen 1; proxy_pass 127.0.0.1; }",
		    "no port in upstream \"127.0.0.1\"" },
		{ "server { listen 1; proxy_pass http://127.0.0.1:1; }",
		    "invalid host in upstream \"http://127.0.0.1:1\"" },
		{ "upstream u { server 127.0.0.1; }", "no port in upstream \"127.0.0.1\"" },
		{ "server { listen 1; return x; location / { } }",
		    "\"location\" directive is not allowed here" },
		{ "server { listen 1; return x; access_log /l; }",
		    "unknown log format \"combined\"" },
		{ "server { listen 1; return x; access_log /$status.log combined; }",
		    "variables in the name of an \"access_log\" of \"stream\" are not supported" },
		{ "server { listen 1; return x; preread_buffer_size 65k; }",
		    "\"preread_buffer_size\" directive invalid value" },
		{ "server { listen 1; return x; proxy_upload_rate fast; }",
		    "\"proxy_upload_rate\" directive invalid value" },
		{ "server { listen 1; return x; proxy_download_rate 1x; }",
		    "\"proxy_download_rate\" directive invalid value" },
		{ "server { listen 1; return x; proxy_protocol v3; }",
		    "invalid value \"v3\" in \"proxy_protocol\" directive" },
		{ "server { listen 1; return $nosuch; }", "unknown \"nosuch\" variable" },
		{ "server { listen 1 ssl; return x; }",
		    "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive" },
	};

	check_refusals("stream { ", " }", rows, COUNT(rows));
}

static void
test_one_address_serves_one_kind(void **state)
{
	struct loaded *l = load("http { server { listen 1; } }\n"
				"stream { server { listen 1; return x; } }");

	assert_non_null(strstr(said(l),
	    "\"0.0.0.0:1\" is listened on by servers of \"http\" and of \"stream\""));
	unload(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values_and_inheritance),
		cmocka_unit_test(test_names_are_apart),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_one_address_serves_one_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
