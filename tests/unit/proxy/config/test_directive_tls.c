/* SPDX-License-Identifier: ISC */
/* directive_tls: certificates in pairs, and settings. */
#include "tests/unit/proxy/config/loaded.h"

static void
test_certificates(void **state)
{
	struct loaded *l =
	    load_clean("http { ssl_certificate top.crt; ssl_certificate_key top.key;\n"
		       "server { listen 443 ssl; }\n"
		       "server { listen 443 ssl; server_name b;\n"
		       " ssl_certificate /r.crt; ssl_certificate /e.crt;\n"
		       " ssl_certificate_key /r.key; ssl_certificate_key /e.key; }\n"
		       "server { listen 443 ssl; server_name c; } }");
	const struct snapshot *s = l->snapshot;

	assert_int_equal(s->certificate_count, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(s->certificates[i]->index, i);
	assert_int_equal(s->servers[0]->certificate_count, 1);
	assert_span(s->servers[0]->certificates[0]->cert_path, "/etc/t/top.crt");
	assert_span(s->servers[0]->certificates[0]->key_path, "/etc/t/top.key");
	assert_int_equal(s->servers[0]->certificates[0]->line, 1);
	assert_int_equal(s->servers[1]->certificate_count, 2);
	assert_span(s->servers[1]->certificates[1]->cert_path, "/e.crt");
	assert_span(s->servers[1]->certificates[1]->key_path, "/e.key");
	assert_ptr_equal(s->servers[2]->certificates[0], s->servers[0]->certificates[0]);
	unload(l);
}

static void
test_settings(void **state)
{
	struct loaded *l = load_clean(
	    "http { ssl_protocols TLSv1 tlsv1.1 TLSv1.2; ssl_ciphers AES128-SHA;\n"
	    "ssl_prefer_server_ciphers on; ssl_session_timeout 1d; ssl_dhparam dh.pem;\n"
	    "server { } server { server_name b; ssl_protocols TLSv1.3; ssl_dhparam /d; } }");
	const struct tls_settings *t = &l->snapshot->servers[0]->settings->tls;

	assert_int_equal(t->protocols, TLS_PROTO_1_0 | TLS_PROTO_1_1 | TLS_PROTO_1_2);
	assert_span(t->ciphers, "AES128-SHA");
	assert_true(t->prefer_server_ciphers);
	assert_int_equal(t->session_timeout_ms, 86400000);
	assert_span(t->dhparam, "/etc/t/dh.pem");
	t = &l->snapshot->servers[1]->settings->tls;
	assert_int_equal(t->protocols, TLS_PROTO_1_3);
	assert_span(t->ciphers, "AES128-SHA");
	assert_span(t->dhparam, "/d");
	assert_int_equal(l->snapshot->dhparam_count, 2);
	unload(l);
}

/* "ssl on" makes every listen of the server a TLS one. */
static void
test_ssl_on(void **state)
{
	struct loaded *l =
	    load("http { ssl_certificate c; ssl_certificate_key k;\n"
		 "server { listen 443; listen 444; ssl on; } server { listen 80; } }");

	assert_non_null(l->snapshot);
	assert_int_equal(l->snapshot->listener_count, 3);
	assert_true(l->snapshot->listeners[0].endpoints->tls);
	assert_true(l->snapshot->listeners[1].endpoints->tls);
	assert_false(l->snapshot->listeners[2].endpoints->tls);
	assert_said(l,
	    "[warn] the \"ssl\" directive is deprecated, use the \"listen ... ssl\" directive instead in "
	    "/etc/t/t.conf:2: write \"listen 443 ssl;\" and \"listen 444 ssl;\" and "
	    "drop \"ssl on;\"\n");
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "ssl_certificate /c;",
		    "no \"ssl_certificate_key\" is defined for certificate \"/c\"" },
		{ "ssl_certificate_key k;",
		    "no \"ssl_certificate\" is defined for key \"/etc/t/k\"" },
		{ "ssl_certificate a; ssl_certificate b; ssl_certificate_key k;",
		    "no \"ssl_certificate_key\" is defined for certificate \"/etc/t/b\"" },
		{ "ssl_certificate \"\";", "\"ssl_certificate\" directive invalid value" },
		{ "ssl_certificate $host;",
		    "variables in \"ssl_certificate\" are not supported yet: \"$host\"" },
		{ "ssl_certificate_key engine:x;",
		    "\"engine:x\" in \"ssl_certificate_key\" is not supported: a path is" },
		{ "ssl_protocols TLSv1.4;",
		    "invalid value \"TLSv1.4\" in \"ssl_protocols\" directive" },
		{ "ssl_protocols SSLv3 TLSv1.2;", "\"SSLv3\" is broken and not supported" },
		{ "ssl_ciphers nonsense;", "no cipher of \"nonsense\" is known" },
		{ "ssl_ciphers $x;", "variables in \"ssl_ciphers\" are not supported yet: \"$x\"" },
		{ "ssl_prefer_server_ciphers x;",
		    "invalid value \"x\" in \"ssl_prefer_server_ciphers\" directive, it must be \"on\" or \"off\"" },
		{ "ssl_session_timeout 5ms;", "\"ssl_session_timeout\" directive invalid value" },
		{ "ssl_dhparam \"\";", "\"ssl_dhparam\" directive invalid value" },
		{ "ssl maybe;",
		    "invalid value \"maybe\" in \"ssl\" directive, it must be \"on\" or \"off\"" },
		{ "ssl on;",
		    "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive" },
	};

	check_refusals("http { server { ", " } }", rows, COUNT(rows));
}

static void
test_duplicate_protocol(void **state)
{
	struct loaded *l = load("http { server { ssl_protocols TLSv1.2 TLSv1.2; } }");

	assert_non_null(l->snapshot);
	assert_said(l, "[warn] duplicate value \"TLSv1.2\" in /etc/t/t.conf:1\n");
	unload(l);
}

/* What is included and what stands beside it add up; a block of its own begins anew. */
static void
test_said_twice(void **state)
{
	struct loaded *l = load_clean(
	    "http { ssl_protocols TLSv1.1; ssl_session_cache builtin:10 shared:A:1m;\n"
	    "server { ssl_protocols TLSv1.3; ssl_session_cache builtin:20;\n"
	    "ssl_protocols TLSv1.2; ssl_session_cache shared:B:1m; }\n"
	    "server { server_name b; ssl_session_cache shared:B:1m; ssl_session_cache none; }\n"
	    "server { server_name c; ssl_session_cache off; ssl_session_cache builtin; } }");
	const struct tls_settings *t = &l->snapshot->servers[0]->settings->tls;

	assert_int_equal(t->protocols, TLS_PROTO_1_2 | TLS_PROTO_1_3);
	assert_int_equal(t->store.builtin, 20);
	assert_span(t->store.zone->name, "B");
	t = &l->snapshot->servers[1]->settings->tls;
	assert_int_equal(t->protocols, TLS_PROTO_1_1);
	assert_null(t->store.zone);
	t = &l->snapshot->servers[2]->settings->tls;
	assert_false(t->store.off);
	unload(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_ssl_on),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_duplicate_protocol),
		cmocka_unit_test(test_said_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
