/* SPDX-License-Identifier: ISC */
/*
 * acme-issue: obtain one certificate lineage from an ACME CA and put it into service.
 */
#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/asked.h"
#include "libacme/batch.h"
#include "libacme/invocation.h"
#include "libacme/report.h"

#include <stdio.h>

#define JOBS_DEFAULT 4
#define JOBS_MAX 64
#define BATCH_MAX ((size_t)4 * 1024 * 1024)

struct args {
	struct invocation call;
	struct asked asked;
	const char *batch;
	unsigned jobs;
	const char *email, *eab_kid, *eab_key, *log_file;
	bool agree_tos, no_email, staging, keep;
	bool trial_server;
};

/* ---- options --------------------------------------------------------------------------------- */

static int
set_reuse_key(void *ctx, const char *value, struct err *e)
{
	((struct args *)ctx)->asked.reuse_key = 1;
	return 0;
}

static int
set_no_reuse_key(void *ctx, const char *value, struct err *e)
{
	((struct args *)ctx)->asked.reuse_key = 0;
	return 0;
}

static int
add_names(void *ctx, const char *value, struct err *e)
{
	return asked_add_names(&((struct args *)ctx)->asked, value, e);
}

static int
add_webroot(void *ctx, const char *value, struct err *e)
{
	return asked_add_webroot(&((struct args *)ctx)->asked, value, e);
}

static const struct cli_option options[] = {
	{ "domain", 'd', "NAME[,NAME]", "name to certify; may be repeated", 0, .set = add_names },
	{ "domains", 0, "NAME[,NAME]", "the same", CLI_HIDDEN, .set = add_names },
	{ "webroot-path", 'w', "DIR", "directory that port 80 shows for the names after it", 0,
	    .set = add_webroot },
	{ "webroot", 0, NULL, "prove names by files in a web root (the default)", 0, CLI_IGNORED },
	{ "standalone", 0, NULL, "prove names by a server of our own, while it takes", 0,
	    CLI_SWITCH(struct args, asked.standalone) },
	{ "http-01-port", 0, "PORT", "with --standalone: listen here (default: 80)", 0,
	    CLI_TEXT(struct args, asked.http_port) },
	{ "http-01-address", 0, "ADDRESS", "with --standalone: and here (default: everywhere)", 0,
	    CLI_TEXT(struct args, asked.http_address) },
	{ "tls-alpn-01-port", 0, "PORT", "the same for tls-alpn-01 (default: 443)", 0,
	    CLI_TEXT(struct args, asked.tls_alpn_port) },
	{ "tinyproxyd", 0, NULL, "prove names by tls-alpn-01, shown by a running tinyproxyd", 0,
	    CLI_SWITCH(struct args, asked.tinyproxyd) },
	{ "dns-hook", 0, "PROGRAM", "prove names by dns-01: PROGRAM is called as dehydrated does",
	    0, CLI_TEXT(struct args, asked.dns_hook) },
	{ "manual", 0, NULL, "certbot's word for proving by hooks", CLI_HIDDEN,
	    CLI_SWITCH(struct args, asked.manual) },
	{ "manual-auth-hook", 0, "COMMAND", "show a challenge: called as certbot does", 0,
	    CLI_TEXT(struct args, asked.auth_hook) },
	{ "manual-cleanup-hook", 0, "COMMAND", "take it away again", 0,
	    CLI_TEXT(struct args, asked.cleanup_hook) },
	{ "preferred-challenges", 0, "http-01|dns-01|tls-alpn-01", "which, where several work", 0,
	    CLI_TEXT(struct args, asked.challenge) },
	{ "dns-server", 0, "ADDRESS[:PORT]", "ask this one before the CA asks its own", 0,
	    CLI_TEXT(struct args, asked.dns_server) },
	{ "dns-propagation-seconds", 0, "N", "wait for all name servers (default: up to 120)", 0,
	    CLI_TEXT(struct args, asked.propagation) },
	{ "cert-name", 0, "NAME", "name of the lineage (default: the first name)", 0,
	    CLI_TEXT(struct args, asked.cert_name) },
	{ "server", 0, "URL|NAME[,...]",
	    "the CA (letsencrypt, zerossl, a URL ...), and those to fall back on", 0,
	    CLI_TEXT(struct args, asked.server) },
	{ "staging", 0, NULL, "Let's Encrypt's staging CA: for trials", 0,
	    CLI_SWITCH(struct args, staging) },
	{ "test-cert", 0, NULL, "the same", CLI_HIDDEN, CLI_SWITCH(struct args, staging) },
	{ "dry-run", 0, NULL, "a trial at the CA's trial server: prove, order, change nothing", 0,
	    CLI_SWITCH(struct args, asked.dry) },
	{ "ca-file", 0, "FILE", "roots to trust for the CA's own TLS certificate", 0,
	    CLI_TEXT(struct args, asked.ca_file) },
	{ "email", 'm', "ADDRESS", "contact for a new account", 0, CLI_TEXT(struct args, email) },
	{ "register-unsafely-without-email", 0, NULL, "a new account without contact (the default)",
	    CLI_HIDDEN, CLI_SWITCH(struct args, no_email) },
	{ "agree-tos", 0, NULL, "agree to the CA's terms for a new account", 0,
	    CLI_SWITCH(struct args, agree_tos) },
	{ "eab-kid", 0, "KID", "new account: key id that the CA's web site gave out", 0,
	    CLI_TEXT(struct args, eab_kid) },
	{ "eab-hmac-key", 0, "FILE|-|env:NAME", "new account: where the HMAC key for it is", 0,
	    CLI_TEXT(struct args, eab_key) },
	{ "account", 0, "ID", "use this account, if there are several", 0,
	    CLI_TEXT(struct args, asked.account) },
	{ "key-type", 0, "ecdsa|rsa", "kind of key (default: ecdsa)", 0,
	    CLI_TEXT(struct args, asked.key_type) },
	{ "elliptic-curve", 0, "secp256r1|secp384r1|secp521r1", "the curve (default: secp256r1)", 0,
	    CLI_TEXT(struct args, asked.curve) },
	{ "rsa-key-size", 0, "BITS", "2048 (default) to 8192", 0,
	    CLI_TEXT(struct args, asked.rsa_bits) },
	{ "reuse-key", 0, NULL, "keep the key when renewing", 0, .set = set_reuse_key },
	{ "no-reuse-key", 0, NULL, "a new key for each renewal (the default)", 0,
	    .set = set_no_reuse_key },
	{ "preferred-chain", 0, "ISSUER", "the chain whose top was issued by this common name", 0,
	    CLI_TEXT(struct args, asked.preferred_chain) },
	{ "preferred-profile", 0, "PROFILE", "the CA's profile (shortlived ...), if it has it", 0,
	    CLI_TEXT(struct args, asked.preferred_profile) },
	{ "required-profile", 0, "PROFILE", "the CA's profile, or nothing", 0,
	    CLI_TEXT(struct args, asked.required_profile) },
	{ "must-staple", 0, NULL, "servers must staple an OCSP response", 0,
	    CLI_SWITCH(struct args, asked.must_staple) },
	{ "csr", 0, "FILE", "a certificate for this request, not for a key of ours", 0,
	    CLI_TEXT(struct args, asked.csr) },
	{ "fullchain-path", 0, "FILE", "with --csr: leaf and chain go here (fullchain.pem)", 0,
	    CLI_TEXT(struct args, asked.fullchain_path) },
	{ "cert-path", 0, "FILE", "with --csr: the leaf (cert.pem)", 0,
	    CLI_TEXT(struct args, asked.cert_path) },
	{ "chain-path", 0, "FILE", "with --csr: the chain (chain.pem)", 0,
	    CLI_TEXT(struct args, asked.chain_path) },
	{ "overwrite", 0, NULL, "with --csr: the files may be there already", 0,
	    CLI_SWITCH(struct args, asked.overwrite) },
	{ "batch", 0, "FILE", "a lineage for each line of options in FILE (-: standard input)", 0,
	    CLI_TEXT(struct args, batch) },
	{ "jobs", 0, "N", "with --batch: orders at a time (default: 4)", 0,
	    CLI_NUMBER(struct args, jobs, 1, JOBS_MAX) },
	{ "expand", 0, NULL, "add names to the existing lineage", 0,
	    CLI_SWITCH(struct args, asked.expand) },
	{ "force-renewal", 0, NULL, "order even if nothing is due", 0,
	    CLI_SWITCH(struct args, asked.force) },
	{ "renew-by-default", 0, NULL, "the same", CLI_HIDDEN,
	    CLI_SWITCH(struct args, asked.force) },
	{ "keep-until-expiring", 0, NULL, "do nothing unless due (the default)", 0,
	    CLI_SWITCH(struct args, keep) },
	{ "keep", 0, NULL, "the same", CLI_HIDDEN, CLI_SWITCH(struct args, keep) },
	{ "preflight", 0, "HOST:PORT", "look for the challenge file here before the CA does", 0,
	    CLI_TEXT(struct args, asked.preflight) },
	{ "no-preflight", 0, NULL, "do not look before the CA does", 0,
	    CLI_FIXED(struct args, asked.preflight, "none") },
	{ "pre-hook", 0, "COMMAND", "run before ordering", 0,
	    CLI_TEXT(struct args, asked.pre_hook) },
	{ "post-hook", 0, "COMMAND", "run after ordering", 0,
	    CLI_TEXT(struct args, asked.post_hook) },
	{ "deploy-hook", 0, "COMMAND", "run when a new certificate is live", 0,
	    CLI_TEXT(struct args, asked.deploy_hook) },
	{ "renew-hook", 0, "COMMAND", "the same", CLI_HIDDEN,
	    CLI_TEXT(struct args, asked.deploy_hook) },
	{ "reload", 0, "SOCKET|PIDFILE|none", "whom to reload (default: tinyproxyd if it runs)", 0,
	    CLI_TEXT(struct args, asked.reload) },
	{ "verify", 0, "HOST:PORT[,...]|none", "where the new certificate must then be served", 0,
	    CLI_TEXT(struct args, asked.verify) },
	{ "log-file", 0, "FILE", "also write what happens to the end of this file", 0,
	    CLI_TEXT(struct args, log_file) },
	{ .then = invocation_options },
};

/* certbot's subcommand. */
static int
operand(void *ctx, const char *word, struct err *e)
{
	if (strcmp(word, "certonly") == 0)
		return 0;
	err_set(e, ERR_USAGE, "\"%s\" is no option", word);
	return err_hint(e, "names are given with -d");
}

static const struct cli_program program = {
	.name = "acme-issue",
	.usage = "-d NAME[,NAME]... -w DIR... [options]",
	.summary = "Obtain a certificate from an ACME CA and put it into service.",
	.examples = "acme-issue -w /var/www/html -d example.com -d www.example.com --agree-tos\n"
		    "    one certificate for both names, proved by files below /var/www/html\n"
		    "acme-issue --staging -w /var/www/html -d example.com --cert-name trial\n"
		    "    a trial that costs nothing of the CA's limits\n"
		    "acme-issue --batch FILE --jobs 16\n"
		    "    many, each by a line of options such as -d a.example -w /srv/a\n",
	.details =
	    "Exit codes: 0 done or nothing due, 1 not validated or not deployed, 64 usage,\n"
	    "65 refused by the CA's policy, 69 CA unavailable, 75 try later, 77 permission,\n"
	    "78 configuration. The certificate is renewed by acme-renew.\n",
	.options = options,
	.candidates = invocation_offer,
	.operand = operand,
};

/* ---- running --------------------------------------------------------------------------------- */

static bool
agree(void *arg, const char *terms)
{
	const struct args *args = arg;

	/* A trial server's terms bind nobody. */
	return args->agree_tos || args->trial_server || invocation_agree(&args->call, terms);
}

static int
check_args(struct args *args, struct err *e)
{
	if (args->staging && args->asked.server)
		return err_set(e, ERR_USAGE, "--staging and --server contradict each other");
	if (args->keep && args->asked.force)
		return err_set(e, ERR_USAGE,
		    "--keep-until-expiring and --force-renewal contradict each other");
	if (args->email && args->no_email)
		return err_set(e, ERR_USAGE,
		    "--email and --register-unsafely-without-email contradict each other");
	if (args->staging)
		args->asked.server = ACME_SERVER_STAGING;
	return 0;
}

static void
tell(const struct args *args, struct report *report, struct issue *const *jobs, size_t count)
{
	report_end(report);
	for (size_t i = 0; i < count; i++) {
		if (jobs[i]->error.kind != ERR_NONE)
			report_failure(report, jobs[i], stderr);
	}
	if (args->call.json)
		report_json(jobs, count, acme_http_counts(args->call.http), stdout);
	else if (!args->call.quiet && args->batch)
		report_table(jobs, count, stdout);
	else if (!args->call.quiet)
		report_issued(jobs[0], stdout);
}

/* ---- many at once ---------------------------------------------------------------------------- */

struct batch {
	struct issue **jobs;
	size_t count;
};

static void
batch_add(struct batch *b, struct issue *job)
{
	b->jobs = mem_realloc_array(b->jobs, b->count + 1, sizeof(*b->jobs));
	b->jobs[b->count++] = job;
}

static void
batch_release(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		issue_free(b->jobs[i]);
	free(b->jobs);
}

static int
check_line(const struct args *args, const struct args *line, const struct batch *b,
    const struct issue *job, struct err *e)
{
	/* All that is not about the lineage is the run's. */
	if (line->batch != args->batch || line->jobs != args->jobs || line->email != args->email ||
	    line->eab_kid != args->eab_kid || line->eab_key != args->eab_key ||
	    line->log_file != args->log_file || line->call.config_dir != args->call.config_dir ||
	    line->call.json != args->call.json || line->call.quiet != args->call.quiet ||
	    line->call.verbose != args->call.verbose)
		return err_set(e, ERR_USAGE,
		    "only options of a lineage stand in a batch file: the others hold for the "
		    "whole run");
	for (size_t i = 0; i < b->count; i++) {
		if (strcmp(b->jobs[i]->name, job->name) == 0)
			return err_set(e, ERR_USAGE, "%s is asked for twice: give one --cert-name",
			    job->name);
	}
	return 0;
}

static int
check_words(const struct batch_line *line, struct err *e)
{
	static const char *const printing[] = { "-h", "--help", "--version", "--completion-words" };

	for (int i = 1; i < line->word_count; i++) {
		for (size_t j = 0; j < sizeof(printing) / sizeof(printing[0]); j++) {
			if (strcmp(line->words[i], printing[j]) == 0)
				return err_set(e, ERR_USAGE, "%s asks for no certificate",
				    printing[j]);
		}
	}
	return 0;
}

/* A line that is wrong is a failed job: it stops no other. */
static void
add_line(const struct args *args, const struct batch_line *words, struct batch *b)
{
	struct args line = *args;
	struct issue *job = NULL;
	struct err e = ERR_INIT;
	char name[32];
	bool good;

	asked_copy(&args->asked, &line.asked);
	good = check_words(words, &e) == 0 &&
	       cli_parse(&program, words->word_count, words->words, &line, &e) == CLI_OK &&
	       check_args(&line, &e) == 0 &&
	       asked_make(&line.asked, args->call.store, &job, &e) == 0 &&
	       check_line(args, &line, b, job, &e) == 0;
	if (!good) {
		issue_free(job);
		snprintf(name, sizeof(name), "line %u", words->number);
		job = issue_new(args->call.store, name);
		issue_fail(job, &e);
	}
	batch_add(b, job);
	asked_release(&line.asked);
	err_release(&e);
}

static int
add_lines(struct args *args, struct arena *arena, struct batch *b, struct err *e)
{
	const char *path = strcmp(args->batch, "-") == 0 ? "/dev/stdin" : args->batch;
	struct batch_line *lines;
	struct buf text;
	size_t count = 0;
	int rc = -1;

	if (args->asked.name_count || args->asked.cert_name || args->asked.csr)
		return err_set(e, ERR_USAGE, "with --batch, names stand in the file");
	buf_init(&text, BATCH_MAX);
	if (file_read(path, &text, e) == 0)
		rc = batch_parse(buf_span(&text), path, program.name, arena, &lines, &count, e);
	buf_release(&text);
	for (size_t i = 0; rc == 0 && i < count; i++)
		add_line(args, &lines[i], b);
	return rc;
}

static int
make_jobs(struct args *args, struct arena *arena, struct batch *b, struct err *e)
{
	struct issue *job;

	if (check_args(args, e) < 0)
		return -1;
	if (args->batch)
		return add_lines(args, arena, b, e);
	if (asked_make(&args->asked, args->call.store, &job, e) < 0)
		return -1;
	batch_add(b, job);
	args->trial_server = args->asked.dry && acme_server_is_trial(job->how.server);
	return 0;
}

static void
decide(struct issue *job)
{
	if (job->outcome != ISSUE_UNDECIDED)
		return;
	job->by_hand = true;
	issue_decide(job);
	if (job->outcome == ISSUE_BUSY)
		job->outcome = ISSUE_FAILED; /* asked for by hand: to be told */
	if (job->outcome == ISSUE_KEPT)
		issue_keep_settings(job);
}

static int
run_jobs(struct args *args, struct batch *b, struct issue_options *run, struct err *e)
{
	int code;

	for (size_t i = 0; i < b->count; i++)
		decide(b->jobs[i]);
	(void)!issue_run(b->jobs, b->count, run, e);
	for (size_t i = 0; i < b->count; i++) {
		enum issue_outcome outcome = b->jobs[i]->outcome;

		if (b->jobs[i]->save && (outcome == ISSUE_ISSUED || outcome == ISSUE_KEPT))
			issue_register(b->jobs[i], run);
	}
	tell(args, run->arg, b->jobs, b->count);
	code = issue_exit_code(b->jobs, b->count);
	return code;
}

static int
work(void *ctx, struct err *e)
{
	struct args *args = ctx;
	struct report report;
	struct eab eab;
	struct issue_options run = {
		.jobs = args->jobs,
		.account = { .email = args->email, .agree = agree, .arg = args, .eab = &eab },
		.say = report_say,
		.arg = &report,
	};
	struct arena *arena = arena_new(0);
	struct batch b = { .count = 0 };
	int code = -1;

	eab_init(&eab);
	if (invocation_open(&args->call, e) == 0 &&
	    eab_load(args->eab_kid, args->eab_key, &eab, e) == 0 &&
	    make_jobs(args, arena, &b, e) == 0 &&
	    report_begin(&report, &args->call, args->log_file, e) == 0) {
		run.http = args->call.http;
		code = run_jobs(args, &b, &run, e);
	}
	batch_release(&b);
	invocation_close(&args->call);
	eab_release(&eab);
	arena_free(arena);
	return code;
}

int
main(int argc, char **argv)
{
	struct args args = { .call = INVOCATION_INIT, .jobs = JOBS_DEFAULT };
	int code;

	asked_init(&args.asked);
	code = cli_main(&program, argc, argv, &args, work);
	asked_release(&args.asked);
	return code;
}
