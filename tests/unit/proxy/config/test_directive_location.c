/* SPDX-License-Identifier: ISC */
/* directive_location, directive_header: what a location serves. */
#include "proxy/config/route.h"
#include "tests/unit/proxy/config/loaded.h"

static const struct location *
location(const struct loaded *l, const char *uri)
{
	return route_location(l->snapshot->servers[0], span_str(uri));
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
	assert_ptr_equal(location(l, "/"), &l->snapshot->servers[0]->root_location);
	unload(l);
}

static void
test_files(void **state)
{
	struct loaded *l =
	    load_clean("http { root /srv/www//; index a b c; default_type x/y; server {\n"
		       "location /r { root html/; } location /s { root /; }\n"
		       "location /a/ { alias /al/; } location /b/ { alias al; index z; } } }");

	assert_span(location(l, "/")->settings->root, "/srv/www");
	assert_span(location(l, "/r")->settings->root, "/prefix/html");
	assert_span(location(l, "/s")->settings->root, "");
	assert_span(location(l, "/a/")->alias, "/al/");
	assert_span(location(l, "/b/")->alias, "/prefix/al");
	assert_span(location(l, "/s")->alias, "");
	assert_int_equal(location(l, "/a/")->settings->index_count, 3);
	assert_span(location(l, "/a/")->settings->index[2], "c");
	assert_int_equal(location(l, "/b/")->settings->index_count, 1);
	assert_span(location(l, "/")->settings->default_type, "x/y");
	unload(l);
}

static void
test_types(void **state)
{
	struct loaded *l =
	    load("http { types { text/html html HTM; }\n"
		 "types { image/png png;\n"
		 "text/plain htm; }\n"
		 "server { location /own { types { a/b c; } } location /none { types { } } } }");
	const struct location_settings *ls = location(l, "/")->settings;

	assert_said(l,
	    "[warn] duplicate extension \"htm\", content type: \"text/plain\", previous content type: "
	    "\"text/html\" in /etc/t/t.conf:3\n");
	assert_int_equal(ls->type_count, 3);
	assert_span(ls->types[0].extension, "htm");
	assert_span(ls->types[0].type, "text/plain");
	assert_span(ls->types[1].extension, "html");
	assert_span(ls->types[1].type, "text/html");
	assert_span(ls->types[2].extension, "png");
	assert_int_equal(location(l, "/own")->settings->type_count, 1);
	assert_int_equal(location(l, "/none")->settings->type_count, 0);
	unload(l);
}

static void
test_types_included(void **state)
{
	static const struct memory_file files[] = {
		{ MAIN_FILE, "http { include mime.types; server { } }" },
		{ "/etc/t/mime.types", "types { text/css css; }" },
	};
	struct loaded *l = load_files(files, COUNT(files), "");

	assert_said(l, "");
	assert_span(l->snapshot->servers[0]->location_settings->types[0].type, "text/css");
	unload(l);
}

static void
test_return(void **state)
{
	struct loaded *l =
	    load("http { server { return 301 https://$host$request_uri;\n"
		 "location /a { return 204; } location /b { return 404 \"no such thing\"; }\n"
		 "location /c { return https://x/; } location /d { return $scheme://x; }\n"
		 "location /e { return 444; return 200; } } }");
	const struct return_action *top = l->snapshot->servers[0]->ret;

	assert_int_equal(top->status, 301);
	assert_span(top->text->source, "https://$host$request_uri");
	assert_int_equal(location(l, "/a")->ret->status, 204);
	assert_null(location(l, "/a")->ret->text);
	assert_int_equal(location(l, "/b")->ret->status, 404);
	assert_span(location(l, "/b")->ret->text->source, "no such thing");
	assert_int_equal(location(l, "/c")->ret->status, 302);
	assert_int_equal(location(l, "/d")->ret->status, 302);
	assert_int_equal(location(l, "/e")->ret->status, 444);
	assert_null(location(l, "/")->ret);
	assert_said(l,
	    "[warn] \"return\" is never reached: there is another one before it in /etc/t/t.conf:4\n");
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
		{ "location ~ x { }",
		    "regular expressions in \"location\" are not supported yet: \"x\"" },
		{ "location ~* x { }",
		    "regular expressions in \"location\" are not supported yet: \"x\"" },
		{ "location ~x { }",
		    "regular expressions in \"location\" are not supported yet: \"x\"" },
		{ "location @x { }", "named locations are not supported yet: \"@x\"" },
		{ "location x /y { }", "invalid location modifier \"x\"" },
		{ "location / { } location / { }", "duplicate location \"/\"" },
		{ "location = / { } location =/ { }", "duplicate location \"/\"" },
		{ "location { }", "invalid number of arguments in \"location\" directive" },
		{ "alias /x;", "\"alias\" directive is not allowed here" },
		{ "types { a/b { } }", "directive \"a/b\" is not terminated by \";\"" },
		{ "types { a/b; }", "invalid number of arguments in \"types\" block" },
	};
	static const struct refusal in_location[] = {
		{ "location /l/x { }", "\"location\" directive is not allowed here" },
		{ "root /a; root /b;",
		    "\"root\" directive is duplicate, \"root\" directive was specified earlier" },
		{ "root /a; alias /b;",
		    "\"alias\" directive is duplicate, \"root\" directive was specified earlier" },
		{ "alias /a; root /b;",
		    "\"root\" directive is duplicate, \"alias\" directive was specified earlier" },
		{ "root $host;", "variables in \"root\" are not supported yet: \"$host\"" },
		{ "alias \"\";", "\"alias\" directive invalid value" },
		{ "index a \"\";", "index \"\" in \"index\" directive is invalid" },
		{ "index $host;", "variables in \"index\" are not supported yet: \"$host\"" },
		{ "default_type $host;",
		    "variables in \"default_type\" are not supported yet: \"$host\"" },
		{ "return text;", "invalid return code \"text\"" },
		{ "return 199;", "invalid return code \"199\"" },
		{ "return 1000;", "invalid return code \"1000\"" },
		{ "return text 200;", "invalid return code \"text\"" },
		{ "return 200 $;", "invalid variable name in \"$\"" },
		{ "return 200 $nosuch;", "unknown \"nosuch\" variable" },
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
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_types_included),
		cmocka_unit_test(test_return),
		cmocka_unit_test(test_add_header),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_never_matching),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
