/* SPDX-License-Identifier: ISC */
/* directive_log: where log lines go and what stands in them. */
#include "tests/unit/proxy/config/loaded.h"

static void
test_values(void **state)
{
	struct loaded *l =
	    load_clean("http { log_format j escape=json '{\"s\":' $status \"}\";\n"
		       "log_format n escape=none $status; log_format d escape=default a;\n"
		       "server { access_log logs/a; access_log stderr j; access_log /n n;\n"
		       " error_log /e crit; } }");
	const struct location_settings *ls = l->snapshot->servers[0]->location_settings;
	const struct access_log *log = ls->access_logs;

	assert_span(log->file->path, "/prefix/logs/a");
	assert_int_equal(log->escape, LOG_ESCAPE_DEFAULT);
	assert_true(span_starts(log->format->source, SPAN("$remote_addr - $remote_user [")));
	log = log->next;
	assert_span(log->file->path, "stderr");
	assert_int_equal(log->escape, LOG_ESCAPE_JSON);
	assert_span(log->format->source, "{\"s\":$status}");
	log = log->next;
	assert_int_equal(log->escape, LOG_ESCAPE_NONE);
	assert_null(log->next);
	assert_span(ls->error_log->file->path, "/e");
	assert_int_equal(ls->error_log->level, LOG_LEVEL_CRIT);
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "access_log off x;", "invalid parameter \"x\"" },
		{ "access_log off; access_log /a;",
		    "\"access_log off\" stands beside another \"access_log\"" },
		{ "access_log /a; access_log off;",
		    "\"access_log off\" stands beside another \"access_log\"" },
		{ "access_log \"\";", "\"access_log\" directive invalid value" },
		{ "access_log /a nosuch;", "unknown log format \"nosuch\"" },
		{ "access_log /a combined buffer=8x;", "invalid buffer size \"8x\"" },
		{ "access_log /a combined flush=1s;",
		    "no buffer is defined for access_log \"/a\"" },
		{ "access_log /a combined buffer=8k gzip;", "invalid parameter \"gzip\"" },
		{ "access_log $host.log combined buffer=8k;",
		    "buffered logs cannot have variables in name" },
		{ "access_log /$host.log;",
		    "\"/$host.log\" names no directory before its first variable" },
		{ "access_log /a buffer=8k;", "unknown log format \"buffer=8k\"" },
		{ "access_log /a combined x;", "invalid parameter \"x\"" },
		{ "access_log syslog:server=x;",
		    "\"syslog:server=x\" in \"access_log\" is not supported" },
		{ "log_format x;", "invalid number of arguments in \"log_format\" directive" },
		{ "log_format x escape=json;",
		    "invalid number of arguments in \"log_format\" directive" },
		{ "log_format x escape=xml a;",
		    "invalid value \"xml\" in \"log_format\" directive" },
		{ "log_format x $nosuch;", "unknown \"nosuch\" variable" },
		{ "log_format x a; log_format x b;", "duplicate \"log_format\" name \"x\"" },
		{ "log_format combined b;", "duplicate \"log_format\" name \"combined\"" },
		{ "error_log memory:32m;", "\"memory:32m\" in \"error_log\" is not supported" },
	};

	check_refusals("http { ", " }", rows, COUNT(rows));
}

static void
test_hints(void **state)
{
	struct loaded *l = load("http { access_log /a combined gzip; error_log /e wran; }");

	assert_said(l,
	    "[emerg] invalid parameter \"gzip\" in /etc/t/t.conf:1: \"gzip\" in \"access_log\" is not "
	    "supported yet\n"
	    "[emerg] invalid value \"wran\" in \"error_log\" directive in /etc/t/t.conf:1: did you mean "
	    "\"warn\"?\n");
	unload(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
