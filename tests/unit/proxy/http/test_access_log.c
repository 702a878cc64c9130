/* SPDX-License-Identifier: ISC */
/* Log lines: escaping, "-" for nothing, and the combined format. */
#include "proxy/http/access_log.h"
#include "tests/unit/proxy/http/fake_request.h"

static struct span
line(struct fake *f, const char *format, enum log_escape escape)
{
	struct err e = ERR_INIT;
	struct access_log log = { .escape = escape };

	log.format = template_compile(&http_variables, span_str(format), f->request.arena, &e);
	if (!log.format)
		fail_msg("%s", err_text(&e));
	err_release(&e);
	return access_log_line(&log, &f->request.traffic);
}

static void
values_are_escaped_and_literals_are_not(void **state)
{
	struct fake f;

	fake_init(&f, "GET", "/");
	fake_header(&f, "X", "a\"b\\c\td\x7f\xc3\xa9~ \x1b");
	assert_span(line(&f, "\"\\\t$http_x\"", LOG_ESCAPE_DEFAULT),
	    "\"\\\ta\\x22b\\x5Cc\\x09d\\x7F\\xC3\\xA9~ \\x1B\"\n");
	assert_span(line(&f, "{\"x\":\"$http_x\"}", LOG_ESCAPE_JSON),
	    "{\"x\":\"a\\\"b\\\\c\\td\x7f\xc3\xa9~ \\u001B\"}\n");
	assert_span(line(&f, "$http_x", LOG_ESCAPE_NONE), "a\"b\\c\td\x7f\xc3\xa9~ \x1b\n");
	fake_release(&f);
}

/* Told from the bytes themselves, not from a table. */
static size_t
expected_escape(char *out, unsigned char c, enum log_escape escape)
{
	static const char letters[] = "\"\"\\\\\bb\tt\nn\ff\rr";

	if (escape == LOG_ESCAPE_DEFAULT && (c < 0x20 || c > 0x7e || c == '"' || c == '\\'))
		return (size_t)snprintf(out, 8, "\\x%02X", c);
	for (size_t i = 0; escape == LOG_ESCAPE_JSON && letters[i]; i += 2) {
		if (c == (unsigned char)letters[i])
			return (size_t)snprintf(out, 8, "\\%c", letters[i + 1]);
	}
	if (escape == LOG_ESCAPE_JSON && c < 0x20)
		return (size_t)snprintf(out, 8, "\\u%04X", c);
	*out = (char)c;
	return 1;
}

static void
every_byte_is_escaped_as_it_must(void **state)
{
	static const enum log_escape escapes[] = { LOG_ESCAPE_DEFAULT, LOG_ESCAPE_JSON,
		LOG_ESCAPE_NONE };

	for (size_t k = 0; k < COUNT(escapes); k++) {
		for (unsigned c = 1; c < 256; c++) {
			struct fake f;
			char value[] = { 'a', (char)c, 'b', '\0' }, want[16] = "a";
			size_t n;

			fake_init(&f, "GET", "/");
			fake_header(&f, "X", value);
			n = 1 + expected_escape(want + 1, (unsigned char)c, escapes[k]);
			want[n++] = 'b';
			want[n++] = '\n';
			assert_true(span_eq(line(&f, "$http_x", escapes[k]), span_of(want, n)));
			fake_release(&f);
		}
	}
}

static void
nothing_is_a_dash_by_default_only(void **state)
{
	struct fake f;

	fake_init(&f, "GET", "/");
	assert_span(line(&f, "[$http_x][$https]", LOG_ESCAPE_DEFAULT), "[-][]\n");
	assert_span(line(&f, "[$http_x][$https]", LOG_ESCAPE_JSON), "[][]\n");
	assert_span(line(&f, "[$http_x][$https]", LOG_ESCAPE_NONE), "[][]\n");
	assert_span(line(&f, "", LOG_ESCAPE_DEFAULT), "\n");
	fake_release(&f);
}

static void
combined(void **state)
{
	struct fake f;
	struct span s;

	fake_init(&f, "GET", "/x?y");
	fake_header(&f, "User-Agent", "curl/8 \"x\"");
	f.request.response.status = 200;
	f.request.response.body_bytes = 12;
	s = line(&f,
	    "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent "
	    "\"$http_referer\" \"$http_user_agent\"",
	    LOG_ESCAPE_DEFAULT);
	assert_true(span_starts(s, SPAN("192.0.2.1 - - [")));
	assert_true(span_ends(s,
	    SPAN("] \"GET /x?y HTTP/1.1\" 200 12 \"-\" \"curl/8 \\x22x\\x22\"\n")));
	fake_release(&f);
}

static void
many_parts(void **state)
{
	struct fake f;
	char format[1000] = "", expected[1000] = "";

	fake_init(&f, "GET", "/");
	for (size_t i = 0; i < 70; i++) {
		snprintf(format + strlen(format), sizeof(format) - strlen(format), "$status,");
		snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "000,");
	}
	snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "\n");
	assert_span(line(&f, format, LOG_ESCAPE_DEFAULT), expected);
	fake_release(&f);
}

static void
each_log_gets_its_line(void **state)
{
	struct fake f;
	int pipes[2][2];
	struct log_sink *sinks[2];
	struct log_file files[2] = { { .index = 0 }, { .index = 1 } };
	struct access_log second = { .file = &files[1] },
			  first = { .file = &files[0], .next = &second };
	char got[64];

	fake_init(&f, "GET", "/");
	first.format =
	    template_compile(&http_variables, SPAN("$request_method"), f.request.arena, NULL);
	second.format = template_compile(&http_variables, SPAN("$uri"), f.request.arena, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		sinks[i] = log_sink_new(f.worker.loop, pipes[i][1]);
	}
	f.generation.sinks = sinks;
	f.settings.access_logs = &first;
	access_log_request(&f.request);
	loop_turn(f.worker.loop, 0);
	assert_true(span_eq(span_of(got, (size_t)read(pipes[0][0], got, sizeof(got))),
	    SPAN("GET\n")));
	assert_true(span_eq(span_of(got, (size_t)read(pipes[1][0], got, sizeof(got))),
	    SPAN("/\n")));
	for (int i = 0; i < 2; i++) {
		log_sink_unref(sinks[i]);
		close(pipes[i][0]);
	}
	fake_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_escaped_and_literals_are_not),
		cmocka_unit_test(every_byte_is_escaped_as_it_must),
		cmocka_unit_test(nothing_is_a_dash_by_default_only),
		cmocka_unit_test(combined),
		cmocka_unit_test(many_parts),
		cmocka_unit_test(each_log_gets_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
