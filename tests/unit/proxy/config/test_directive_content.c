/* SPDX-License-Identifier: ISC */
/* directive_content: where files are, and what is answered for errors. */
#include "tests/unit/proxy/config/loaded.h"

static const struct location *
location(const struct loaded *l, const char *uri)
{
	return loaded_location(l, uri);
}

static void
test_files(void **state)
{
	struct loaded *l =
	    load_clean("http { root /srv/www//; index a b c; default_type x/y; server {\n"
		       "location /r { root html/; } location /s { root /; }\n"
		       "location /a/ { alias /al/; } location /b/ { alias al; index z; } } }");

	assert_span(location(l, "/")->settings->root->path->source, "/srv/www");
	assert_span(location(l, "/r")->settings->root->path->source, "/prefix/html");
	assert_span(location(l, "/s")->settings->root->path->source, "");
	assert_span(location(l, "/a/")->settings->root->path->source, "/al/");
	assert_span(location(l, "/b/")->settings->root->path->source, "/prefix/al");
	assert_int_equal(location(l, "/a/")->settings->root->alias, 3);
	assert_int_equal(location(l, "/s")->settings->root->alias, 0);
	assert_int_equal(location(l, "/a/")->settings->index_count, 3);
	assert_span(location(l, "/a/")->settings->index[2]->source, "c");
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
test_variables_in_paths(void **state)
{
	struct loaded *l =
	    load_clean("http { root /srv/$host/www; index $host.html /x; server {\n"
		       "location /r { root $host; } location /s { root sites/${host}x/; }\n"
		       "location ~ ^/(?<who>a)/ { alias /home/$who/$1; } } }");

	assert_span(location(l, "/")->settings->root->path->source, "/srv/$host/www");
	assert_span(location(l, "/r")->settings->root->path->source, "$host");
	assert_span(location(l, "/s")->settings->root->path->source, "/prefix/sites/${host}x");
	assert_true(location(l, "/a/")->settings->root->alias == ALIAS_WHOLE);
	assert_span(location(l, "/")->settings->index[0]->source, "$host.html");
	/* The default root, then what lies before each variable. */
	assert_int_equal(l->snapshot->tree_count, 4);
	assert_span(l->snapshot->trees[1], "/srv/");
	assert_span(l->snapshot->trees[2], "/prefix/sites/");
	assert_span(l->snapshot->trees[3], "/home/");
	unload(l);
}

static void
test_try_files(void **state)
{
	struct loaded *l =
	    load_clean("http { server { try_files /a =503;\n"
		       "location /x { try_files $request_uri $request_uri/ @y; } } }");
	const struct try_files *tf = location(l, "/")->try_files;

	assert_int_equal(tf->count, 1);
	assert_int_equal(tf->status, 503);
	assert_null(tf->uri);
	tf = location(l, "/x")->try_files;
	assert_int_equal(tf->count, 2);
	assert_false(tf->directories[0]);
	assert_true(tf->directories[1]);
	assert_span(tf->files[1]->source, "$request_uri");
	assert_span(tf->uri->source, "@y");
	unload(l);
}

static void
test_error_pages(void **state)
{
	struct loaded *l = load_clean("http { error_page 500 502 /5; error_page 404 =200 /4;\n"
				      "server { location /x { error_page 403 = @y; } } }");
	const struct error_target *t = location(l, "/")->settings->error_pages;

	assert_int_equal(t->status, 500);
	assert_int_equal(t->answer, -1);
	assert_span(t->uri->source, "/5");
	assert_int_equal(t->next->status, 502);
	assert_int_equal(t->next->next->status, 404);
	assert_int_equal(t->next->next->answer, 200);
	t = location(l, "/x")->settings->error_pages;
	assert_int_equal(t->status, 403);
	assert_int_equal(t->answer, 0);
	assert_null(t->next);
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal in_server[] = {
		{ "alias /x;", "\"alias\" directive is not allowed here" },
		{ "types { a/b { } }", "directive \"a/b\" is not terminated by \";\"" },
		{ "types { a/b; }", "invalid number of arguments in \"types\" block" },
		{ "try_files /x;", "invalid number of arguments in \"try_files\" directive" },
		{ "try_files /x =y;", "invalid code \"=y\"" },
		{ "error_page 404;", "invalid number of arguments in \"error_page\" directive" },
		{ "error_page =200 /x;",
		    "invalid number of arguments in \"error_page\" directive" },
		{ "error_page 200 /x;", "value \"200\" must be between 300 and 599" },
		{ "error_page 499 /x;", "invalid value \"499\"" },
		{ "error_page x /x;", "invalid value \"x\"" },
		{ "error_page 404 =x /x;", "invalid value \"=x\"" },
		{ "location @n { alias /x; }",
		    "the \"alias\" directive cannot be used inside the named location" },
	};
	static const struct refusal in_location[] = {
		{ "root /a; root /b;",
		    "\"root\" directive is duplicate, \"root\" directive was specified earlier" },
		{ "root /a; alias /b;",
		    "\"alias\" directive is duplicate, \"root\" directive was specified earlier" },
		{ "alias /a; root /b;",
		    "\"root\" directive is duplicate, \"alias\" directive was specified earlier" },
		{ "root $nosuch;", "unknown \"nosuch\" variable" },
		{ "alias \"\";", "\"alias\" directive invalid value" },
		{ "index a \"\";", "index \"\" in \"index\" directive is invalid" },
		{ "index ${host;", "the closing bracket in \"host\" variable is missing" },
		{ "default_type $host;",
		    "variables in \"default_type\" are not supported yet: \"$host\"" },
	};

	check_refusals("http { server { ", " } }", in_server, COUNT(in_server));
	check_refusals("http { server { location /l/ { ", " } } }", in_location,
	    COUNT(in_location));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_types_included),
		cmocka_unit_test(test_variables_in_paths),
		cmocka_unit_test(test_try_files),
		cmocka_unit_test(test_error_pages),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
