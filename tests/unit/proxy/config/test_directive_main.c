/* SPDX-License-Identifier: ISC */
/* directive_main: what the process is told. */
#include "tests/unit/proxy/config/loaded.h"

static void
test_values(void **state)
{
	struct loaded *l = load_clean(
	    "daemon off; pid run/x.pid; control_socket /c; user u g;\n"
	    "worker_processes 4; worker_rlimit_nofile 4096; worker_shutdown_timeout 1m;\n"
	    "error_log logs/e.log notice; events { worker_connections 9; }");
	const struct main_settings *m = &l->snapshot->main;

	assert_false(m->daemon);
	assert_span(m->pid, "/prefix/run/x.pid");
	assert_span(m->control_socket, "/c");
	assert_span(m->user, "u");
	assert_span(m->group, "g");
	assert_int_equal(m->worker_processes, 4);
	assert_int_equal(m->worker_connections, 9);
	assert_int_equal(m->worker_rlimit_nofile, 4096);
	assert_int_equal(m->worker_shutdown_timeout_ms, 60000);
	assert_span(m->error_log->file->path, "/prefix/logs/e.log");
	assert_int_equal(m->error_log->level, LOG_LEVEL_NOTICE);
	unload(l);

	l = load_clean("user u; worker_processes auto; error_log stderr;");
	assert_span(l->snapshot->main.group, "u");
	assert_in_range(l->snapshot->main.worker_processes, 1, 1024);
	assert_span(l->snapshot->main.error_log->file->path, "stderr");
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "daemon yes;",
		    "invalid value \"yes\" in \"daemon\" directive, it must be \"on\" or \"off\"" },
		{ "daemon on; daemon on;", "\"daemon\" directive is duplicate" },
		{ "daemon { }", "directive \"daemon\" is not terminated by \";\"" },
		{ "pid \"\";", "\"pid\" directive invalid value" },
		{ "pid $host;", "variables in \"pid\" are not supported yet: \"$host\"" },
		{ "user \"\";", "\"user\" directive invalid value" },
		{ "worker_processes 0;", "\"worker_processes\" directive invalid number" },
		{ "worker_processes 1025;", "\"worker_processes\" directive invalid number" },
		{ "worker_processes many;", "\"worker_processes\" directive invalid number" },
		{ "worker_rlimit_nofile 4k;", "\"worker_rlimit_nofile\" directive invalid number" },
		{ "worker_shutdown_timeout x;",
		    "\"worker_shutdown_timeout\" directive invalid value" },
		{ "events;", "directive \"events\" has no opening \"{\"" },
		{ "events { } events { }", "\"events\" directive is duplicate" },
		{ "events { daemon on; }", "\"daemon\" directive is not allowed here" },
		{ "events { worker_connections 0; }",
		    "\"worker_connections\" directive invalid number" },
		{ "events { worker_connections 4294967297; }",
		    "\"worker_connections\" directive invalid number" },
		{ "http { } http { }", "\"http\" directive is duplicate" },
		{ "error_log /e loud;", "invalid value \"loud\" in \"error_log\" directive" },
		{ "error_log syslog:server=/dev/log;",
		    "\"syslog:server=/dev/log\" in \"error_log\" is not supported" },
	};

	check_refusals("", "", rows, COUNT(rows));
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
