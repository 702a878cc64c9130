/* SPDX-License-Identifier: ISC */
/* snapshot: defaults, inheritance, what is shared, and all mistakes in one run. */
#include "proxy/config/route.h"
#include "proxy/config/snapshot.h"
#include "tests/unit/proxy/config/loaded.h"

static const struct server *
server(const struct loaded *l, size_t i)
{
	assert_true(i < l->snapshot->server_count);
	return l->snapshot->servers[i];
}

static const struct location *
location(const struct loaded *l, const char *uri)
{
	return loaded_location(l, uri);
}

static void
test_defaults(void **state)
{
	struct loaded *l = load_clean("http { server { } }");
	const struct server_settings *ss = server(l, 0)->settings;
	const struct location_settings *ls = server(l, 0)->location_settings;
	const struct main_settings *m = &l->snapshot->main;

	assert_true(m->daemon);
	assert_span(m->pid, GATEHOUSE_RUNSTATEDIR "/tinyproxyd/tinyproxyd.pid");
	assert_span(m->user, "nobody");
	assert_span(m->group, "nogroup");
	assert_int_equal(m->worker_processes, 1);
	assert_int_equal(m->worker_connections, 512);
	assert_int_equal(m->worker_rlimit_nofile, 0);
	assert_int_equal(m->worker_shutdown_timeout_ms, 0);
	assert_span(m->control_socket, "");
	assert_span(m->error_log->file->path, "/var/log/tinyproxyd/error.log");
	assert_int_equal(m->error_log->level, LOG_LEVEL_ERROR);

	assert_int_equal(ss->tls.protocols, TLS_PROTO_1_2 | TLS_PROTO_1_3);
	assert_span(ss->tls.ciphers, "HIGH:!aNULL:!MD5");
	assert_int_equal(ss->tls.session_timeout_ms, 300000);
	assert_false(ss->tls.prefer_server_ciphers);
	assert_int_equal(ss->client_header_timeout_ms, 60000);
	assert_int_equal(ss->client_header_buffer_size, 1024);
	assert_int_equal(ss->large_header_buffer_count, 4);
	assert_int_equal(ss->large_header_buffer_size, 8192);
	assert_true(ss->merge_slashes);
	assert_false(ss->underscores_in_headers);
	assert_true(ss->ignore_invalid_headers);

	assert_span(ls->root->path->source, "/prefix/html");
	assert_int_equal(ls->index_count, 1);
	assert_span(ls->index[0]->source, "index.html");
	assert_int_equal(ls->type_count, 3);
	assert_span(ls->default_type, "text/plain");
	assert_int_equal(ls->client_body_timeout_ms, 60000);
	assert_int_equal(ls->send_timeout_ms, 60000);
	assert_int_equal(ls->keepalive_timeout_ms, 75000);
	assert_int_equal(ls->keepalive_header_ms, 0);
	assert_int_equal(ls->keepalive_requests, 1000);
	assert_int_equal(ls->client_max_body_size, 1 << 20);
	assert_true(ls->server_tokens);
	assert_null(ls->add_headers);
	assert_span(ls->access_logs->file->path, "/var/log/tinyproxyd/access.log");
	assert_null(ls->access_logs->next);
	assert_ptr_equal(ls->error_log, m->error_log);
	assert_int_equal(ls->proxy.connect_timeout_ms, 60000);
	assert_int_equal(ls->proxy.send_timeout_ms, 60000);
	assert_int_equal(ls->proxy.read_timeout_ms, 60000);
	assert_int_equal(ls->proxy.buffer_size, 4096);
	assert_false(ls->proxy.http_1_0);
	assert_false(ls->proxy.redirect_off);
	assert_null(ls->proxy.set_headers);

	assert_int_equal(server(l, 0)->name_count, 1);
	assert_span(server(l, 0)->names[0], "");
	assert_int_equal(l->snapshot->log_file_count, 2);
	unload(l);
}

static void
test_default_type_is_plain(void **state)
{
	struct loaded *l =
	    load_clean("http { default_type a/b; server { location /x { default_type c/d; } } }");

	assert_span(location(l, "/")->settings->default_type, "a/b");
	assert_span(location(l, "/x")->settings->default_type, "c/d");
	unload(l);
}

/* What stands behind a block in its parent holds in it all the same. */
static void
test_inheritance(void **state)
{
	struct loaded *l = load_clean("http {\n"
				      " server {\n"
				      "  location /own { send_timeout 3s; }\n"
				      "  location /none { }\n"
				      "  send_timeout 2s;\n"
				      "  merge_slashes off;\n"
				      " }\n"
				      " server { server_name b; }\n"
				      " send_timeout 1s;\n"
				      " client_max_body_size 5;\n"
				      "}");

	assert_int_equal(location(l, "/own")->settings->send_timeout_ms, 3000);
	assert_int_equal(location(l, "/own")->settings->client_max_body_size, 5);
	assert_int_equal(location(l, "/none")->settings->send_timeout_ms, 2000);
	assert_int_equal(location(l, "/")->settings->send_timeout_ms, 2000);
	assert_int_equal(server(l, 1)->location_settings->send_timeout_ms, 1000);
	assert_false(server(l, 0)->settings->merge_slashes);
	assert_true(server(l, 1)->settings->merge_slashes);
	/* Unchanged settings are the parent's own. */
	assert_ptr_equal(location(l, "/none")->settings, server(l, 0)->location_settings);
	unload(l);
}

static void
test_lists_replace_what_was_inherited(void **state)
{
	struct loaded *l = load_clean(
	    "http {\n"
	    " add_header A 1; add_header B 2;\n"
	    " proxy_set_header P 1;\n"
	    " index a b; access_log /x; access_log /y;\n"
	    " server {\n"
	    "  location /own { add_header C 3; proxy_set_header Q 2; index c; access_log /z; }\n"
	    "  location /off { access_log off; }\n"
	    " }\n"
	    "}");
	const struct location_settings *own = location(l, "/own")->settings;
	const struct location_settings *top = location(l, "/")->settings;

	assert_span(top->add_headers->name, "A");
	assert_span(top->add_headers->next->name, "B");
	assert_null(top->add_headers->next->next);
	assert_span(own->add_headers->name, "C");
	assert_null(own->add_headers->next);
	assert_span(top->proxy.set_headers->name, "P");
	assert_span(own->proxy.set_headers->name, "Q");
	assert_int_equal(top->index_count, 2);
	assert_int_equal(own->index_count, 1);
	assert_span(top->access_logs->next->file->path, "/y");
	assert_span(own->access_logs->file->path, "/z");
	assert_null(own->access_logs->next);
	assert_null(location(l, "/off")->settings->access_logs);
	unload(l);
}

/* A default that nobody uses is not among the files to open. */
static void
test_log_files(void **state)
{
	struct loaded *l = load_clean(
	    "error_log /e;\n"
	    "http { log_format x '$status';\n"
	    " server { access_log /a x; location / { access_log /a; error_log /e warn; } } }");
	const struct snapshot *s = l->snapshot;

	assert_int_equal(s->log_file_count, 2);
	assert_span(s->log_files[0]->path, "/e");
	assert_span(s->log_files[1]->path, "/a");
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(s->log_files[i]->index, i);
	assert_ptr_equal(location(l, "/")->settings->access_logs->file, s->log_files[1]);
	assert_ptr_equal(location(l, "/")->settings->error_log->file, s->log_files[0]);
	assert_int_equal(location(l, "/")->settings->error_log->level, LOG_LEVEL_WARN);
	unload(l);
}

static void
test_globals_and_error_log_option(void **state)
{
	const struct memory_file file = { MAIN_FILE, "daemon on;\nhttp { server { } }" };
	struct loaded *l = load_files(&file, 1, "worker_processes 7;");

	assert_said(l, "");
	assert_int_equal(l->snapshot->main.worker_processes, 7);
	unload(l);

	l = load_files(&file, 1, "daemon off; bad x;");
	assert_null(l->snapshot);
	assert_said(l, "[emerg] unknown directive \"bad\" in command line\n"
		       "[emerg] \"daemon\" directive is duplicate in /etc/t/t.conf:1\n");
	unload(l);
}

static void
test_unreadable(void **state)
{
	struct loaded *l = load_files(NULL, 0, "");

	assert_null(l->snapshot);
	assert_said(l, "[emerg] cannot open /etc/t/t.conf\n");
	unload(l);
}

static void
test_every_mistake_in_one_run(void **state)
{
	struct loaded *l = load("worker_proceses 2;\n"
				"events { worker_connections x; }\n"
				"server { }\n"
				"http {\n"
				" listen 80;\n"
				" server {\n"
				"  root \"a\"b;\n"
				"  location / { proxy_pas http://x; }\n"
				"  add_header X $hots;\n"
				"  listen 8080\n"
				"  server_name a;\n"
				"  daemon off;\n"
				"  ssl_protocols TLSv1.2 {\n"
				"  }\n"
				"  location /x;\n"
				"  gzip on;\n"
				" }\n");

	assert_null(l->snapshot);
	assert_said(l,
	    "[emerg] unknown directive \"worker_proceses\" in /etc/t/t.conf:1: did you mean "
	    "\"worker_processes\"?\n"
	    "[emerg] \"worker_connections\" directive invalid number in /etc/t/t.conf:2: it must be at "
	    "least 1\n"
	    "[emerg] \"server\" directive is not allowed here in /etc/t/t.conf:3: this is main; it is "
	    "allowed in: http, upstream, stream, upstream in stream\n"
	    "[emerg] \"listen\" directive is not allowed here in /etc/t/t.conf:5: this is http; it is "
	    "allowed in: server, server in stream\n"
	    "[emerg] unexpected \"b\" in /etc/t/t.conf:7: a blank or \";\" must follow the quote before it\n"
	    "[emerg] unknown directive \"proxy_pas\" in /etc/t/t.conf:8: did you mean \"proxy_pass\"?\n"
	    "[emerg] unknown \"hots\" variable in /etc/t/t.conf:9: did you mean \"$host\"?\n"
	    "[emerg] invalid parameter \"server_name\" in /etc/t/t.conf:11: is a \";\" missing at the end of "
	    "line 10?\n"
	    "[emerg] \"daemon\" directive is not allowed here in /etc/t/t.conf:12: this is server; it is "
	    "allowed in: main\n"
	    "[emerg] directive \"ssl_protocols\" is not terminated by \";\" in /etc/t/t.conf:13\n"
	    "[emerg] directive \"location\" has no opening \"{\" in /etc/t/t.conf:15: it is "
	    "a block: \"location { ... }\"\n"
	    "[emerg] \"gzip on\" is not supported in /etc/t/t.conf:16: bodies are passed on as the "
	    "service made them: let it do this, or delete the line\n"
	    "[emerg] unexpected end of file, expecting \"}\" in /etc/t/t.conf:18: the block \"http\" opened in "
	    "line 4 is not closed\n");
	unload(l);
}

static void
test_argument_counts(void **state)
{
	struct loaded *l = load(
	    "daemon;\nuser a b c;\nhttp { server_name a; server { listen; root\n index x; } }");

	assert_said(l,
	    "[emerg] invalid number of arguments in \"daemon\" directive in /etc/t/t.conf:1: it takes 1\n"
	    "[emerg] invalid number of arguments in \"user\" directive in /etc/t/t.conf:2: it takes 1 to 2\n"
	    "[emerg] \"server_name\" directive is not allowed here in /etc/t/t.conf:3: this is http; it is "
	    "allowed in: server, server in stream\n"
	    "[emerg] invalid number of arguments in \"listen\" directive in /etc/t/t.conf:3: it takes 1 or "
	    "more\n"
	    "[emerg] invalid number of arguments in \"root\" directive in /etc/t/t.conf:3: is a \";\" missing "
	    "at the end of line 3?\n");
	unload(l);
}

/* nginx takes the next line for more names without a word. */
static void
test_swallowed_line(void **state)
{
	struct loaded *l = load("http { server { server_name a\nlisten 80; } }");

	assert_non_null(l->snapshot);
	assert_said(l,
	    "[warn] \"server_name\" directive takes in the line after it in /etc/t/t.conf:1: is a \";\" "
	    "missing at the end of line 1?\n");
	unload(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_default_type_is_plain),
		cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_lists_replace_what_was_inherited),
		cmocka_unit_test(test_log_files),
		cmocka_unit_test(test_globals_and_error_log_option),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_every_mistake_in_one_run),
		cmocka_unit_test(test_argument_counts),
		cmocka_unit_test(test_swallowed_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
