/* SPDX-License-Identifier: ISC */
/* cli_complete: what could stand next, after which words. */
#include "base/buf.h"
#include "base/cli.h"
#include "tests/unit/unit.h"

/* Everything the setters were told, as "name=value;" in order. */
static struct buf said;

static int
note(const char *name, const char *value)
{
	return buf_printf(&said, "%s%s%s;", name, value ? "=" : "", value ? value : "");
}

static int
set_mode(void *ctx, const char *value, struct err *e)
{
	return note("mode", value);
}

static int
set_quiet(void *ctx, const char *value, struct err *e)
{
	return note("quiet", value);
}

static int
take_word(void *ctx, const char *word, struct err *e)
{
	return strcmp(word, "bad") == 0 ? err_set(e, ERR_DATA, "a bad word") : note("word", word);
}

static void
offer(void *ctx, const char *option, struct buf *out)
{
	buf_printf(out, "%s after %s\n", option ? option : "operand", buf_str(&said));
}

static const struct cli_option options[] = {
	{ "mode", 'm', "on|off|a.b-3|X|", "", CLI_SINGLE_DASH, .set = set_mode },
	{ "out", 'o', "FILE|none", "", 0, CLI_IGNORED },
	{ "dir", 0, "DIR", "", 0, CLI_IGNORED },
	{ "quiet", 'q', NULL, "", 0, .set = set_quiet },
	{ "alias", 'a', NULL, "", CLI_HIDDEN, CLI_IGNORED },
	{ 0 },
};

static const struct cli_program program = {
	.name = "prog", .options = options, .operand = take_word, .candidates = offer
};

/* What is offered after these words, up to four; NULL ends them. */
static const char *
offered(const char *const *words)
{
	static char out[8192];
	char *argv[7] = { (char[]){ "prog" }, (char[]){ "--completion-words" } };
	int fds[2], saved = dup(1), argc = 2;
	struct err e = ERR_INIT;
	enum cli_result result;
	ssize_t n;

	for (; argc < 6 && words[argc - 2]; argc++)
		argv[argc] = strdup(words[argc - 2]);
	buf_reset(&said);
	fflush(stdout);
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], 1);
	close(fds[1]);
	result = cli_parse(&program, argc, argv, NULL, &e);
	dup2(saved, 1);
	close(saved);
	assert_int_equal(result, CLI_DONE);
	n = read(fds[0], out, sizeof(out) - 1);
	close(fds[0]);
	out[n > 0 ? n : 0] = '\0';
	while (argc > 2)
		free(argv[--argc]);
	return out;
}

static void
it_goes_by_the_words_before(void **state)
{
	static const char all[] = "-m\n-mode\n--mode\n-o\n--out\n--dir\n-q\n--quiet\n-h\n--help\n"
				  "--version\n";
	static const struct {
		const char *words[5], *want;
		bool option;
	} cases[] = {
		{ { "--mode" }, "on\noff\na.b-3\nmode after \n", true },
		{ { "-mode" }, "on\noff\na.b-3\nmode after \n", true },
		{ { "-m" }, "on\noff\na.b-3\nmode after \n", true },
		{ { "--out" }, "none\n:files\nout after \n", true },
		{ { "x", "-q", "--dir" }, ":dirs\ndir after word=x;quiet;\n", true },
		{ { NULL }, "operand after \n", false },
		{ { "--mode", "on", "w" }, "operand after mode=on;word=w;\n", false },
		{ { "--mode=on" }, "operand after mode=on;\n", false },
		/* Mistakes end nothing. */
		{ { "--nope", "bad", "--quiet=x", "w" }, "operand after word=w;\n", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got = offered(cases[i].words);

		if (!cases[i].option) {
			assert_int_equal(strncmp(got, all, strlen(all)), 0);
			got += strlen(all);
		}
		assert_string_equal(got, cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_by_the_words_before),
	};
	int failed;

	buf_init(&said, 4096);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_release(&said);
	return failed;
}
