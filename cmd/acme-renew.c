/* SPDX-License-Identifier: ISC */
/*
 * acme-renew: renew every lineage of the store that is due, and see it served.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/deploy.h"
#include "libacme/invocation.h"
#include "libacme/issue.h"
#include "libacme/report.h"
#include "libacme/schedule.h"
#include "libcert/served.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define JOBS_DEFAULT 4
#define JOBS_MAX 64
/* Lineages that are looked at together. */
#define WINDOW 256

struct args {
	struct invocation call;
	const char *cert_name, *deploy_hook, *pre_hook, *post_hook;
	const char *reload, *verify, *preflight, *ca_file, *server;
	const char *schedule, *root, *log_file;
	unsigned jobs;
	bool dry, force;
};

/* ---- options --------------------------------------------------------------------------------- */

static int
set_preflight(void *ctx, const char *value, struct err *e)
{
	((struct args *)ctx)->preflight = value;
	return strcmp(value, "none") == 0 ? 0 : served_address_check(value, e);
}

static int
set_verify(void *ctx, const char *value, struct err *e)
{
	((struct args *)ctx)->verify = value;
	return deploy_verify_check(value, e);
}

static int
set_schedule(void *ctx, const char *value, struct err *e)
{
	if (strcmp(value, "install") != 0 && strcmp(value, "remove") != 0 &&
	    strcmp(value, "status") != 0)
		return err_set(e, ERR_USAGE, "it takes install, remove or status, not \"%s\"",
		    value);
	((struct args *)ctx)->schedule = value;
	return 0;
}

static const struct cli_option options[] = {
	{ "cert-name", 0, "NAME", "only this lineage", 0, CLI_TEXT(struct args, cert_name) },
	{ "force-renewal", 0, NULL, "renew even if nothing is due", 0,
	    CLI_SWITCH(struct args, force) },
	{ "renew-by-default", 0, NULL, "the same", CLI_HIDDEN, CLI_SWITCH(struct args, force) },
	{ "dry-run", 0, NULL, "a trial at the CA's trial server: prove, order, change nothing", 0,
	    CLI_SWITCH(struct args, dry) },
	{ "server", 0, "URL|NAME", "with --dry-run: try it at this CA", 0,
	    CLI_TEXT(struct args, server) },
	{ "jobs", 0, "N", "orders at a time (default: 4)", 0,
	    CLI_NUMBER(struct args, jobs, 1, JOBS_MAX) },
	{ "deploy-hook", 0, "COMMAND", "instead of the lineage's: run when a new version is live",
	    0, CLI_TEXT(struct args, deploy_hook) },
	{ "renew-hook", 0, "COMMAND", "the same", CLI_HIDDEN, CLI_TEXT(struct args, deploy_hook) },
	{ "pre-hook", 0, "COMMAND", "instead of the lineage's: run before ordering", 0,
	    CLI_TEXT(struct args, pre_hook) },
	{ "post-hook", 0, "COMMAND", "instead of the lineage's: run after ordering", 0,
	    CLI_TEXT(struct args, post_hook) },
	{ "reload", 0, "SOCKET|PIDFILE|none", "whom to reload (default: tinyproxyd if it runs)", 0,
	    CLI_TEXT(struct args, reload) },
	{ "verify", 0, "HOST:PORT[,...]|none", "where the new certificates must then be served", 0,
	    .set = set_verify },
	{ "preflight", 0, "HOST:PORT", "look for challenge files here before the CA does", 0,
	    .set = set_preflight },
	{ "no-preflight", 0, NULL, "do not look before the CA does", 0,
	    CLI_FIXED(struct args, preflight, "none") },
	{ "ca-file", 0, "FILE", "roots to trust for the CA's own TLS certificate", 0,
	    CLI_TEXT(struct args, ca_file) },
	{ "schedule", 0, "install|remove|status", "have this run by itself every six hours", 0,
	    .set = set_schedule },
	{ "root", 0, "DIR", "with --schedule: below this directory instead of /", 0,
	    CLI_TEXT(struct args, root) },
	{ "no-random-sleep-on-renew", 0, NULL, "certbot's; there is no sleep here", CLI_HIDDEN,
	    CLI_IGNORED },
	{ "log-file", 0, "FILE", "also write what happens to the end of this file", 0,
	    CLI_TEXT(struct args, log_file) },
	{ .then = invocation_options },
};

/* certbot's subcommand. */
static int
operand(void *ctx, const char *word, struct err *e)
{
	if (strcmp(word, "renew") == 0)
		return 0;
	err_set(e, ERR_USAGE, "\"%s\" is no option", word);
	return err_hint(e, "a single lineage is named with --cert-name");
}

static const struct cli_program program = {
	.name = "acme-renew",
	.usage = "[options]",
	.summary = "Renew the certificates that are due, deploy them and see them served.",
	.examples = "acme-renew -q\n"
		    "    for cron: silent unless something failed\n"
		    "acme-renew --cert-name example.com --force-renewal\n"
		    "    one lineage, now\n",
	.details =
	    "Due is what the CA asks to renew now (ARI); where it says nothing, what has less than\n"
	    "a third of its life left (half, for lives under ten days). What was renewed but not\n"
	    "seen served is deployed again by the next run.\n"
	    "Exit codes: 0 all is well, 1 some lineages failed or were not deployed, and if all\n"
	    "failed for one reason: 65 data, 69 CA unavailable, 75 try later, 78 configuration.\n",
	.options = options,
	.candidates = invocation_offer,
	.operand = operand,
};

/* ---- running --------------------------------------------------------------------------------- */

/* The command line's word counts for this run; it is not remembered. */
static void
override(const struct args *args, struct renewal *how)
{
	const struct {
		const char *given;
		const char **field;
	} rows[] = {
		{ args->ca_file, &how->ca_file },
		{ args->deploy_hook, &how->deploy_hook },
		{ args->post_hook, &how->post_hook },
		{ args->pre_hook, &how->pre_hook },
		{ args->preflight, &how->preflight },
		{ args->reload, &how->reload },
		{ args->verify, &how->verify },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].given)
			*rows[i].field = rows[i].given;
	}
}

static void
make_trial(const struct args *args, struct issue *job)
{
	if (args->server && strcmp(args->server, job->how.server) != 0) {
		job->how.server = args->server;
		job->how.account = NULL;
	}
	issue_make_trial(job);
}

/* A trial server's terms bind nobody; elsewhere a lineage has an account already. */
static bool
agree(void *arg, const char *terms)
{
	return true;
}

static struct issue *
make_job(const struct args *args, const char *name)
{
	struct certstore *store = args->call.store;
	struct issue *job = issue_new(store, name);
	struct err e = ERR_INIT;

	job->force = args->force;
	job->directory_hooks = true;
	if (renewal_load(store, name, job->arena, &job->how, &e) < 0) {
		issue_fail(job, &e);
	} else {
		override(args, &job->how);
		if (args->dry)
			make_trial(args, job);
	}
	err_release(&e);
	return job;
}

/* What a run goes through. */
struct survey {
	const struct args *args;
	const struct issue_options *run;
	struct ari_asker *asker;
	struct issue **jobs;
	size_t count, decided; /* those from decided on were only made */
};

/* Ask the CAs about what is not due by its life, where the last answer has grown old. */
static void
ask_when(struct survey *s)
{
	struct ari_subject subjects[WINDOW];
	size_t n = 0;

	for (size_t i = s->decided; i < s->count; i++) {
		struct issue *job = s->jobs[i];

		if (job->outcome == ISSUE_UNDECIDED && !job->dry && issue_look(job))
			subjects[n++] = (struct ari_subject){ .name = job->name,
				.server = job->how.server,
				.ca_file = job->how.ca_file,
				.leaf = job->live.leaf };
	}
	if (n)
		ari_ask(s->asker, subjects, n);
}

static void
decide(struct issue *job, struct report *report)
{
	if (job->outcome != ISSUE_UNDECIDED)
		return;
	issue_decide(job);
	if (job->order_wanted && job->ari.at && job->ari.at <= clock_wall() &&
	    job->ari.explanation) {
		char *text = mem_printf("the CA asks for its renewal: %s", job->ari.explanation);

		report_say(report, job, text);
		free(text);
	}
}

static bool
is_wanted(const struct args *args, const char *name)
{
	char *path;
	bool managed;

	if (args->cert_name)
		return strcmp(args->cert_name, name) == 0;
	/* Without a renewal configuration it is none of our business. */
	path = mem_printf("%s/renewal/%s.conf", certstore_dir(args->call.store), name);
	managed = file_exists(path);
	free(path);
	return managed;
}

/* Of what is kept nobody wants to hear in a quiet run. */
static bool
is_silent(const struct args *args)
{
	return args->call.quiet && !args->call.json;
}

/* Each lineage that is due holds its lock: a descriptor. */
static void
make_room(size_t locks)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || locks + WINDOW < limit.rlim_cur)
		return;
	limit.rlim_cur = locks + 4 * WINDOW < limit.rlim_max ? locks + 4 * WINDOW : limit.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &limit);
}

/* Nothing was, or is, to be done. */
static bool
is_over(const struct issue *job)
{
	return (job->outcome == ISSUE_KEPT || job->outcome == ISSUE_OFF) && !job->restapled;
}

/* A windowful at a time, and what needs no order is forgotten, or nearly: however many there are, they fit. */
static void
decide_window(struct survey *s)
{
	size_t kept = s->decided;

	make_room(s->count);
	ask_when(s);
	for (size_t i = s->decided; i < s->count; i++)
		decide(s->jobs[i], s->run->arg);
	issue_staple(s->jobs + s->decided, s->count - s->decided, s->run);
	for (size_t i = s->decided; i < s->count; i++) {
		struct issue *job = s->jobs[i];

		issue_rest(job);
		if (is_over(job) && is_silent(s->args))
			issue_free(job);
		else
			s->jobs[kept++] = job;
	}
	s->count = s->decided = kept;
}

static void
add_lineage(struct survey *s, const char *name)
{
	struct issue *job = make_job(s->args, name);

	if (is_silent(s->args) && job->outcome == ISSUE_UNDECIDED && issue_pass_by(job)) {
		issue_free(job);
		return;
	}
	s->jobs = mem_realloc_array(s->jobs, s->count + 1, sizeof(*s->jobs));
	s->jobs[s->count++] = job;
	if (s->count - s->decided == WINDOW)
		decide_window(s);
}

static int
decide_all(struct survey *s, struct err *e)
{
	const struct args *args = s->args;
	struct certstore *store = args->call.store;
	struct arena *arena = arena_new(0);
	struct span *names;
	bool found = false;
	size_t name_count;
	int rc = certstore_list(store, arena, &names, &name_count, e);

	for (size_t i = 0; rc == 0 && i < name_count; i++) {
		if (!is_wanted(args, names[i].p))
			continue;
		found = true;
		add_lineage(s, names[i].p);
	}
	decide_window(s);
	if (rc == 0 && !found && args->cert_name)
		rc = err_set(e, ERR_NOINPUT, "there is no lineage %s in %s", args->cert_name,
		    certstore_dir(store));
	arena_free(arena);
	return rc;
}

static void
tell(const struct args *args, struct report *report, struct issue *const *jobs, size_t count)
{
	report_end(report);
	for (size_t i = 0; i < count; i++) {
		if (jobs[i]->outcome == ISSUE_FAILED || jobs[i]->outcome == ISSUE_NOT_DEPLOYED)
			report_failure(report, jobs[i], stderr);
	}
	if (args->call.json)
		report_json(jobs, count, acme_http_counts(args->call.http), stdout);
	else if (!args->call.quiet)
		report_table(jobs, count, stdout);
}

static int
check_args(struct args *args, struct err *e)
{
	if (args->server && !args->dry) {
		err_set(e, ERR_USAGE, "--server goes with --dry-run");
		return err_hint(e, "a lineage moves to another CA by acme-issue --server");
	}
	if (!args->server)
		return 0;
	args->server = acme_server_url(args->server, e);
	return args->server ? 0 : -1;
}

static int
renew(struct args *args, struct err *e)
{
	struct report report;
	struct issue_options run = {
		.http = args->call.http,
		.jobs = args->jobs,
		.say = report_say,
		.arg = &report,
	};
	struct survey s = { .args = args, .run = &run };
	int code = -1;

	s.asker = ari_asker_new(args->call.http, args->call.store);
	if (args->dry && (!args->server || acme_server_is_trial(args->server)))
		run.account.agree = agree;
	if (report_begin(&report, &args->call, args->log_file, e) == 0 && decide_all(&s, e) == 0) {
		(void)!issue_run(s.jobs, s.count, &run, e);
		tell(args, &report, s.jobs, s.count);
		code = issue_exit_code(s.jobs, s.count);
	}
	for (size_t i = 0; i < s.count; i++)
		issue_free(s.jobs[i]);
	free(s.jobs);
	ari_asker_free(s.asker);
	return code;
}

/* --schedule; exit code 1 when asked for the status and nothing is scheduled. */
static int
run_schedule(const struct args *args, struct err *e)
{
	char program_path[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", program_path, sizeof(program_path) - 1);
	struct schedule s = { .root = args->root ? args->root : "", .program = program_path };
	char *store = NULL;
	bool active = true;
	struct buf out;
	int rc;

	if (n <= 0)
		return err_exit_code(ERR_BUG);
	if (strcmp(args->call.config_dir, CERTSTORE_DIRECTORY) != 0)
		s.config_dir = store = realpath(args->call.config_dir, NULL);
	if (store == NULL && strcmp(args->call.config_dir, CERTSTORE_DIRECTORY) != 0) {
		err_set_errno(e, errno, "cannot schedule renewals of %s", args->call.config_dir);
		return err_exit_code(e->kind);
	}
	buf_init(&out, (size_t)64 * 1024);
	if (strcmp(args->schedule, "install") == 0)
		rc = schedule_install(&s, &out, e);
	else if (strcmp(args->schedule, "remove") == 0)
		rc = schedule_remove(&s, &out, e);
	else
		rc = schedule_status(&s, &active, &out, e);
	if (!args->call.quiet)
		fputs(buf_str(&out), stdout);
	buf_release(&out);
	free(store);
	return rc < 0 ? err_exit_code(e->kind) : active ? 0 : 1;
}

static int
work(void *ctx, struct err *e)
{
	struct args *args = ctx;
	int code = -1;

	if (args->schedule)
		return run_schedule(args, e);
	if (check_args(args, e) == 0 && invocation_open(&args->call, e) == 0)
		code = renew(args, e);
	invocation_close(&args->call);
	return code;
}

int
main(int argc, char **argv)
{
	struct args args = { .call = INVOCATION_INIT, .jobs = JOBS_DEFAULT };

	return cli_main(&program, argc, argv, &args, work);
}
