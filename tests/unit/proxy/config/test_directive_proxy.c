/* SPDX-License-Identifier: ISC */
/* directive_proxy: where requests go and what goes with them. */
#include "proxy/config/route.h"
#include "tests/unit/proxy/config/loaded.h"

static const struct proxy_target *
target(const struct loaded *l, const char *uri)
{
	return loaded_location(l, uri)->proxy;
}

static void
test_targets(void **state)
{
	static const struct {
		const char *url, *upstream, *host_header, *port, *uri; /* uri NULL: none */
	} rows[] = {
		{ "http://127.0.0.1", "127.0.0.1:80", "127.0.0.1", "80", NULL },
		{ "http://127.0.0.1:80/", "127.0.0.1:80", "127.0.0.1", "80", "/" },
		{ "HTTP://127.0.0.1:8080/a/b", "127.0.0.1:8080", "127.0.0.1:8080", "8080", "/a/b" },
		{ "http://[::1]", "[::1]:80", "[::1]", "80", NULL },
		{ "http://[::1]:80", "[::1]:80", "[::1]", "80", NULL },
		{ "http://[::1]:81/x", "[::1]:81", "[::1]:81", "81", "/x" },
		{ "http://one.example:81", "one.example:81", "one.example:81", "81", NULL },
		{ "http://One.Example", "one.example:80", "One.Example", "80", NULL },
		{ "http://unix:/run/App", "unix:/run/App", "localhost", "", NULL },
		{ "http://unix:/run/app:/x", "unix:/run/app", "localhost", "", "/x" },
		{ "http://Group", "group", "Group", "80", NULL },
		{ "http://group/y", "group", "group", "80", "/y" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = mem_printf("http { server { location / { proxy_pass %s; } }\n"
					"upstream group { server 127.0.0.1; } }",
		    rows[i].url);
		struct loaded *l = load_clean(text);
		const struct proxy_target *t = target(l, "/");

		assert_span(t->upstream->name, rows[i].upstream);
		assert_int_equal(t->upstream->implicit, !span_eq(t->upstream->name, SPAN("group")));
		assert_span(t->host_header, rows[i].host_header);
		assert_span(t->port, rows[i].port);
		assert_int_equal(t->has_uri, rows[i].uri != NULL);
		assert_span(t->uri, rows[i].uri ? rows[i].uri : "");
		assert_false(t->tls);
		unload(l);
		free(text);
	}
}

/* One implicit group per host and port, whatever the URI. */
static void
test_implicit_groups_are_shared(void **state)
{
	struct loaded *l =
	    load_clean("http { server { location /a { proxy_pass http://two.example/x; }\n"
		       "location /b { proxy_pass http://TWO.example:80; }\n"
		       "location /c { proxy_pass http://two.example:81; } } }");
	const struct upstream_spec *u = target(l, "/a")->upstream;

	assert_int_equal(l->snapshot->upstream_count, 2);
	assert_ptr_equal(target(l, "/b")->upstream, u);
	assert_ptr_not_equal(target(l, "/c")->upstream, u);
	assert_int_equal(u->server_count, 1);
	assert_int_equal(u->servers[0].address_count, 2);
	assert_span(u->servers[0].addresses[0].text, "192.0.2.1:80");
	assert_span(u->servers[0].addresses[1].text, "[2001:db8::1]:80");
	assert_int_equal(u->servers[0].weight, 1);
	assert_int_equal(u->keepalive, 32);
	assert_ptr_equal(l->snapshot->upstreams[u->index], u);
	unload(l);
}

static void
test_unresolved_is_a_warning(void **state)
{
	struct loaded *l =
	    load("http { server { location / { proxy_pass http://nosuch.example; } } }");

	assert_non_null(l->snapshot);
	assert_int_equal(target(l, "/")->upstream->servers[0].address_count, 0);
	assert_said(l,
	    "[warn] host not found in upstream \"nosuch.example:80\" in /etc/t/t.conf:1: requests for it are "
	    "answered with 502 until a reload finds it\n");
	unload(l);
}

static void
test_settings(void **state)
{
	struct loaded *l = load_clean(
	    "http { proxy_set_header Host $host; proxy_set_header X \"\";\n"
	    "proxy_connect_timeout 1; proxy_send_timeout 2; proxy_read_timeout 3;\n"
	    "proxy_buffer_size 8k; proxy_http_version 1.0; proxy_redirect off;\n"
	    "server { location /a { proxy_http_version 1.1; proxy_redirect default; } } }");
	const struct proxy_settings *p = &l->snapshot->servers[0]->location_settings->proxy;
	const struct location *a = loaded_location(l, "/a");

	assert_span(p->set_headers->name, "Host");
	assert_span(p->set_headers->next->name, "X");
	assert_int_equal(p->set_headers->next->value->count, 0);
	assert_int_equal(p->connect_timeout_ms, 1000);
	assert_int_equal(p->send_timeout_ms, 2000);
	assert_int_equal(p->read_timeout_ms, 3000);
	assert_int_equal(p->buffer_size, 8192);
	assert_true(p->http_1_0);
	assert_true(p->redirect_off);
	assert_false(a->settings->proxy.http_1_0);
	assert_false(a->settings->proxy.redirect_off);
	assert_null(a->settings->proxy.redirects->to);
	assert_int_equal(a->settings->proxy.read_timeout_ms, 3000);
	unload(l);
}

static void
test_hidden_headers(void **state)
{
	struct loaded *l = load_clean("http { proxy_hide_header X-A; proxy_hide_header X-B;\n"
				      "proxy_pass_header server; proxy_pass_header X-B;\n"
				      "server { location /own { proxy_hide_header X-C; } } }");
	const struct proxy_settings *p = &l->snapshot->servers[0]->location_settings->proxy;
	const struct proxy_settings *own = &loaded_location(l, "/own")->settings->proxy;

	assert_true(proxy_settings_hide(p, SPAN("x-a"), false));
	assert_false(proxy_settings_hide(p, SPAN("x-b"), true));
	assert_false(proxy_settings_hide(p, SPAN("Server"), true));
	assert_true(proxy_settings_hide(p, SPAN("date"), true));
	assert_false(proxy_settings_hide(p, SPAN("x-c"), false));
	assert_true(proxy_settings_hide(own, SPAN("X-C"), false));
	assert_false(proxy_settings_hide(own, SPAN("X-A"), false));
	assert_false(proxy_settings_hide(own, SPAN("Server"), true));
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "proxy_pass 127.0.0.1;", "invalid URL prefix in \"127.0.0.1\"" },
		{ "proxy_pass ftp://a;", "invalid URL prefix in \"ftp://a\"" },
		{ "proxy_pass https://;", "no host in upstream \"\"" },
		{ "proxy_pass https://127.0.0.1; proxy_ssl_verify on;",
		    "no \"proxy_ssl_trusted_certificate\" for \"proxy_ssl_verify\"" },
		{ "proxy_pass http://$host; proxy_ssl_verify on;",
		    "no \"proxy_ssl_trusted_certificate\" for \"proxy_ssl_verify\"" },
		{ "proxy_pass https://127.0.0.1; proxy_ssl_certificate a.crt;",
		    "no \"proxy_ssl_certificate_key\" is defined for certificate \"/etc/t/a.crt\"" },
		{ "proxy_ssl_certificate $host.crt;",
		    "variables in \"proxy_ssl_certificate\" are not supported yet: \"$host.crt\"" },
		{ "proxy_ssl_certificate_key engine:x;",
		    "\"engine:x\" in \"proxy_ssl_certificate_key\" is not supported: a path is" },
		{ "proxy_ssl_trusted_certificate nosuch.pem;",
		    "cannot load certificates: cannot open /etc/t/nosuch.pem" },
		{ "proxy_ssl_crl nosuch.pem;",
		    "cannot load revocation lists: cannot open /etc/t/nosuch.pem" },
		{ "proxy_ssl_protocols SSLv3;", "\"SSLv3\" is broken and not supported" },
		{ "proxy_pass https://127.0.0.1; proxy_ssl_protocols TLSv1;",
		    "TLS 1.0 and 1.1 need OpenSSL's security level 0" },
		{ "proxy_ssl_ciphers nosuch;", "no cipher of \"nosuch\" is known" },
		{ "proxy_ssl_server_name maybe;",
		    "invalid value \"maybe\" in \"proxy_ssl_server_name\" directive, it must be \"on\" or \"off\"" },
		{ "proxy_ssl_verify_depth x;",
		    "\"proxy_ssl_verify_depth\" directive invalid number" },
		{ "proxy_ssl_name $nosuch;", "unknown \"nosuch\" variable" },
		{ "proxy_pass http://$nosuch;", "unknown \"nosuch\" variable" },
		{ "proxy_pass http://;", "no host in upstream \"\"" },
		{ "proxy_pass http:///x;", "no host in upstream \"\"" },
		{ "proxy_pass http://127.0.0.1:x;", "invalid port in upstream \"127.0.0.1:x\"" },
		{ "proxy_pass http://127.0.0.1:0;", "invalid port in upstream \"127.0.0.1:0\"" },
		{ "proxy_pass http://unix:;",
		    "no path in the unix domain socket in upstream \"unix:\"" },
		{ "proxy_pass http://127.0.0.1?x;", "invalid URI in \"http://127.0.0.1?x\"" },
		{ "proxy_pass http://unix:/s:x;", "invalid URI in \"http://unix:/s:x\"" },
		{ "proxy_pass http://127.0.0.1; proxy_pass http://127.0.0.1;",
		    "\"proxy_pass\" directive is duplicate" },
		{ "proxy_set_header A;",
		    "invalid number of arguments in \"proxy_set_header\" directive" },
		{ "proxy_set_header \"A B\" c;",
		    "invalid header name \"A B\" in \"proxy_set_header\" directive" },
		{ "proxy_set_header A \"\\n\";",
		    "control character in the value of \"proxy_set_header\" directive" },
		{ "proxy_set_header A $nosuch;", "unknown \"nosuch\" variable" },
		{ "proxy_http_version 2;",
		    "invalid value \"2\" in \"proxy_http_version\" directive" },
		{ "proxy_redirect on;", "invalid parameter \"on\"" },
		{ "proxy_redirect http://a/ /; proxy_redirect off;",
		    "\"proxy_redirect\" directive is duplicate" },
		{ "proxy_redirect off; proxy_redirect http://a/ /;",
		    "\"proxy_redirect\" directive is duplicate" },
		{ "proxy_redirect http://a/ $nosuch;", "unknown \"nosuch\" variable" },
		{ "proxy_cookie_domain a;", "invalid parameter \"a\"" },
		{ "proxy_cookie_path off; proxy_cookie_path off x y;",
		    "invalid number of arguments in \"proxy_cookie_path\" directive" },
		{ "proxy_ignore_headers X-Accel-Redirect X-Nosuch;",
		    "invalid value \"X-Nosuch\" in \"proxy_ignore_headers\" directive" },
		{ "proxy_intercept_errors 1;",
		    "invalid value \"1\" in \"proxy_intercept_errors\" directive, "
		    "it must be \"on\" or \"off\"" },
		{ "proxy_buffers 1 4k;", "there must be at least 2 \"proxy_buffers\"" },
		{ "proxy_busy_buffers_size 4k; proxy_buffer_size 8k;",
		    "\"proxy_busy_buffers_size\" "
		    "must be equal to or greater than the maximum of the value of "
		    "\"proxy_buffer_size\" and one of the \"proxy_buffers\"" },
		{ "proxy_busy_buffers_size 32k;",
		    "\"proxy_busy_buffers_size\" must be less than the size of all "
		    "\"proxy_buffers\" minus one buffer" },
		{ "proxy_temp_file_write_size 1k;",
		    "\"proxy_temp_file_write_size\" "
		    "must be equal to or greater than the maximum of the value of "
		    "\"proxy_buffer_size\" and one of the \"proxy_buffers\"" },
		{ "proxy_max_temp_file_size 1k;",
		    "\"proxy_max_temp_file_size\" must be equal to zero to disable "
		    "temporary files usage or "
		    "be equal to or greater than the maximum of the value of "
		    "\"proxy_buffer_size\" and one of the \"proxy_buffers\"" },
		{ "proxy_bind nowhere;", "invalid address \"nowhere\"" },
		{ "proxy_bind $remote_addr transparent;",
		    "\"transparent\" in \"proxy_bind\" is not supported" },
		{ "client_body_temp_path /x 4;", "invalid value \"4\"" },
		{ "client_body_in_file_only maybe;",
		    "invalid value \"maybe\" in \"client_body_in_file_only\" directive" },
		{ "proxy_buffer_size 255;", "\"proxy_buffer_size\" directive invalid value" },
		{ "proxy_buffer_size 17m;", "\"proxy_buffer_size\" directive invalid value" },
		{ "proxy_read_timeout x;", "\"proxy_read_timeout\" directive invalid value" },
		{ "proxy_hide_header \"\";",
		    "invalid header name \"\" in \"proxy_hide_header\" directive" },
	};
	static const struct refusal in_http[] = {
		{ "server { proxy_pass http://127.0.0.1; }",
		    "\"proxy_pass\" directive is not allowed here" },
		{ "upstream b { server 127.0.0.1; } server { location / { proxy_pass http://B:81; } }",
		    "upstream \"B\" may not have port 81" },
	};

	check_refusals("http { server { location /l/ { ", " } } }", rows, COUNT(rows));
	check_refusals("http { ", " }", in_http, COUNT(in_http));
}

/* Cases said in several lines add up; "off" rules them out. */
static void
test_cases_said_twice(void **state)
{
	struct loaded *l = load_clean(
	    "http { proxy_next_upstream http_500; proxy_ignore_headers Vary; server {\n"
	    "location /a { proxy_next_upstream error; proxy_next_upstream http_404;\n"
	    "proxy_ignore_headers X-Accel-Redirect; proxy_ignore_headers X-Accel-Buffering; }\n"
	    "location /b { proxy_next_upstream off; proxy_next_upstream timeout; } } }");
	const struct proxy_settings *p = &loaded_location(l, "/a")->settings->proxy;

	assert_int_equal(p->next_upstream, NEXT_ERROR | NEXT_HTTP_404);
	assert_int_equal(p->ignore, ACCEL_REDIRECT | ACCEL_BUFFERING);
	p = &loaded_location(l, "/b")->settings->proxy;
	assert_int_equal(p->next_upstream, NEXT_OFF);
	unload(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases_said_twice),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_implicit_groups_are_shared),
		cmocka_unit_test(test_unresolved_is_a_warning),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_hidden_headers),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
