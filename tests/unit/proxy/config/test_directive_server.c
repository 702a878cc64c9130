/* SPDX-License-Identifier: ISC */
/* directive_server, directive_listen, endpoint: names, addresses, and who answers where. */
#include "proxy/config/route.h"
#include "tests/unit/proxy/config/loaded.h"

#include <arpa/inet.h>

static void
test_names(void **state)
{
	struct loaded *l =
	    load_clean("http { server { server_name A.Example *.B; server_name .c \"\" _; } }");
	const struct server *s = l->snapshot->servers[0];
	static const char *const expected[] = { "a.example", "*.b", ".c", "", "_" };

	assert_int_equal(s->name_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_span(s->names[i], expected[i]);
	unload(l);

	l = load_clean("http { server { server_name $hostname; } }");
	assert_true(l->snapshot->servers[0]->names[0].n > 0);
	unload(l);
}

static void
test_name_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "server_name ~;", "empty regex in server name \"~\"" },
		{ "server_name ~(a;",
		    "pcre2_compile() failed: missing closing parenthesis in \"(a\" at \"\"" },
		{ "server_name a.*.b;", "invalid server name or wildcard \"a.*.b\"" },
		{ "server_name a*.b;", "invalid server name or wildcard \"a*.b\"" },
		{ "server_name *.*;", "invalid server name or wildcard \"*.*\"" },
		{ "server_name a..b;", "invalid server name or wildcard \"a..b\"" },
		{ "server_name *.;", "invalid server name or wildcard \"*.\"" },
		{ "server_name *;", "server name \"*\" is invalid" },
		{ "server_name *a;", "server name \"*a\" is invalid" },
		{ "server_name .;", "server name \".\" is invalid" },
		{ "server_name $x;", "variables in \"server_name\" are not supported yet: \"$x\"" },
	};

	check_refusals("http { server { ", " } }", rows, COUNT(rows));
}

/* The listener whose address has this text. */
static const struct listener *
listener(const struct loaded *l, const char *text)
{
	for (size_t i = 0; i < l->snapshot->listener_count; i++) {
		assert_int_equal(l->snapshot->listeners[i].index, i);
		if (span_eq(l->snapshot->listeners[i].address.text, span_str(text)))
			return &l->snapshot->listeners[i];
	}
	fail_msg("no listener on %s", text);
	return NULL;
}

static void
test_listen_forms(void **state)
{
	struct loaded *l = load_clean(
	    "http { server { listen 81; listen *:82; listen 127.0.0.1; listen 127.0.0.2:83;\n"
	    "listen [::1]; listen [::]:84 ipv6only=off backlog=9; listen unix:/s;\n"
	    "listen two.example:85; } }");

	assert_int_equal(l->snapshot->listener_count, 9);
	listener(l, "0.0.0.0:81");
	listener(l, "0.0.0.0:82");
	listener(l, "127.0.0.1:80");
	listener(l, "127.0.0.2:83");
	assert_true(listener(l, "[::1]:80")->ipv6only);
	assert_int_equal(listener(l, "[::1]:80")->options.backlog, 511);
	assert_false(listener(l, "[::]:84")->ipv6only);
	assert_int_equal(listener(l, "[::]:84")->options.backlog, 9);
	assert_int_equal(listener(l, "unix:/s")->address.u.sa.sa_family, AF_UNIX);
	listener(l, "192.0.2.1:85");
	listener(l, "[2001:db8::1]:85");
	unload(l);

	l = load_clean("http { server { } }");
	listener(l, "0.0.0.0:80");
	unload(l);
}

static void
test_listen_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "listen 0;", "invalid port in \"0\" of the \"listen\" directive" },
		{ "listen 65536;", "invalid port in \"65536\" of the \"listen\" directive" },
		{ "listen a:x;", "invalid port in \"a:x\" of the \"listen\" directive" },
		{ "listen http://a/;",
		    "invalid port in \"http://a/\" of the \"listen\" directive" },
		{ "listen [::1;", "invalid host in \"[::1\" of the \"listen\" directive" },
		{ "listen [x];", "invalid IPv6 address in \"[x]\" of the \"listen\" directive" },
		{ "listen :80;", "no host in \":80\" of the \"listen\" directive" },
		{ "listen unix:;",
		    "no path in the unix domain socket in \"unix:\" of the \"listen\" directive" },
		{ "listen nosuch.example:80;",
		    "host not found in \"nosuch.example:80\" of the \"listen\" directive" },
		{ "listen 80 reuseport=1;", "invalid parameter \"reuseport=1\"" },
		{ "listen 80 so_keepalive=::;", "invalid so_keepalive value: \"::\"" },
		{ "listen 80 so_keepalive=1:2:3:4;", "invalid so_keepalive value: \"1:2:3:4\"" },
		{ "listen 80 so_keepalive=:0:;", "invalid so_keepalive value: \":0:\"" },
		{ "listen 80 rcvbuf=0;", "invalid rcvbuf \"0\"" },
		{ "listen 80 sndbuf=9x;", "invalid sndbuf \"9x\"" },
		{ "listen 80 bakclog=5;", "invalid parameter \"bakclog=5\"" },
		{ "listen 80 backlog=0;", "invalid backlog \"0\"" },
		{ "listen 80 backlog=x;", "invalid backlog \"x\"" },
		{ "listen [::]:80 ipv6only=x;", "invalid ipv6only flags \"x\"" },
		{ "listen 80 ipv6only=on;", "ipv6only is not supported on addr \"0.0.0.0:80\"" },
		{ "listen 80; listen *:80;", "a duplicate listen 0.0.0.0:80" },
		{ "listen 443 ssl;",
		    "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive" },
		{ "listen 80; listen 127.0.0.1:80 backlog=5;",
		    "\"127.0.0.1:80\" has no socket of its own to set options on" },
	};
	static const struct refusal pairs[] = {
		{ "server { listen 80 default_server; } server { server_name b; listen 80 default; }",
		    "a duplicate default server for 0.0.0.0:80" },
		{ "server { listen 80 backlog=5; } server { server_name b; listen 80 backlog=5; }",
		    "duplicate listen options for 0.0.0.0:80" },
	};

	check_refusals("http { server { ", " } }", rows, COUNT(rows));
	check_refusals("http { ", " }", pairs, COUNT(pairs));
}

static const struct server *
answering(const struct listener *l, const char *local, const char *host)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	assert_int_equal(inet_pton(AF_INET, local, &in.sin_addr), 1);
	return route_server(route_endpoint(l, (struct sockaddr *)&in), span_str(host), NULL);
}

/*
 * A wildcard takes the connections of the specific addresses on its port; each keeps its own
 * servers.
 */
static void
test_endpoints(void **state)
{
	struct loaded *l =
	    load_clean("http {\n"
		       " server { listen 127.0.0.1:80; server_name a; }\n"
		       " server { listen 80; server_name b; }\n"
		       " server { listen 80 default_server; listen 127.0.0.2:80; server_name c; }\n"
		       " server { listen 127.0.0.1:81; server_name d; }\n"
		       "}");
	struct server *const *s = l->snapshot->servers;
	const struct listener *any = listener(l, "0.0.0.0:80");

	assert_int_equal(l->snapshot->listener_count, 2);
	assert_int_equal(any->endpoint_count, 3);
	assert_ptr_equal(answering(any, "127.0.0.1", "a"), s[0]);
	assert_ptr_equal(answering(any, "127.0.0.1", "b"), s[0]);
	assert_ptr_equal(answering(any, "127.0.0.2", "b"), s[2]);
	assert_ptr_equal(answering(any, "10.0.0.1", "b"), s[1]);
	assert_ptr_equal(answering(any, "10.0.0.1", "a"), s[2]);
	assert_ptr_equal(answering(listener(l, "127.0.0.1:81"), "127.0.0.1", "x"), s[3]);
	unload(l);
}

/* Addresses with the same servers share one table of names. */
static void
test_shared_names(void **state)
{
	struct loaded *l = load_clean("http { server { listen 80; listen 81; server_name a; }\n"
				      "server { listen 80; listen 81; server_name b; }\n"
				      "server { listen 82; server_name c; } }");
	const struct listener *ls = l->snapshot->listeners;

	assert_ptr_equal(ls[0].endpoints->names, ls[1].endpoints->names);
	assert_ptr_not_equal(ls[1].endpoints->names, ls[2].endpoints->names);
	unload(l);
}

static void
test_warnings(void **state)
{
	struct loaded *l = load("http {\n"
				"server { listen 80; server_name a b; }\n"
				"server { listen 80; server_name b c; }\n"
				"server { listen 81; server_name http://d/; }\n"
				"}");

	assert_non_null(l->snapshot);
	assert_said(l,
	    "[warn] conflicting server name \"b\" on 0.0.0.0:80, ignored in /etc/t/t.conf:3\n"
	    "[warn] server name \"http://d/\" has suspicious symbols in /etc/t/t.conf:4: a name is written "
	    "without scheme, port and path\n");
	unload(l);

	l = load("http { ssl_certificate c; ssl_certificate_key k;\n"
		 "server { listen 443 ssl; server_name a; }\n"
		 "server { listen 443; server_name b; }\n"
		 "}");
	assert_non_null(l->snapshot);
	assert_true(l->snapshot->listeners[0].endpoints[0].tls);
	assert_said(l,
	    "[warn] protocol options redefined for 0.0.0.0:443 in /etc/t/t.conf:3: \"ssl\" on one server's "
	    "listen holds for all servers of the address\n");
	unload(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_refusals),
		cmocka_unit_test(test_listen_forms),
		cmocka_unit_test(test_listen_refusals),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_shared_names),
		cmocka_unit_test(test_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
