/* SPDX-License-Identifier: ISC */
/*
 * cert-info: what certificates say, what is wrong with them, when they end: lineages of the store, files, live servers.
 */
#include "base/cli.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/lineage_survey.h"
#include "libcert/certstore_check.h"
#include "libcert/served.h"
#include "libcert/survey_data.h"
#include "libcert/survey_report.h"
#include "libcert/timeline.h"

#include <openssl/err.h>
#include <openssl/provider.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DAY INT64_C(86400)
#define TIMEOUT_S_DEFAULT 5
#define TIMEOUT_S_MAX 300
#define COLUMNS_DEFAULT 80
#define COLUMNS_MAX 1000
#define CHECK_UNKNOWN 3

enum form { FORM_TEXT, FORM_JSON, FORM_PROMETHEUS, FORM_CHECK, FORM_TIMELINE };

struct args {
	const char *config_dir;
	const char **targets; /* borrowed words, none twice */
	size_t target_count;
	struct survey_options survey;
	unsigned timeout_s;
	enum form form;
	bool at_given, full, quiet, verbose, store_check, repair;
};

/* ---- options ---- */

static int
add_target(void *ctx, const char *word, struct err *e)
{
	struct args *args = ctx;

	if (!*word)
		return err_set(e, ERR_USAGE, "an empty name");
	for (size_t i = 0; i < args->target_count; i++) {
		if (strcmp(args->targets[i], word) == 0)
			return 0;
	}
	args->targets =
	    mem_realloc_array(args->targets, args->target_count + 1, sizeof(*args->targets));
	args->targets[args->target_count++] = word;
	return 0;
}

static int
set_form(struct args *args, enum form form, struct err *e)
{
	if (args->form != FORM_TEXT && args->form != form)
		return err_set(e, ERR_USAGE,
		    "one of --json, --prometheus, --check and --timeline, not two");
	args->form = form;
	return 0;
}

static int
set_json(void *ctx, const char *value, struct err *e)
{
	return set_form(ctx, FORM_JSON, e);
}

static int
set_prometheus(void *ctx, const char *value, struct err *e)
{
	return set_form(ctx, FORM_PROMETHEUS, e);
}

static int
set_check(void *ctx, const char *value, struct err *e)
{
	return set_form(ctx, FORM_CHECK, e);
}

static int
set_timeline(void *ctx, const char *value, struct err *e)
{
	return set_form(ctx, FORM_TIMELINE, e);
}

/* "20d", "36h", "2w", "90m", "600s"; a bare number is days. */
static int
set_duration(const char *value, int64_t *seconds, struct err *e)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', DAY }, { 'w', 7 * DAY } };
	struct span digits = span_str(value);
	int64_t unit = DAY;
	uint64_t number;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && digits.n > 0; i++) {
		if (digits.p[digits.n - 1] == units[i].letter) {
			unit = units[i].seconds;
			digits.n--;
			break;
		}
	}
	if (span_to_u64(digits, 1000000, &number) < 0 || number == 0)
		return err_set(e, ERR_USAGE,
		    "\"%s\" is no duration: write 20d, 36h or 2w, more than nothing", value);
	*seconds = (int64_t)number * unit;
	return 0;
}

static int
set_warn(void *ctx, const char *value, struct err *e)
{
	return set_duration(value, &((struct args *)ctx)->survey.limits.warn_s, e);
}

static int
set_crit(void *ctx, const char *value, struct err *e)
{
	return set_duration(value, &((struct args *)ctx)->survey.limits.crit_s, e);
}

static int
set_at(void *ctx, const char *value, struct err *e)
{
	struct args *args = ctx;

	if (clock_parse_rfc3339(span_str(value), &args->survey.now) < 0)
		return err_set(e, ERR_USAGE, "\"%s\" is no time: write 2027-01-31T12:00:00Z",
		    value);
	args->at_given = true;
	return 0;
}

static int
set_name(void *ctx, const char *value, struct err *e)
{
	((struct args *)ctx)->survey.name = value;
	return *value ? 0 : err_set(e, ERR_USAGE, "an empty name");
}

static int
set_verify(void *ctx, const char *value, struct err *e)
{
	((struct args *)ctx)->survey.verify = value;
	return strcmp(value, "none") == 0 ? 0 : served_address_check(value, e);
}

static const struct cli_option options[] = {
	{ "json", 0, NULL, "everything, as one JSON object", 0, .set = set_json },
	{ "prometheus", 0, NULL, "metrics for node_exporter's textfile collector", 0,
	    .set = set_prometheus },
	{ "check", 0, NULL, "one line and exit code of a monitoring plugin", 0, .set = set_check },
	{ "timeline", 0, NULL, "plot lives and renewal windows", 0, .set = set_timeline },
	{ "warn", 0, "TIME", "warn when less is left: 20d, 36h, 2w (default: 20 days of 90)", 0,
	    .set = set_warn },
	{ "crit", 0, "TIME", "critical when less is left (default: 7 days of 90)", 0,
	    .set = set_crit },
	{ "name", 0, "NAME", "a name that must be covered; with HOST, the one to ask for", 0,
	    .set = set_name },
	{ "key", 0, "FILE", "the private key that must belong to the certificate in a file", 0,
	    CLI_TEXT(struct args, survey.key_path) },
	{ "verify", 0, "HOST:PORT|none",
	    "where lineages are served (default: as each was renewed with --verify)", 0,
	    .set = set_verify },
	{ "timeout", 0, "SECONDS", "for each connection (default: 5)", 0,
	    CLI_NUMBER(struct args, timeout_s, 1, TIMEOUT_S_MAX) },
	{ "at", 0, "TIME", "judge as of this instant instead of now: 2027-01-31T12:00:00Z", 0,
	    .set = set_at },
	{ "config-dir", 0, "DIR", "the store (default: " CERTSTORE_DIRECTORY ")", 0,
	    CLI_TEXT(struct args, config_dir) },
	{ "store-check", 0, NULL, "name what a crash or a hand edit left in the store", 0,
	    CLI_SWITCH(struct args, store_check) },
	{ "repair", 0, NULL, "with --store-check: mend what can be mended without loss", 0,
	    CLI_SWITCH(struct args, repair) },
	{ "full", 0, NULL, "check keys and chains of the whole store, too", 0,
	    CLI_SWITCH(struct args, full) },
	{ "quiet", 'q', NULL, "print only certificates with a problem", 0,
	    CLI_SWITCH(struct args, quiet) },
	{ "verbose", 'v', NULL, "all details, also of several certificates", 0,
	    CLI_SWITCH(struct args, verbose) },
	{ 0 },
};

static void
offer(void *ctx, const char *option, struct buf *out)
{
	const struct args *args = ctx;

	if (option)
		return;
	certstore_offer(args->config_dir, out);
	buf_add_str(out, ":files\n");
}

static const struct cli_program program = {
	.name = "cert-info",
	.usage = "[options] [NAME | FILE | - | HOST[:PORT] | https://HOST...]...",
	.summary = "Show certificates of the store, of files and of live servers, and name what is "
		   "wrong with them.",
	.examples = "cert-info\n"
		    "    every lineage of the store, a line each\n"
		    "cert-info www.example.com:443\n"
		    "    what a server shows, in full\n"
		    "cert-info --key a.key a.crt\n"
		    "    a file, and whether that key belongs to it\n"
		    "cert-info --check --warn 20d --crit 7d\n"
		    "    for Nagios and its kin\n",
	.details =
	    "A word with a slash is a FILE, - is standard input; else a lineage of that NAME, else a FILE, else a HOST.\n"
	    "Without a word: every lineage by its leaf; --full checks keys and chains, too.\n"
	    "Exit codes: 0 all were read, whatever they say, 1 some could not be read, and if\n"
	    "none could: 64 usage, 65 no certificate, 66 no input, 69 no server, 77 permission.\n"
	    "With --check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n",
	.options = options,
	.operand = add_target,
	.candidates = offer,
};

/* ---- looking ---- */

/* "example.com" -> "example.com:443", "[::1]" and "::1" -> "[::1]:443"; on the heap. */
static char *
with_port(const char *host)
{
	const char *colon = strchr(host, ':');
	const char *bracket = strrchr(host, ']');

	if (host[0] == '[')
		return bracket && bracket[1] ? mem_strdup(host) : mem_printf("%s:443", host);
	if (!colon)
		return mem_printf("%s:443", host);
	return strchr(colon + 1, ':') ? mem_printf("[%s]:443", host) : mem_strdup(host);
}

/* "https://example.com/x", as a browser shows it -> "example.com"; on the heap, or NULL if word is no such address. */
static char *
host_of_url(const char *word)
{
	static const struct span scheme = SPAN_INIT("https://");
	struct span rest = span_str(word), host;

	if (!span_starts(rest, scheme))
		return NULL;
	rest = span_after(rest, scheme.n);
	return span_split(&rest, '/', &host) && host.n ? mem_dup_span(host) : NULL;
}

static void
look_at_server(const struct args *args, const char *host, struct survey *s)
{
	char *address = with_port(host);

	survey_server(&args->survey, address, s);
	free(address);
}

static void
look_at(const struct args *args, struct certstore *store, const char *word, struct survey *s)
{
	char *host = host_of_url(word);

	if (host) {
		look_at_server(args, host, s);
		free(host);
		return;
	}
	if (strcmp(word, "-") == 0)
		word = "/dev/stdin";
	if (!strchr(word, '/') && lineage_exists(store, word)) {
		lineage_survey(&args->survey, store, word, s);
		return;
	}
	if (strchr(word, '/') || file_exists(word)) {
		survey_file(&args->survey, word, s);
		return;
	}
	look_at_server(args, word, s);
}

static int
look(const struct args *args, struct survey **list, size_t *count, struct err *e)
{
	struct certstore *store = NULL;
	struct span *names = NULL;
	int rc = certstore_open(args->config_dir, &store, e);

	*count = args->target_count;
	if (rc == 0 && args->target_count == 0)
		rc = certstore_list(store, args->survey.arena, &names, count, e);
	if (rc == 0) {
		*list = arena_array(args->survey.arena, *count ? *count : 1, sizeof(**list));
		for (size_t i = 0; i < *count; i++) {
			if (names)
				lineage_survey(&args->survey, store, names[i].p, &(*list)[i]);
			else
				look_at(args, store, args->targets[i], &(*list)[i]);
		}
		if (*count == 0 && !file_exists(args->config_dir))
			rc = err_set(e, ERR_NOINPUT, "there is no store %s", args->config_dir);
	}
	certstore_close(store);
	return rc;
}

/* ---- telling ---- */

static unsigned
columns(void)
{
	const char *set = getenv("COLUMNS");
	struct winsize size;
	uint64_t number;

	if (set && span_to_u64(span_str(set), COLUMNS_MAX, &number) == 0 && number > 0)
		return (unsigned)number;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
	return COLUMNS_DEFAULT;
}

/* Those without a problem are taken out. */
static size_t
keep_bad(struct survey *list, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (survey_weight(&list[i]) != INSPECT_FINE)
			list[kept++] = list[i];
	}
	return kept;
}

static void
tell_text(const struct args *args, const struct survey *list, size_t count)
{
	if (!args->verbose && args->target_count != 1) {
		survey_report_table(list, count, args->survey.now, stdout);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			putchar('\n');
		survey_report_full(&list[i], args->survey.now, stdout);
	}
}

/* All, some or none could be read: the exit code. */
static int
read_code(const struct survey *list, size_t count)
{
	enum err_kind kind = ERR_NONE;
	size_t failed = 0;

	for (size_t i = 0; i < count; i++) {
		if (list[i].error.n == 0)
			continue;
		kind =
		    failed++ == 0 || kind == list[i].error_kind ? list[i].error_kind : ERR_PARTIAL;
	}
	return failed > 0 && failed < count ? err_exit_code(ERR_PARTIAL) : err_exit_code(kind);
}

static int
tell(const struct args *args, struct survey *list, size_t count)
{
	const struct survey_options *how = &args->survey;
	int code = read_code(list, count);

	switch (args->form) {
	case FORM_CHECK:
		return survey_data_check(list, count, how->now, &how->limits, stdout);
	case FORM_PROMETHEUS:
		survey_data_prometheus(list, count, stdout);
		return code;
	case FORM_JSON:
		survey_data_json(list, args->quiet ? keep_bad(list, count) : count, how->now,
		    stdout);
		return code;
	case FORM_TIMELINE:
		timeline_print(list, args->quiet ? keep_bad(list, count) : count, how->now,
		    columns(), stdout);
		break;
	case FORM_TEXT:
		tell_text(args, list, args->quiet ? keep_bad(list, count) : count);
		return code;
	}
	for (size_t i = 0; i < count; i++) {
		if (list[i].error.n > 0)
			fprintf(stderr, "%s: " SPAN_FMT "\n", program.name,
			    SPAN_ARG(list[i].error));
	}
	return code;
}

/* The machine's own roots; without any, nobody's. */
static X509_STORE *
load_roots(void)
{
	X509_STORE *roots = X509_STORE_new();

	if (roots)
		(void)X509_STORE_set_default_paths(roots);
	ERR_clear_error();
	return roots;
}

/* Certificates read in it keep their keys undecoded. */
static OSSL_LIB_CTX *
empty_context(OSSL_PROVIDER **nothing)
{
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

	if (context)
		*nothing = OSSL_PROVIDER_load(context, "null");
	return context;
}

/* Exit code 1 when something is left to be done. */
static int
check_store(const struct args *args, struct err *e)
{
	struct certstore_finding *list = NULL;
	struct certstore *store = NULL;
	struct arena *arena = arena_new(0);
	size_t count = 0;
	int code = 0;

	if (args->target_count)
		err_set(e, ERR_USAGE, "--store-check looks at the whole store, not at \"%s\"",
		    args->targets[0]);
	else if (certstore_open(args->config_dir, &store, e) == 0 &&
		 certstore_check(store, args->repair, arena, &list, &count, e) == 0) {
		if (!args->quiet || count || args->form == FORM_JSON)
			certstore_check_print(list, count, args->form == FORM_JSON, stdout);
		code = certstore_check_clean(list, count) ? 0 : 1;
	}
	certstore_close(store);
	arena_free(arena);
	return code;
}

static int
work(void *ctx, struct err *e)
{
	struct args *args = ctx;
	const struct inspect_limits *limits = &args->survey.limits;
	OSSL_PROVIDER *nothing = NULL;
	struct survey *list = NULL;
	size_t count = 0;
	int code = 0;

	if (args->store_check)
		return check_store(args, e);
	if (args->repair)
		return err_set(e, ERR_USAGE, "--repair goes with --store-check");
	if (limits->warn_s && limits->crit_s && limits->warn_s < limits->crit_s)
		return err_set(e, ERR_USAGE,
		    "--warn comes before --crit, so it is the longer time");
	args->survey.arena = arena_new(0);
	args->survey.timeout_ms = (int64_t)args->timeout_s * 1000;
	if (args->target_count == 0 && !args->full && !args->verbose)
		args->survey.keyless = empty_context(&nothing);
	else
		args->survey.roots = load_roots();
	if (!args->at_given)
		args->survey.now = clock_wall();
	if (look(args, &list, &count, e) == 0) {
		code = tell(args, list, count);
		if (count == 0 && !args->quiet && args->form == FORM_TEXT)
			fprintf(stderr, "%s: no lineage in %s\n", program.name, args->config_dir);
	}
	X509_STORE_free(args->survey.roots);
	if (nothing)
		OSSL_PROVIDER_unload(nothing);
	OSSL_LIB_CTX_free(args->survey.keyless);
	arena_free(args->survey.arena);
	return code;
}

/* A plugin's code for what went wrong is 3, even when it is the command line: told by the words, which may not parse. */
static bool
is_check(int argc, char *const *argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--check") == 0)
			return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	struct args args = { .config_dir = CERTSTORE_DIRECTORY, .timeout_s = TIMEOUT_S_DEFAULT };
	int code = cli_main(&program, argc, argv, &args, work);

	/* Errors' codes begin at 64. */
	if (code > CHECK_UNKNOWN && is_check(argc, argv))
		code = CHECK_UNKNOWN;
	free(args.targets);
	return code;
}
