/* SPDX-License-Identifier: ISC */
/* log: the line's form, levels, forged lines, length. */
#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

static int fds[2];
static struct log l;
static char line[3 * LOG_LINE_MAX];

static int64_t
noon(void *arg)
{
	return INT64_C(1700000000999);
}

static int
set_up(void **state)
{
	static const struct clock_source fixed = { noon, noon, NULL };

	setenv("TZ", "UTC", 1);
	tzset();
	clock_set_source(&fixed);
	l.level = LOG_LEVEL_INFO;
	if (pipe(fds) < 0)
		return -1;
	l.fd = fds[1];
	return 0;
}

static int
tear_down(void **state)
{
	clock_set_source(NULL);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

/* What has been written so far. */
static const char *
written(void)
{
	ssize_t n;

	assert_int_equal(write(fds[1], "", 1), 1); /* so that there is something to read */
	n = read(fds[0], line, sizeof(line));
	assert_true(n > 0);
	return line;
}

/* The text behind the process's number. */
static const char *
text(void)
{
	const char *at = strstr(written(), ": ");

	return at ? at + 2 : "";
}

static void
line_has_nginx_form(void **state)
{
	char want[200];

	log_msg(&l, LOG_LEVEL_WARN, "host %s has %d", "a", 3);
	snprintf(want, sizeof(want), "2023/11/14 22:13:20 [warn] %ld#%ld: host a has 3\n",
	    (long)getpid(), (long)getpid());
	assert_string_equal(written(), want);
}

static void
only_what_matters_enough_is_written(void **state)
{
	struct log nowhere = { .fd = -1, .level = LOG_LEVEL_DEBUG };

	log_msg(&l, LOG_LEVEL_DEBUG, "no");
	assert_string_equal(written(), "");
	log_msg(&l, LOG_LEVEL_INFO, "yes");
	assert_string_equal(text(), "yes\n");
	log_msg(&nowhere, LOG_LEVEL_EMERG, "no");
	assert_false(log_wants(&nowhere, LOG_LEVEL_EMERG));
	assert_true(log_wants(&l, LOG_LEVEL_EMERG));
	assert_false(log_wants(&l, LOG_LEVEL_DEBUG));
}

static void
nobody_forges_a_line(void **state)
{
	log_msg(&l, LOG_LEVEL_INFO, "a\nb\r\x1b[2J\x7f\tz");
	assert_string_equal(text(), "a\\x0Ab\\x0D\\x1B[2J\\x7F\\x09z\n");
	/* UTF-8 passes, but not a terminal's controls spelt in it. */
	log_msg(&l, LOG_LEVEL_INFO, "h\xc3\xa9 \xe2\x82\xac \xc2\x9b\xc2\xa0");
	assert_string_equal(text(), "h\xc3\xa9 \xe2\x82\xac \xc2\\x9B\xc2\xa0\n");
}

static void
long_lines_are_cut_with_their_newline(void **state)
{
	char big[LOG_LINE_MAX + 100];
	size_t n;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_msg(&l, LOG_LEVEL_INFO, "%s", big);
	n = strlen(written());
	assert_int_equal(n, LOG_LINE_MAX);
	assert_string_equal(line + n - 5, "x...\n");
	memset(big, '\n', sizeof(big) - 1);
	log_msg(&l, LOG_LEVEL_INFO, "%s", big);
	n = strlen(written());
	assert_true(n <= LOG_LINE_MAX && n > LOG_LINE_MAX - 8);
	assert_string_equal(line + n - 8, "\\x0A...\n");
	/* The longest that fits is not cut. */
	log_msg(&l, LOG_LEVEL_INFO, "%s", "");
	n = LOG_LINE_MAX - strlen(written());
	memset(big, 'y', n);
	big[n] = '\0';
	log_msg(&l, LOG_LEVEL_INFO, "%s", big);
	assert_int_equal(strlen(written()), LOG_LINE_MAX);
	assert_string_equal(line + LOG_LINE_MAX - 5, "yyyy\n");
	big[n] = 'y';
	big[n + 1] = '\0';
	log_msg(&l, LOG_LEVEL_INFO, "%s", big);
	assert_int_equal(strlen(written()), LOG_LINE_MAX);
	assert_string_equal(line + LOG_LINE_MAX - 5, "y...\n");
}

static void
errno_survives_and_reaches_the_text(void **state)
{
	struct log bad = { .fd = 1000000, .level = LOG_LEVEL_INFO };

	errno = ENOENT;
	log_msg(&l, LOG_LEVEL_INFO, "%m");
	assert_int_equal(errno, ENOENT);
	log_msg(&bad, LOG_LEVEL_INFO, "x");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(text(), "No such file or directory\n");
}

static void
a_child_logs_its_own_number(void **state)
{
	pid_t pid = fork();
	char want[100];
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		log_msg(&l, LOG_LEVEL_INFO, "x");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	snprintf(want, sizeof(want), "[info] %ld#%ld: x\n", (long)pid, (long)pid);
	assert_non_null(strstr(written(), want));
}

static void
levels_have_names(void **state)
{
	enum log_level level = LOG_LEVEL_CRIT;

	assert_int_equal(log_level_parse("warn", &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARN);
	for (int i = LOG_LEVEL_EMERG; i <= LOG_LEVEL_DEBUG; i++) {
		assert_int_equal(log_level_parse(log_level_name((enum log_level)i), &level), 0);
		assert_int_equal(level, i);
	}
	level = LOG_LEVEL_CRIT;
	assert_int_equal(log_level_parse("warning", &level), -1);
	assert_int_equal(log_level_parse("WARN", &level), -1);
	assert_int_equal(log_level_parse("", &level), -1);
	assert_int_equal(level, LOG_LEVEL_CRIT);
	assert_string_equal(log_level_name((enum log_level)99), "?");
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(line_has_nginx_form),
		LOG_TEST(only_what_matters_enough_is_written),
		LOG_TEST(nobody_forges_a_line),
		LOG_TEST(long_lines_are_cut_with_their_newline),
		LOG_TEST(errno_survives_and_reaches_the_text),
		LOG_TEST(a_child_logs_its_own_number),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
