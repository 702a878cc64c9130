/* SPDX-License-Identifier: ISC */
/* directive_upstream: groups of servers. */
#include "tests/unit/proxy/config/loaded.h"

static void
test_values(void **state)
{
	struct loaded *l =
	    load_clean("http { upstream Group { keepalive 8; keepalive_requests 9;\n"
		       "keepalive_timeout 5s; server 127.0.0.1:81 weight=3 max_fails=0\n"
		       "fail_timeout=1m; server two.example backup; server unix:/s down; } }");
	const struct upstream_spec *u = l->snapshot->upstreams[0];

	assert_int_equal(l->snapshot->upstream_count, 1);
	assert_span(u->name, "group");
	assert_false(u->implicit);
	assert_int_equal(u->keepalive, 8);
	assert_int_equal(u->keepalive_requests, 9);
	assert_int_equal(u->keepalive_timeout_ms, 5000);
	assert_int_equal(u->server_count, 3);
	assert_span(u->servers[0].name, "127.0.0.1:81");
	assert_span(u->servers[0].addresses[0].text, "127.0.0.1:81");
	assert_int_equal(u->servers[0].weight, 3);
	assert_int_equal(u->servers[0].max_fails, 0);
	assert_int_equal(u->servers[0].fail_timeout_ms, 60000);
	assert_false(u->servers[0].backup || u->servers[0].down);
	assert_int_equal(u->servers[1].address_count, 2);
	assert_span(u->servers[1].addresses[1].text, "[2001:db8::1]:80");
	assert_int_equal(u->servers[1].max_fails, 1);
	assert_int_equal(u->servers[1].fail_timeout_ms, 10000);
	assert_true(u->servers[1].backup);
	assert_true(u->servers[2].down);
	assert_span(u->servers[2].addresses[0].text, "unix:/s");
	unload(l);

	l = load_clean(
	    "http { upstream a { server 127.0.0.1; keepalive 0; } upstream b { server 127.0.0.1; } }");
	assert_int_equal(l->snapshot->upstreams[0]->keepalive, 0);
	assert_int_equal(l->snapshot->upstreams[1]->keepalive, 32);
	assert_int_equal(l->snapshot->upstreams[1]->keepalive_requests, 1000);
	assert_int_equal(l->snapshot->upstreams[1]->keepalive_timeout_ms, 60000);
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "", "no servers are inside upstream" },
		{ "server;", "invalid number of arguments in \"server\" directive" },
		{ "server { listen 80; }", "a \"server\" block cannot stand in \"upstream\"" },
		{ "server http://127.0.0.1;", "invalid port in upstream \"http://127.0.0.1\"" },
		{ "server 127.0.0.1/x;", "invalid host in upstream \"127.0.0.1/x\"" },
		{ "server 127.0.0.1:99999;", "invalid port in upstream \"127.0.0.1:99999\"" },
		{ "server *:80;", "invalid host in upstream \"*:80\"" },
		{ "server $host;", "variables in \"server\" are not supported yet: \"$host\"" },
		{ "server 127.0.0.1 weight=0;", "invalid parameter \"weight=0\"" },
		{ "server 127.0.0.1 weight=65536;", "invalid parameter \"weight=65536\"" },
		{ "server 127.0.0.1 max_fails=x;", "invalid parameter \"max_fails=x\"" },
		{ "server 127.0.0.1 fail_timeout=5ms;", "invalid parameter \"fail_timeout=5ms\"" },
		{ "server 127.0.0.1 max_conns=-5;", "invalid parameter \"max_conns=-5\"" },
		{ "server localhost resolve;",
		    "no resolver defined for the \"resolve\" in upstream \"u\"" },
		{ "resolver; server 127.0.0.1;",
		    "invalid number of arguments in \"resolver\" directive" },
		{ "resolver valid=1s; server 127.0.0.1;", "no name servers defined" },
		{ "resolver nowhere; server 127.0.0.1;",
		    "invalid address \"nowhere\" in resolver" },
		{ "resolver 127.0.0.1 ipv4=off ipv6=off; server 127.0.0.1;",
		    "\"ipv4\" and \"ipv6\" cannot both be \"off\"" },
		{ "hash; server 127.0.0.1;", "invalid number of arguments in \"hash\" directive" },
		{ "hash $uri ketama; server 127.0.0.1;", "invalid parameter \"ketama\"" },
		{ "random three; server 127.0.0.1;", "invalid parameter \"three\"" },
		{ "random two least_time=header; server 127.0.0.1;",
		    "invalid parameter \"least_time=header\"" },
		{ "ip_hash; server 127.0.0.1; server 127.0.0.2 backup;",
		    "balancing method does not support parameter \"backup\"" },
		{ "zone z; server 127.0.0.1;", "no size is given for the zone \"upstream z\"" },
		{ "zone z 16k; server 127.0.0.1;", "zone \"z\" is too small" },
		{ "zone z x; server 127.0.0.1;", "invalid zone size \"x\"" },
		{ "health_check uri=x; server 127.0.0.1;", "invalid parameter \"uri=x\"" },
		{ "health_check match=200-100; server 127.0.0.1;",
		    "invalid parameter \"match=200-100\"" },
		{ "health_check interval=1ms; server 127.0.0.1;",
		    "invalid parameter \"interval=1ms\"" },
		{ "health_check falls=0; server 127.0.0.1;", "invalid parameter \"falls=0\"" },
		{ "server 127.0.0.1 downn;", "invalid parameter \"downn\"" },
		{ "server 127.0.0.1; keepalive x;", "\"keepalive\" directive invalid number" },
		{ "server 127.0.0.1; keepalive_requests 0;",
		    "\"keepalive_requests\" directive invalid number" },
		{ "server 127.0.0.1; keepalive_timeout x;",
		    "\"keepalive_timeout\" directive invalid value" },
		{ "server 127.0.0.1; proxy_pass x;",
		    "\"proxy_pass\" directive is not allowed here" },
	};
	static const struct refusal in_http[] = {
		{ "upstream a { server 127.0.0.1; } upstream A { server 127.0.0.1; }",
		    "duplicate upstream \"a\"" },
		{ "upstream { server 127.0.0.1; }",
		    "invalid number of arguments in \"upstream\" directive" },
		{ "upstream \"\" { server 127.0.0.1; }", "\"upstream\" directive invalid value" },
	};

	check_refusals("http { upstream u { ", " } }", rows, COUNT(rows));
	check_refusals("http { ", " }", in_http, COUNT(in_http));
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
