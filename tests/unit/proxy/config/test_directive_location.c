/* SPDX-License-Identifier: ISC */
/* directive_location, directive_access, directive_header: locations and what holds in them. */
#include "tests/unit/proxy/config/loaded.h"

static const struct location *
location(const struct loaded *l, const char *uri)
{
	return loaded_location(l, uri);
}

static void
test_kinds(void **state)
{
	struct loaded *l =
	    load_clean("http { server { location /a { } location = /b { } location =/c { }\n"
		       "location ^~ /d { } location ^~/e { } location \"/f g\" { } } }");
	static const struct {
		const char *path;
		enum location_kind kind;
	} rows[] = {
		{ "/a", LOCATION_PREFIX },
		{ "/b", LOCATION_EXACT },
		{ "/c", LOCATION_EXACT },
		{ "/d", LOCATION_PREFIX },
		{ "/e", LOCATION_PREFIX },
		{ "/f g", LOCATION_PREFIX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_span(location(l, rows[i].path)->path, rows[i].path);
		assert_int_equal(location(l, rows[i].path)->kind, rows[i].kind);
	}
	assert_true(location(l, "/e")->no_regex);
	assert_ptr_equal(location(l, "/"), &l->snapshot->servers[0]->root_location);
	unload(l);
}

/* nginx's order: exact, "^~", regexes as they stand, the longest prefix; inner ones before outer ones. */
static void
test_order(void **state)
{
	struct loaded *l = load_clean(
	    "http { server { location /i/ { location ~ \\.gif$ { } location /i/deep/ {\n"
	    "location ~* /ODD/ { } } } location ^~ /s/ { location /s/n/ { } }\n"
	    "location ~ \\.gif$ { location ~ /t\\. { } } location ~* \\.GIF { } location = /i/x.gif { }\n"
	    "location @n { } } }");
	static const struct {
		const char *uri, *path;
	} rows[] = {
		{ "/i/a", "/i/" },
		{ "/i/deep/a", "/i/deep/" },
		{ "/i/deep/odd/a", "/ODD/" },
		{ "/i/deep/odd/a.gif", "/ODD/" },
		{ "/i/a.gif", "\\.gif$" },
		{ "/i/x.gif", "/i/x.gif" },
		{ "/a.gif", "\\.gif$" },
		{ "/t.gif", "/t\\." },
		{ "/a.Gif", "\\.GIF" },
		{ "/s/a.gif", "/s/" },
		{ "/s/n/a.gif", "/s/n/" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_span(location(l, rows[i].uri)->path, rows[i].path);
	assert_int_equal(location(l, "/i/a.gif")->node->line, 1);
	assert_int_equal(location(l, "/a.gif")->node->line, 3);
	assert_non_null(location_index_named(l->snapshot->servers[0]->locations, SPAN("@n")));
	assert_null(location_index_named(l->snapshot->servers[0]->locations, SPAN("@m")));
	unload(l);
}

static void
test_blocks_that_stand_in(void **state)
{
	struct loaded *l =
	    load_clean("http { server { location /a { internal; proxy_pass http://127.0.0.1;\n"
		       "limit_except GET POST { deny all; } deny 192.0.2.0/24; } } }");
	const struct location *a = location(l, "/a");

	assert_true(a->internal);
	assert_int_equal(a->limit_except->method_count, 3);
	assert_span(a->limit_except->methods[2], "HEAD");
	assert_ptr_equal(a->limit_except->location->proxy, a->proxy);
	assert_true(a->limit_except->location->settings->access->all);
	assert_null(a->limit_except->location->settings->access->next);
	assert_int_equal(a->settings->access->network.family, AF_INET);
	unload(l);
}

static void
test_add_header(void **state)
{
	struct loaded *l =
	    load_clean("http { server { add_header A $host; add_header B \"x\ty\" always; } }");
	const struct header_field *h = l->snapshot->servers[0]->location_settings->add_headers;

	assert_span(h->name, "A");
	assert_false(h->value->literal);
	assert_false(h->always);
	assert_span(h->next->name, "B");
	assert_true(h->next->always);
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal in_server[] = {
		{ "location x /y { }", "invalid location modifier \"x\"" },
		{ "location / { } location / { }", "duplicate location \"/\"" },
		{ "location = / { } location =/ { }", "duplicate location \"/\"" },
		{ "location @x { } location @x { }", "duplicate location \"@x\"" },
		{ "location { }", "invalid number of arguments in \"location\" directive" },
		{ "location ~ (x { }",
		    "pcre2_compile() failed: missing closing parenthesis in \"(x\" at \"\"" },
		{ "location ~ (?<host>x) { }", "the duplicate \"host\" variable" },
		{ "location = /x { location /x/y { } }",
		    "location \"/x/y\" cannot be inside the exact location \"/x\"" },
		{ "location @x { location /y { } }",
		    "location \"/y\" cannot be inside the named location \"@x\"" },
		{ "location ~ x { location /y { } }", "location \"/y\" is outside location \"x\"" },
	};
	static const struct refusal in_location[] = {
		{ "location /k/ { }", "location \"/k/\" is outside location \"/l/\"" },
		{ "location @x { }", "named location \"@x\" can be on the server level only" },
		{ "limit_except FETCH { }", "invalid method \"FETCH\"" },
		{ "limit_except GET { root /x; }", "\"root\" directive is not allowed here" },
		{ "internal yes;", "invalid number of arguments in \"internal\" directive" },
		{ "allow nobody;", "invalid parameter \"nobody\"" },
		{ "add_header A b never;", "invalid parameter \"never\"" },
		{ "add_header A: b;", "invalid header name \"A:\" in \"add_header\" directive" },
		{ "add_header \"\" b;", "invalid header name \"\" in \"add_header\" directive" },
		{ "add_header A \"b\\r\\nC: d\";",
		    "control character in the value of \"add_header\" directive" },
		{ "add_header A ${host;", "the closing bracket in \"host\" variable is missing" },
	};

	check_refusals("http { server { ", " } }", in_server, COUNT(in_server));
	check_refusals("http { server { location /l/ { ", " } } }", in_location,
	    COUNT(in_location));
}

static void
test_never_matching(void **state)
{
	struct loaded *l = load("http { server { location .well-known { } } }");

	assert_non_null(l->snapshot);
	assert_said(l,
	    "[warn] location \".well-known\" never matches in /etc/t/t.conf:1: a path begins with \"/\"\n");
	unload(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_blocks_that_stand_in),
		cmocka_unit_test(test_add_header),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_never_matching),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
