/* SPDX-License-Identifier: ISC */
/*
 * dhparam: the standard Diffie-Hellman groups at once, fresh ones after a search, and a verdict on
 * any.
 *
 * Nothing is searched for unless asked: RFC 7919's groups are as good as a prime found overnight and
 * better examined.
 */
#include "base/cli.h"
#include "base/file.h"
#include "libcert/dh.h"
#include "libcert/safe_prime_report.h"

#include <cjson/cJSON.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BITS_DEFAULT 2048
#define FILE_MAX (64 * 1024)
/* dh_check finds less unfit. */
#define BITS_FIT 2048
#define THREADS_MAX 1024

struct request {
	const char *in, *out;
	const char *word; /* the operand: a size, or with -check a file */
	bool check, text, noout, force, quiet, verbose, json, generator_2;
	bool generate, stats;
	unsigned threads;
	const struct modexp_kernel *kernel;
};

/* The signal that ended the search. */
static volatile sig_atomic_t interrupted;

/* ---- options ---- */

static int
take_word(void *ctx, const char *word, struct err *e)
{
	struct request *r = ctx;

	if (r->word)
		return err_set(e, ERR_USAGE, "one size or one file, not also \"%s\"", word);
	r->word = word;
	return 0;
}

static int
take_out(void *ctx, const char *value, struct err *e)
{
	((struct request *)ctx)->out = value;
	return *value ? 0 : err_set(e, ERR_USAGE, "an empty file name");
}

/* Every RFC 7919 group has it. */
static int
take_generator_5(void *ctx, const char *value, struct err *e)
{
	return err_set(e, ERR_USAGE, "the standard groups have the generator 2; none has 5");
}

static int
take_kernel(void *ctx, const char *value, struct err *e)
{
	struct request *r = ctx;

	r->kernel = modexp_find(value);
	return r->kernel ? 0 : err_set(e, ERR_USAGE, "this CPU has no kernel \"%s\"", value);
}

static const struct cli_option options[] = {
	{ "out", 'o', "FILE", "write the parameters to FILE instead of standard output",
	    CLI_SINGLE_DASH, .set = take_out },
	{ "in", 0, "FILE", "read parameters from FILE instead of taking a standard group",
	    CLI_SINGLE_DASH, CLI_TEXT(struct request, in) },
	{ "check", 0, NULL, "judge the parameters: size, safe prime, generator, known name",
	    CLI_SINGLE_DASH, CLI_SWITCH(struct request, check) },
	{ "text", 0, NULL, "print prime and generator in words", CLI_SINGLE_DASH,
	    CLI_SWITCH(struct request, text) },
	{ "noout", 0, NULL, "do not print the parameters as PEM", CLI_SINGLE_DASH,
	    CLI_SWITCH(struct request, noout) },
	{ "generate", 0, NULL, "search for a fresh safe prime instead of taking a standard group",
	    CLI_SINGLE_DASH, CLI_SWITCH(struct request, generate) },
	{ "threads", 0, "N", "with --generate: search with N threads (default: one per processor)",
	    0, CLI_NUMBER(struct request, threads, 1, THREADS_MAX) },
	{ "stats", 0, NULL, "with --generate: say what the search took, on standard error", 0,
	    CLI_SWITCH(struct request, stats) },
	{ "kernel", 0, "ifma|fma|word", "with --generate: compute with this (default: the fastest)",
	    0, .set = take_kernel },
	{ NULL, '2', NULL, "generator 2 (every group made here has it)", 0,
	    CLI_SWITCH(struct request, generator_2) },
	{ NULL, '5', NULL, "generator 5: refused, no standard group has it", CLI_HIDDEN,
	    .set = take_generator_5 },
	{ "force", 'f', NULL, "replace FILE if it exists", 0, CLI_SWITCH(struct request, force) },
	{ "quiet", 'q', NULL,
	    "no progress; with -check: print nothing unless the parameters are unfit", 0,
	    CLI_SWITCH(struct request, quiet) },
	{ "verbose", 'v', NULL,
	    "also tell what is read, made and written, and how it was searched for", 0,
	    CLI_SWITCH(struct request, verbose) },
	{ "json", 0, NULL, "the verdict of -check, or --stats, as JSON on standard output", 0,
	    CLI_SWITCH(struct request, json) },
	{ 0 },
};

static void
offer(void *ctx, const char *option, struct buf *out)
{
	const struct request *r = ctx;

	if (!option && !r->word)
		buf_add_str(out, r->check ? ":files\n" : "2048\n3072\n4096\n6144\n8192\n");
}

static const struct cli_program program = {
	.name = "dhparam",
	.usage = "[-out FILE] [2048|3072|4096|6144|8192]\n"
		 "--generate [-out FILE] [--threads N] [--stats] [BITS]\n"
		 "-check FILE",
	.summary =
	    "Write the Diffie-Hellman group of RFC 7919 of that many bits (2048 if none is given), "
	    "search for a fresh one, or judge parameters that exist.",
	.examples = "dhparam -out dhparam.pem 3072\n"
		    "    the group ffdhe3072, for ssl_dhparam\n"
		    "dhparam --generate -out dhparam.pem 2048\n"
		    "    a group that nobody else has: seconds to minutes, on all processors\n"
		    "dhparam -check /etc/nginx/dhparam.pem\n"
		    "    size, safe prime, generator and its order, known name; exit 65 if unfit\n",
	.details =
	    "Exit codes:\n"
	    "  0 done, 64 usage, 65 no parameters or unfit ones, 66 no input, 73 a file exists\n"
	    "  or cannot be created, 74 I/O error, 77 permission, 130 interrupted\n",
	.options = options,
	.operand = take_word,
	.candidates = offer,
};

static const struct narrator *
narrator_of(const struct request *r)
{
	return r->verbose ? &cli_narrator : NULL;
}

/* ---- in and out ---- */

static int
load(const struct request *r, const char *path, EVP_PKEY **params, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init(&pem, FILE_MAX);
	rc = file_read(path, &pem, e);
	if (rc == 0) {
		narrate(narrator_of(r), "read %zu bytes of %s", pem.len, path);
		rc = dh_parse_pem(buf_span(&pem), params, e);
		if (rc < 0)
			err_wrap(e, "%s", path);
	}
	buf_release(&pem);
	return rc;
}

static int
bits_asked(const struct request *r, unsigned *bits, struct err *e)
{
	uint64_t number = BITS_DEFAULT;

	if (r->word && span_to_u64(span_str(r->word), UINT32_MAX, &number) < 0) {
		err_set(e, ERR_USAGE, "\"%s\" is not a number of bits", r->word);
		return err_hint(e, "to judge a file: dhparam -check %s", r->word);
	}
	*bits = (unsigned)number;
	return 0;
}

static int
obtain(const struct request *r, EVP_PKEY **params, struct err *e)
{
	unsigned bits;

	if (r->in)
		return load(r, r->in, params, e);
	if (bits_asked(r, &bits, e) < 0)
		return -1;
	narrate(narrator_of(r), "taking RFC 7919's group of %u bits", bits);
	return dh_named(bits, params, e);
}

static int
check_absent(const struct request *r, struct err *e)
{
	if (!r->out || r->force || !file_exists(r->out))
		return 0;
	err_set(e, ERR_CANTCREATE, "%s exists", r->out);
	return err_hint(e, "choose another name, or --force to replace it");
}

static int
write_out(const struct request *r, struct span text, struct err *e)
{
	if (!r->out) {
		fwrite(text.p, 1, text.n, stdout);
		return 0;
	}
	if (check_absent(r, e) < 0 || (r->force ? file_write_atomic(r->out, text, 0644, e)
						: file_write_new(r->out, text, 0644, e)) < 0)
		return -1;
	narrate(narrator_of(r), "wrote %s", r->out);
	return 0;
}

/* -text, then the PEM, as openssl has it. */
static int
write_params(const struct request *r, EVP_PKEY *params, struct err *e)
{
	struct buf text;
	int rc = 0;

	buf_init(&text, 4 * FILE_MAX);
	if (r->text)
		rc = dh_format_text(params, &text, e);
	if (rc == 0 && !r->noout)
		rc = dh_format_pem(params, &text, e);
	if (rc == 0 && text.len > 0)
		rc = write_out(r, buf_span(&text), e);
	buf_release(&text);
	return rc;
}

/* ---- verdict ---- */

static const char *
order_words(const struct dh_report *report)
{
	switch (report->order) {
	case DH_ORDER_Q:
		return "(p-1)/2";
	case DH_ORDER_2Q:
		return "p-1";
	case DH_ORDER_OTHER:
		break;
	}
	return "other";
}

static void
tell_text(const struct dh_report *report)
{
	printf("bits        %u\n", report->bits);
	printf("group       %s\n", report->name ? report->name : "not a standard one");
	printf("prime       %s\n",
	    report->safe_prime ? "safe" : (report->prime ? "yes, but not a safe one" : "no"));
	printf("generator   %s, of order %s\n", report->generator, order_words(report));
	printf("verdict     %s\n", report->problem ? "unfit" : "fit");
}

static int
tell_json(const struct dh_report *report, struct err *e)
{
	cJSON *o = cJSON_CreateObject();
	bool ok = cJSON_AddNumberToObject(o, "schema", 1) &&
		  cJSON_AddNumberToObject(o, "bits", report->bits) &&
		  (report->name ? cJSON_AddStringToObject(o, "group", report->name)
				: cJSON_AddNullToObject(o, "group")) &&
		  cJSON_AddBoolToObject(o, "prime", report->prime) &&
		  cJSON_AddBoolToObject(o, "safe_prime", report->safe_prime) &&
		  cJSON_AddStringToObject(o, "generator", report->generator) &&
		  cJSON_AddStringToObject(o, "generator_order", order_words(report)) &&
		  cJSON_AddBoolToObject(o, "fit", report->problem == NULL) &&
		  (report->problem ? cJSON_AddStringToObject(o, "problem", report->problem)
				   : cJSON_AddNullToObject(o, "problem"));
	char *text = ok ? cJSON_Print(o) : NULL;

	cJSON_Delete(o);
	if (!text)
		return err_set(e, ERR_BUG, "cannot write JSON");
	printf("%s\n", text);
	free(text);
	return 0;
}

static int
check(const struct request *r, EVP_PKEY *params, const char *path, struct err *e)
{
	struct dh_report report;

	if (dh_check(params, &report, e) < 0)
		return -1;
	if (r->json && tell_json(&report, e) < 0)
		return -1;
	if (!r->json && !r->quiet)
		tell_text(&report);
	if (!report.problem)
		return 0;
	err_set(e, ERR_DATA, "%s: %s", path, report.problem);
	return err_hint(e, "replace it by a standard group: dhparam --force -out %s 2048", path);
}

static int
run_check(struct request *r, struct err *e)
{
	EVP_PKEY *params = NULL;
	const char *path = r->in ? r->in : r->word;
	int rc;

	if (!path || (r->in && r->word))
		return err_set(e, ERR_USAGE, "-check needs one file");
	if (r->out)
		return err_set(e, ERR_USAGE, "-check writes no file; leave -out away");
	if (load(r, path, &params, e) < 0)
		return -1;
	if (r->text) {
		r->noout = true;
		rc = write_params(r, params, e);
	} else {
		rc = 0;
	}
	if (rc == 0)
		rc = check(r, params, path, e);
	EVP_PKEY_free(params);
	return rc;
}

/* ---- search ---- */

/* One line that is written over on a terminal; else one line per phase. */
struct progress {
	bool tty;
	int shown; /* the phase, or -1 */
};

static void
tell_progress(void *arg, const struct safe_prime_stats *stats)
{
	struct progress *progress = arg;
	int phase =
	    stats->phase == SAFE_PRIME_SIEVE_LARGE ? SAFE_PRIME_SIEVE_SMALL : (int)stats->phase;
	struct buf line;

	if (!progress->tty && phase == progress->shown)
		return;
	progress->shown = phase;
	buf_init(&line, 512);
	buf_add_str(&line, progress->tty ? "\r\033[K" : "dhparam: ");
	safe_prime_report_progress(stats, progress->tty, &line);
	if (!progress->tty)
		buf_add_char(&line, '\n');
	fputs(buf_str(&line), stderr);
	buf_release(&line);
}

static void
tell_stats(const struct request *r, const struct safe_prime_stats *stats)
{
	struct buf text;

	buf_init(&text, 4096);
	if (r->json)
		safe_prime_report_json(stats, &text);
	else
		safe_prime_report_text(stats, &text);
	fputs(buf_str(&text), r->json ? stdout : stderr);
	buf_release(&text);
}

static void
on_signal(int number)
{
	interrupted = number;
}

/* A second one of the same kind ends the process at once. */
static void
watch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

/* The search itself: params stay NULL when it was interrupted. */
static int
search(const struct request *r, unsigned bits, EVP_PKEY **params, struct safe_prime_stats *stats,
    struct err *e)
{
	struct progress progress = { .tty = cli_stderr_tty(), .shown = -1 };
	struct safe_prime_request wanted = { .bits = bits,
		.threads = r->threads,
		.kernel = r->kernel,
		.cancel = &interrupted,
		.progress = r->quiet ? NULL : tell_progress,
		.arg = &progress };
	BIGNUM *p = BN_new();
	enum safe_prime_result result;
	int rc = -1;

	if (!p)
		return err_set(e, ERR_BUG, "out of memory");
	watch_signals();
	result = safe_prime_search(&wanted, p, stats, e);
	if (progress.tty && progress.shown >= 0)
		fputs("\r\033[K", stderr);
	if (result != SAFE_PRIME_FAILED)
		narrate(narrator_of(r), "kernel %s, threads %u, sieve up to 2^%u, windows %u",
		    stats->kernel, stats->threads, stats->bound_log2, stats->windows);
	if (result == SAFE_PRIME_FOUND)
		rc = dh_of_prime(p, params, e);
	else if (result == SAFE_PRIME_CANCELLED)
		rc = 0;
	BN_free(p);
	return rc;
}

/* Before minutes are spent on what could not be written. */
static int
check_generate(const struct request *r, struct err *e)
{
	if (r->check || r->in)
		return err_set(e, ERR_USAGE,
		    "--generate makes parameters; -check and -in take a file");
	if (r->json && !r->stats)
		return err_set(e, ERR_USAGE, "with --generate, --json goes with --stats");
	if (r->json && !r->out && !(r->noout && !r->text))
		return err_set(e, ERR_USAGE,
		    "--json and the parameters would share standard output; give -out FILE");
	return check_absent(r, e);
}

static int
run_generate(struct request *r, struct err *e)
{
	struct safe_prime_stats stats;
	EVP_PKEY *params = NULL;
	unsigned bits;
	int rc;

	if (check_generate(r, e) < 0 || bits_asked(r, &bits, e) < 0)
		return -1;
	if (search(r, bits, &params, &stats, e) < 0)
		return -1;
	if (!params) {
		if (r->stats)
			tell_stats(r, &stats);
		fprintf(stderr, "dhparam: interrupted, nothing was written\n");
		return 128 + interrupted;
	}
	rc = write_params(r, params, e);
	if (rc == 0 && r->stats)
		tell_stats(r, &stats);
	if (bits < BITS_FIT && !r->quiet)
		fprintf(stderr, "dhparam: warning: less than %d bits are unfit for TLS\n",
		    BITS_FIT);
	EVP_PKEY_free(params);
	return rc;
}

static int
run_standard(struct request *r, struct err *e)
{
	EVP_PKEY *params = NULL;
	int rc;

	if (r->threads || r->stats || r->kernel)
		return err_set(e, ERR_USAGE, "--threads, --stats and --kernel go with --generate");
	if (r->generator_2 && (r->check || r->in))
		return err_set(e, ERR_USAGE,
		    "-2 says what to make; the parameters of a file exist");
	if (r->check)
		return run_check(r, e);
	if (r->json)
		return err_set(e, ERR_USAGE, "--json goes with -check");
	if (r->in && r->word)
		return err_set(e, ERR_USAGE, "-in and a size contradict each other");
	if (obtain(r, &params, e) < 0)
		return -1;
	rc = write_params(r, params, e);
	EVP_PKEY_free(params);
	return rc;
}

static int
work(void *ctx, struct err *e)
{
	struct request *r = ctx;

	return r->generate ? run_generate(r, e) : run_standard(r, e);
}

int
main(int argc, char **argv)
{
	struct request r = { 0 };

	return cli_main(&program, argc, argv, &r, work);
}
