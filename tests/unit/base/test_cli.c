/* SPDX-License-Identifier: ISC */
/* cli: what each spelling does, what is refused and how, what --help looks like. */
#include "base/buf.h"
#include "base/cli.h"
#include "tests/unit/unit.h"

#include <fcntl.h>

/* Everything the setters were told, as "name=value;" in order. */
static struct buf trace;
static struct err e;

static int
note(const char *name, const char *value)
{
	return buf_printf(&trace, "%s%s%s;", name, value ? "=" : "", value ? value : "");
}

static int
set_days(void *ctx, const char *value, struct err *err)
{
	uint64_t v;

	if (span_to_u64(span_str(value), 9999, &v) < 0)
		return err_set(err, ERR_USAGE, "'%s' is not a number of days", value);
	return note("days", value);
}

static int
set_out(void *ctx, const char *value, struct err *err)
{
	if (strcmp(value, "nowhere") == 0)
		return err_set(err, ERR_NOINPUT, "no such place");
	if (strcmp(value, "silent") == 0)
		return -1;
	return note("out", value);
}

static int
set_domain(void *ctx, const char *value, struct err *err)
{
	return note("domain", value);
}

static int
set_quiet(void *ctx, const char *value, struct err *err)
{
	assert_ptr_equal(ctx, &trace);
	return note("quiet", value);
}

static int
set_verbose(void *ctx, const char *value, struct err *err)
{
	return note("verbose", value);
}

static int
take_word(void *ctx, const char *word, struct err *err)
{
	if (strcmp(word, "bad") == 0)
		return err_set(err, ERR_DATA, "a bad word");
	return note("word", word);
}

static const struct cli_option options[] = {
	{ "days", 0, "N", "Days until it ends.", CLI_SINGLE_DASH, .set = set_days },
	{ "domain", 'd', "NAME", "A name. May be given several times.", 0, .set = set_domain },
	{ "out", 'o', "FILE",
	    "Where to write it; a sentence that goes on for so long that it must be continued on "
	    "the line below.",
	    CLI_SINGLE_DASH, .set = set_out },
	{ "old-name", 0, "FILE", "An alias.", CLI_HIDDEN, .set = set_out },
	{ "quiet", 'q', NULL, "Print nothing.", 0, .set = set_quiet },
	{ "a-name-that-is-longer-than-the-column", 0, "X", "Has its text below.", 0,
	    .set = set_domain },
	{ NULL, 'v', NULL, "Print more.", 0, .set = set_verbose },
	{ 0 },
};

static const struct cli_program program = {
	.name = "prog",
	.usage = "[options] NAME...\n--list",
	.summary = "Does one thing.",
	.examples = "prog a\n    does it to a",
	.details = "Exit status: 0 done.\n\nFiles: none.",
	.options = options,
	.operand = take_word,
};

static const struct cli_program no_operands = { .name = "prog", .options = options };

/* Words separated by "|". */
static enum cli_result
parse(const struct cli_program *p, const char *words)
{
	struct span rest = span_str(words), word;
	char *argv[20] = { (char[]){ "argv0" } };
	enum cli_result result;
	int argc = 1;

	while (span_split(&rest, '|', &word)) {
		argv[argc] = malloc(word.n + 1);
		memcpy(argv[argc], word.p, word.n);
		argv[argc++][word.n] = '\0';
	}
	buf_reset(&trace);
	err_reset(&e);
	result = cli_parse(p, argc, argv, &trace, &e);
	while (argc > 1)
		free(argv[--argc]);
	return result;
}

static int
tear_down(void **state)
{
	buf_release(&trace);
	err_release(&e);
	return 0;
}

static void
every_spelling_is_heard_in_order(void **state)
{
	static const struct {
		const char *words, *want;
	} cases[] = {
		{ "", "" },
		{ "--days|30", "days=30;" },
		{ "--days=30", "days=30;" },
		{ "-days|30", "days=30;" },
		{ "-days=30", "days=30;" },
		{ "-d|a|-db|--domain|c|--domain=d", "domain=a;domain=b;domain=c;domain=d;" },
		{ "-qv", "quiet;verbose;" },
		{ "-qvd|a", "quiet;verbose;domain=a;" },
		{ "-qvda", "quiet;verbose;domain=a;" },
		{ "-v", "verbose;" },
		/* An exact single-dash name before letters. */
		{ "-out|f|-o|f|-of", "out=f;out=f;out=f;" },
		{ "--old-name|f", "out=f;" },
		{ "a|-q|b", "word=a;quiet;word=b;" },
		{ "-q|--|-v|--days", "quiet;word=-v;word=--days;" },
		{ "--|--", "word=--;" },
		{ "-", "word=-;" },
		{ "-d|-|--domain=", "domain=-;domain=;" },
		{ "--domain=a=b", "domain=a=b;" },
		{ "--domain|-1", "domain=-1;" },
		{ "--domain=--quiet", "domain=--quiet;" },
		{ "--domain|-unknown", "domain=-unknown;" },
		{ "/a'b\"c", "word=/a'b\"c;" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (parse(&program, cases[i].words) != CLI_OK)
			fail_msg("%s: %s", cases[i].words, err_text(&e));
		assert_string_equal(buf_str(&trace), cases[i].want);
	}
	assert_string_equal(cli_program_name(), "prog");
}

static void
mistakes_are_told_with_the_remedy(void **state)
{
	static const struct {
		const char *words, *text, *hint;
	} cases[] = {
		{ "--dayz", "unknown option --dayz", "did you mean --days?" },
		{ "--dayz=3", "unknown option --dayz", "did you mean --days?" },
		{ "-dayz", NULL, NULL }, /* letter d with a value: looks like "-d ayz" */
		{ "-uot|f", "unknown option -uot", "did you mean -out?" },
		{ "-Quiet", "unknown option -Quiet", "did you mean --quiet?" },
		{ "--QUIET", "unknown option --QUIET", "did you mean --quiet?" },
		{ "--hepl", "unknown option --hepl", "did you mean --help?" },
		{ "--oldname", "unknown option --oldname", "did you mean --old-name?" },
		{ "--zzzzzzzz", "unknown option --zzzzzzzz", "try 'prog --help'" },
		{ "--day|3", "unknown option --day", "did you mean --days?" },
		{ "-quiet", "unknown option -u in -quiet", "did you mean --quiet?" },
		{ "-x", "unknown option -x", "try 'prog --help'" },
		{ "-qx", "unknown option -x in -qx", "try 'prog --help'" },
		{ "--=x", "unknown option --", "try 'prog --help'" },
		{ "--quiet=yes", "option --quiet takes no value", "try 'prog --help'" },
		{ "--quiet=", "option --quiet takes no value", "try 'prog --help'" },
		{ "-q=yes", "option -q takes no value", "try 'prog --help'" },
		{ "--days", "option --days needs N", "try 'prog --help'" },
		{ "-d", "option -d needs NAME", "try 'prog --help'" },
		{ "-qd", "option -d needs NAME", "try 'prog --help'" },
		{ "--days|--quiet", "option --days needs N, but --quiet follows",
		    "try 'prog --help'" },
		{ "-days|-out|f", "option -days needs N, but -out follows", "try 'prog --help'" },
		{ "-d|-q", "option -d needs NAME, but -q follows", "try 'prog --help'" },
		{ "-d|--", "option -d needs NAME, but -- follows", "try 'prog --help'" },
		{ "-d=a", "write -d a without the =", "try 'prog --help'" },
		{ "--days=x", "--days: 'x' is not a number of days", NULL },
		{ "-days|x", "-days: 'x' is not a number of days", NULL },
		{ "-osilent", "-o: cannot be used", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		enum cli_result result = parse(&program, cases[i].words);

		if (!cases[i].text) {
			assert_int_equal(result, CLI_OK);
			continue;
		}
		assert_int_equal(result, CLI_ERROR);
		assert_string_equal(err_text(&e), cases[i].text);
		assert_int_equal(e.kind, ERR_USAGE);
		if (cases[i].hint)
			assert_string_equal(e.hint, cases[i].hint);
		else
			assert_null(e.hint);
	}
}

static void
setters_and_operands_keep_their_kind(void **state)
{
	char *unknown[] = { (char[]){ "x" }, (char[]){ "--nope" }, NULL };

	assert_int_equal(parse(&program, "--out|nowhere|-q"), CLI_ERROR);
	assert_int_equal(e.kind, ERR_NOINPUT);
	assert_string_equal(err_text(&e), "no such place");
	/* Nothing after a mistake is applied. */
	assert_string_equal(buf_str(&trace), "");
	assert_int_equal(parse(&program, "bad|good"), CLI_ERROR);
	assert_int_equal(e.kind, ERR_DATA);
	assert_string_equal(buf_str(&trace), "");
	assert_int_equal(parse(&no_operands, "-q|word"), CLI_ERROR);
	assert_string_equal(err_text(&e), "unexpected argument 'word'");
	/* A caller that does not want to know why; no words at all. */
	assert_int_equal(cli_parse(&no_operands, 2, unknown, NULL, NULL), CLI_ERROR);
	assert_int_equal(cli_parse(&program, 0, unknown + 2, NULL, &e), CLI_OK);
}

static void
typographic_dashes_are_named(void **state)
{
	static const struct {
		const char *words, *character, *hint;
	} cases[] = {
		{ "–days|30", "en dash (U+2013)", "write -days" },
		{ "—days|30", "em dash (U+2014)", "write -days" },
		{ "–domain|a", "en dash (U+2013)", "write --domain" },
		{ "––domain=a", "en dash (U+2013)", "write --domain=a" },
		{ "—quiet", "em dash (U+2014)", "write --quiet" },
		{ "-–quiet", "en dash (U+2013)", "write --quiet" },
		{ "–q", "en dash (U+2013)", "write -q" },
		{ "−q", "minus sign (U+2212)", "write -q" },
		{ "--days|–5", "en dash (U+2013)", "write -5" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse(&program, cases[i].words), CLI_ERROR);
		assert_int_equal(e.kind, ERR_USAGE);
		if (!strstr(err_text(&e), cases[i].character) || strcmp(e.hint, cases[i].hint) != 0)
			fail_msg("%s: %s (%s)", cases[i].words, err_text(&e), e.hint);
	}
	/* Inside a word a dash is a dash. */
	assert_int_equal(parse(&program, "a–b|--domain=c–d|--|–x"), CLI_OK);
	assert_string_equal(buf_str(&trace), "word=a–b;domain=c–d;word=–x;");
}

static void
typographic_quotes_are_named(void **state)
{
	static const struct {
		const char *words, *character, *right;
	} cases[] = {
		{ "“a”", "left double quotation mark (U+201C)", "write \"a\" " },
		{ "a”", "right double quotation mark (U+201D)", "write a\" " },
		{ "‘a’", "left single quotation mark (U+2018)", "write 'a' " },
		{ "it’s", "right single quotation mark (U+2019)", "write it's " },
		{ "--domain|“a”", "left double quotation mark (U+201C)", "write \"a\" " },
		{ "--domain=“a”", "left double quotation mark (U+201C)", "write \"a\" " },
		{ "--“domain”=a", "left double quotation mark (U+201C)", "write --\"domain\"=a " },
		{ "-d“a”", "left double quotation mark (U+201C)", "write --d\"a\" " },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse(&program, cases[i].words), CLI_ERROR);
		assert_int_equal(e.kind, ERR_USAGE);
		if (!strstr(err_text(&e), cases[i].character) || !strstr(e.hint, cases[i].right))
			fail_msg("%s: %s (%s)", cases[i].words, err_text(&e), e.hint);
	}
	/* A value may have one inside: that is how people are called. */
	assert_int_equal(parse(&program, "--domain|L’Oréal|--domain=L’Oréal|--|“x”"), CLI_OK);
	assert_string_equal(buf_str(&trace), "domain=L’Oréal;domain=L’Oréal;word=“x”;");
}

/* What parsing these words prints on stdout. */
static const char *
printed(const struct cli_program *p, const char *words)
{
	static char out[8192];
	int fds[2], saved = dup(1);
	ssize_t n;

	fflush(stdout);
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], 1);
	close(fds[1]);
	if (parse(p, words) != CLI_DONE) {
		dup2(saved, 1);
		fail_msg("%s: %s", words, err_text(&e));
	}
	dup2(saved, 1);
	close(saved);
	n = read(fds[0], out, sizeof(out) - 1);
	close(fds[0]);
	out[n > 0 ? n : 0] = '\0';
	return out;
}

static void
help_puts_examples_first(void **state)
{
	static const char want[] =
	    "Usage: prog [options] NAME...\n"
	    "       prog --list\n"
	    "\n"
	    "Does one thing.\n"
	    "\n"
	    "Examples:\n"
	    "  prog a\n"
	    "      does it to a\n"
	    "\n"
	    "Options:\n"
	    "  -days, --days N       Days until it ends.\n"
	    "  -d, --domain NAME     A name. May be given several times.\n"
	    "  -o, -out, --out FILE  Where to write it; a sentence that goes on for so long that it\n"
	    "                        must be continued on the line below.\n"
	    "  -q, --quiet           Print nothing.\n"
	    "      --a-name-that-is-longer-than-the-column X\n"
	    "                        Has its text below.\n"
	    "  -v                    Print more.\n"
	    "  -h, --help            Show this help.\n"
	    "      --version         Show the version.\n"
	    "\n"
	    "Exit status: 0 done.\n"
	    "\n"
	    "Files: none.\n";

	assert_string_equal(printed(&program, "--help"), want);
	assert_string_equal(printed(&program, "-h"), want);
	assert_string_equal(printed(&program, "-q|a|--help|--nonsense"), want);
}

static void
help_of_a_bare_table(void **state)
{
	static const struct cli_option none[] = { { 0 } };
	static const struct cli_program bare = { .name = "bare", .options = none };

	assert_string_equal(printed(&bare, "--help"),
	    "Usage: bare\n\nOptions:\n  -h, --help     Show this help.\n"
	    "      --version  Show the version.\n");
}

static void
version_names_the_family(void **state)
{
	assert_string_equal(printed(&program, "--version"),
	    "prog (Gatehouse) " GATEHOUSE_VERSION "\n");
}

static void
completion_words_are_the_spellings(void **state)
{
	assert_string_equal(printed(&program, "--completion-words"),
	    "-days\n--days\n-d\n--domain\n-o\n-out\n--out\n-q\n--quiet\n"
	    "--a-name-that-is-longer-than-the-column\n-v\n-h\n--help\n--version\n");
}

static void
a_table_may_have_its_own_h(void **state)
{
	static const struct cli_option own[] = {
		{ "host", 'h', "NAME", "A host.", 0, .set = set_domain },
		{ "version", 'V', NULL, "Show more.", 0, .set = set_verbose },
		{ 0 },
	};
	static const struct cli_program p = { .name = "own", .options = own };

	assert_int_equal(parse(&p, "-h|a|--version"), CLI_OK);
	assert_string_equal(buf_str(&trace), "domain=a;verbose;");
	assert_string_equal(printed(&p, "--help"),
	    "Usage: own\n\nOptions:\n  -h, --host NAME  A host.\n"
	    "  -V, --version    Show more.\n      --help       Show this help.\n");
}

struct members {
	bool quiet, forced;
	const char *file, *reload;
	unsigned jobs;
};

static const struct cli_option shared[] = {
	{ "quiet", 'q', NULL, "Print nothing.", 0, CLI_SWITCH(struct members, quiet) },
	{ "file", 'f', "FILE", "Where to.", 0, CLI_TEXT(struct members, file) },
	{ 0 },
};

static const struct cli_option with_shared[] = {
	{ "no-reload", 0, NULL, "Reload nobody.", 0, CLI_FIXED(struct members, reload, "none") },
	{ "jobs", 'j', "N", "At a time.", 0, CLI_NUMBER(struct members, jobs, 1, 64) },
	{ "forced", 0, NULL, "As ever.", CLI_HIDDEN, CLI_IGNORED },
	{ .then = shared },
};

static void
rows_set_members_and_tables_go_on(void **state)
{
	static const struct cli_program p = { .name = "m", .options = with_shared };
	char *argv[] = { (char[]){ "m" }, (char[]){ "-qj64" }, (char[]){ "--file=x" },
		(char[]){ "--no-reload" }, (char[]){ "--forced" }, NULL };
	struct members m = { .jobs = 4 };

	assert_int_equal(cli_parse(&p, 5, argv, &m, &e), CLI_OK);
	assert_true(m.quiet);
	assert_false(m.forced);
	assert_string_equal(m.file, "x");
	assert_string_equal(m.reload, "none");
	assert_int_equal(m.jobs, 64);
	argv[1] = (char[]){ "--jobs=0" };
	assert_int_equal(cli_parse(&p, 5, argv, &m, &e), CLI_ERROR);
	assert_string_equal(err_text(&e), "--jobs: \"0\" is not a number from 1 to 64");
	argv[1] = (char[]){ "-j65" };
	assert_int_equal(cli_parse(&p, 5, argv, &m, &e), CLI_ERROR);
	assert_string_equal(err_text(&e), "-j: \"65\" is not a number from 1 to 64");
	argv[1] = (char[]){ "--fiel=x" };
	assert_int_equal(cli_parse(&p, 5, argv, &m, &e), CLI_ERROR);
	assert_string_equal(e.hint, "did you mean --file?");
	assert_string_equal(printed(&p, "--help"),
	    "Usage: m\n\nOptions:\n      --no-reload  Reload nobody.\n"
	    "  -j, --jobs N     At a time.\n  -q, --quiet      Print nothing.\n"
	    "  -f, --file FILE  Where to.\n  -h, --help       Show this help.\n"
	    "      --version    Show the version.\n");
}

/* Prints a line and fails as ctx says. */
static int
work(void *ctx, struct err *err)
{
	const int *codes = ctx;

	printf("worked\n");
	if (codes[1])
		err_set(err, ERR_DATA, "it failed");
	return codes[0];
}

static void
the_main_makes_exit_codes(void **state)
{
	char *good[] = { (char[]){ "prog" }, NULL };
	char *bad[] = { (char[]){ "prog" }, (char[]){ "-x" }, NULL };
	int saved = dup(1), saved_err = dup(2), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int codes[5];

	fflush(stdout);
	dup2(null, 1);
	dup2(null, 2);
	codes[0] = cli_main(&no_operands, 1, good, (int[]){ 0, 0 }, work);
	codes[1] = cli_main(&no_operands, 1, good, (int[]){ 0, 1 }, work);
	codes[2] = cli_main(&no_operands, 1, good, (int[]){ 1, 1 }, work);
	codes[3] = cli_main(&no_operands, 2, bad, (int[]){ 0, 0 }, work);
	dup2(full, 1);
	codes[4] = cli_main(&no_operands, 1, good, (int[]){ 0, 0 }, work);
	clearerr(stdout);
	dup2(saved, 1);
	dup2(saved_err, 2);
	close(saved);
	close(saved_err);
	close(full);
	close(null);
	assert_int_equal(codes[0], 0);
	assert_int_equal(codes[1], 65);
	assert_int_equal(codes[2], 1);
	assert_int_equal(codes[3], 64);
	assert_int_equal(codes[4], 74);
}

static void
help_that_cannot_be_printed_is_an_error(void **state)
{
	int saved = dup(1), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	enum cli_result result;

	fflush(stdout);
	dup2(full, 1);
	result = parse(&program, "--help");
	dup2(saved, 1);
	close(saved);
	close(full);
	assert_int_equal(result, CLI_ERROR);
	assert_int_equal(e.kind, ERR_IO);
}

static void
drawing_needs_a_terminal(void **state)
{
	int saved = dup(2), fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool tty[4];

	setenv("TERM", "xterm", 1);
	dup2(fd, 2);
	tty[0] = cli_stderr_tty();
	close(fd);
	fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	dup2(fd, 2);
	tty[1] = cli_stderr_tty();
	setenv("TERM", "dumb", 1);
	tty[2] = cli_stderr_tty();
	unsetenv("TERM");
	tty[3] = cli_stderr_tty();
	dup2(saved, 2);
	close(fd);
	close(saved);
	assert_false(tty[0]);
	assert_true(tty[1]);
	assert_false(tty[2]);
	assert_false(tty[3]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_is_heard_in_order),
		cmocka_unit_test(mistakes_are_told_with_the_remedy),
		cmocka_unit_test(setters_and_operands_keep_their_kind),
		cmocka_unit_test(typographic_dashes_are_named),
		cmocka_unit_test(typographic_quotes_are_named),
		cmocka_unit_test(help_puts_examples_first),
		cmocka_unit_test(help_of_a_bare_table),
		cmocka_unit_test(version_names_the_family),
		cmocka_unit_test(completion_words_are_the_spellings),
		cmocka_unit_test(a_table_may_have_its_own_h),
		cmocka_unit_test(rows_set_members_and_tables_go_on),
		cmocka_unit_test(the_main_makes_exit_codes),
		cmocka_unit_test(help_that_cannot_be_printed_is_an_error),
		cmocka_unit_test(drawing_needs_a_terminal),
	};

	buf_init(&trace, 4096);
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
