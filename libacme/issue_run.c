/* SPDX-License-Identifier: ISC */
/*
 * issue_run: many lineages in one process: one CA object per (server, account, roots), opened
 * once and shared; at most `jobs` orders at a time; one reload per thing to reload.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "libacme/backoff.h"
#include "libacme/deploy.h"
#include "libacme/hook.h"
#include "libacme/issue.h"
#include "libacme/nonce_store.h"

/* A clock this wrong makes a fresh certificate look expired or not yet valid. */
#define SKEW_MAX_S 3600

/* One CA as one account sees it. */
struct authority {
	struct authority *next;
	const char *server, *account_id, *ca_file; /* borrowed from the first job */
	struct acme *ca;
	struct certstore *store; /* NULL: the CA did not answer */
	struct account account;
	struct err failure;
	char *skew; /* "this machine's clock is ..."; NULL = it is right */
};

struct batch {
	struct issue *const *jobs;
	size_t count, next; /* next: the first that was not started */
	const struct issue_options *options;
	struct authority *authorities;
};

static void
say(const struct batch *b, const struct issue *job, const char *text)
{
	if (b->options->say)
		b->options->say(b->options->arg, job, text);
}

/* ---- CAs ------------------------------------------------------------------------------------- */

static bool
same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void
on_open(void *arg, struct err *e)
{
	struct authority *a = arg;

	if (e)
		err_move(&a->failure, e);
}

static void
authority_open(struct batch *b, struct authority *a, struct issue *job)
{
	int64_t skew;

	say(b, NULL, "connecting to the CA");
	a->ca = acme_new(b->options->http, a->server, a->ca_file);
	acme_open(a->ca, on_open, a);
	acme_http_run(b->options->http);
	if (a->failure.kind != ERR_NONE)
		return;
	a->store = job->store;
	nonce_store_take(a->store, a->ca);
	skew = acme_clock_skew(a->ca);
	if (skew > SKEW_MAX_S || skew < -SKEW_MAX_S) {
		a->skew = mem_printf("this machine's clock is %lld minutes %s the CA's",
		    (long long)(skew < 0 ? -skew : skew) / 60, skew < 0 ? "behind" : "ahead of");
		say(b, NULL, a->skew);
	}
	(void)!account_use(job->store, a->ca, a->account_id, &b->options->account, &a->account,
	    &a->failure);
}

static struct authority *
authority_for(struct batch *b, struct issue *job)
{
	const struct renewal *how = &job->how;
	struct authority *a;

	for (a = b->authorities; a; a = a->next) {
		if (same(a->server, how->server) && same(a->account_id, how->account) &&
		    same(a->ca_file, how->ca_file))
			return a;
	}
	a = mem_zalloc(sizeof(*a));
	a->server = how->server;
	a->account_id = how->account;
	a->ca_file = how->ca_file;
	a->next = b->authorities;
	b->authorities = a;
	authority_open(b, a, job);
	return a;
}

static void
authorities_free(struct batch *b)
{
	struct authority *a;

	while ((a = b->authorities)) {
		b->authorities = a->next;
		if (a->store)
			nonce_store_keep(a->store, a->ca);
		acme_free(a->ca);
		account_release(&a->account);
		err_release(&a->failure);
		free(a->skew);
		free(a);
	}
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void
fail_with(struct issue *job, const struct err *failure)
{
	struct err e = ERR_INIT;

	err_set(&e, failure->kind, "%s", err_text(failure));
	if (failure->hint)
		err_hint(&e, "%s", failure->hint);
	e.retry_at = failure->retry_at;
	issue_fail(job, &e);
	err_release(&e);
}

/* A job that failed goes to its next CA, if it has one. */
static bool
fall_back(struct batch *b, struct issue *job)
{
	char *why = mem_strdup(err_text(&job->error)), *text;
	bool falls = !acme_http_stopped(b->options->http) && issue_fall_back(job);

	if (falls) {
		text = mem_printf("%s; going on with %s", why, job->how.server);
		say(b, job, text);
		free(text);
	}
	free(why);
	return falls;
}

static void
open_authority(struct batch *b, struct issue *job)
{
	struct authority *a;

	do {
		a = authority_for(b, job);
		if (a->failure.kind == ERR_NONE) {
			job->ca = a->ca;
			job->how.account = arena_strdup(job->arena, span_str(a->account.id));
			return;
		}
		if (job->attempts)
			backoff_failed(job->store, job->attempts, job->names, job->name_count,
			    &a->failure, false);
		fail_with(job, &a->failure);
	} while (fall_back(b, job));
}

static bool
is_waiting(const struct issue *job)
{
	return job->order_wanted && job->outcome == ISSUE_UNDECIDED;
}

/* Each job gets its CA, ready to sign, or fails. */
static void
open_authorities(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		if (is_waiting(b->jobs[i]))
			open_authority(b, b->jobs[i]);
	}
}

static void start_next(struct batch *b);

static void
go_on(void *arg)
{
	struct issue *job = arg;

	if (job->outcome != ISSUE_FAILED)
		issue_forget_order(job);
	issue_rest(job);
	start_next(job->done_arg);
}

static void
on_done(void *arg, struct issue *job)
{
	struct batch *b = arg;

	say(b, job,
	    job->outcome == ISSUE_FAILED  ? "failed"
	    : job->outcome == ISSUE_TRIED ? "tried"
					  : "issued");
	/* From the loop: this runs below the order that has just ended. */
	acme_http_after(b->options->http, 0, go_on, job);
}

static void
start_next(struct batch *b)
{
	while (b->next < b->count) {
		struct issue *job = b->jobs[b->next++];

		if (is_waiting(job)) {
			issue_start(job, b->options, on_done, b);
			return;
		}
	}
}

static void
run_orders(struct batch *b)
{
	bool again;

	do {
		b->next = 0;
		for (unsigned i = 0; i < (b->options->jobs ? b->options->jobs : 1); i++)
			start_next(b);
		acme_http_run(b->options->http);
		again = false;
		for (size_t i = 0; i < b->count; i++) {
			if (b->jobs[i]->outcome == ISSUE_FAILED && b->jobs[i]->order &&
			    fall_back(b, b->jobs[i])) {
				open_authority(b, b->jobs[i]);
				again = again || is_waiting(b->jobs[i]);
			}
		}
	} while (again);
}

/* What went wrong under a wrong clock may well have gone wrong because of it. */
static void
blame_clocks(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct issue *job = b->jobs[i];

		for (struct authority *a = b->authorities; a; a = a->next) {
			if (a->skew && job->ca == a->ca && job->outcome == ISSUE_FAILED)
				err_hint(&job->error, "%s: set it right (NTP)", a->skew);
		}
	}
}

/* ---- hooks before and after, reloads --------------------------------------------------------- */

static const char *
hook_of(const struct issue *job, bool post)
{
	return post ? job->how.post_hook : job->how.pre_hook;
}

/* Names of all jobs that came out so, one after the other, on the heap. */
static struct span *
names_of(const struct batch *b, bool failed, size_t *count)
{
	struct span *names = NULL;

	*count = 0;
	for (size_t i = 0; i < b->count; i++) {
		const struct issue *job = b->jobs[i];
		bool is_failed = job->outcome == ISSUE_FAILED;

		if (!job->tried || is_failed != failed)
			continue;
		for (size_t n = 0; n < job->name_count; n++) {
			names = mem_realloc_array(names, *count + 1, sizeof(*names));
			names[(*count)++] = job->names[n];
		}
	}
	return names;
}

/* As certbot: each distinct command once, those of the directory first. */
static void
run_hooks(struct batch *b, bool post, const struct hook_context *context, struct err *e)
{
	const char *what = post ? "post hook" : "pre hook";
	struct err why = ERR_INIT;
	bool directory = false;

	for (size_t i = 0; i < b->count; i++) {
		struct issue *job = b->jobs[i];
		const char *hook = hook_of(job, post);
		bool seen = false;

		if (!job->tried)
			continue;
		if (job->directory_hooks && !directory) {
			directory = true;
			if (hook_run_directory(job->store, post ? "post" : "pre", NULL, context,
				&why) < 0)
				err_move(e, &why);
		}
		for (size_t j = 0; hook && j < i && !seen; j++)
			seen = b->jobs[j]->tried && same(hook_of(b->jobs[j], post), hook);
		if (hook && !seen && hook_run(what, hook, context, &why) < 0)
			err_move(e, &why);
	}
	err_release(&why);
}

/* They learn what came of it. */
static void
run_post_hooks(struct batch *b, struct err *e)
{
	struct hook_context context = { .lineage = NULL };
	struct span *good = names_of(b, false, &context.name_count);
	struct span *bad = names_of(b, true, &context.failed_count);

	context.names = good;
	context.failed = bad;
	run_hooks(b, true, &context, e);
	free(good);
	free(bad);
}

/* Who shows an OCSP response that is growing old shows it a little longer. */
static void
tell_restapled(const struct batch *b, struct issue *job, const struct err *reload_error)
{
	char *text = mem_printf("its OCSP response is not in service: %s", err_text(reload_error));

	say(b, job, text);
	free(text);
}

/* Reload target once and deploy all jobs that hang on it. */
static void
deploy_group(struct batch *b, size_t first)
{
	const char *target = b->jobs[first]->how.reload;
	struct err e = ERR_INIT;
	bool reloaded;
	int rc;

	certstore_step("issue.reload");
	rc = deploy_reload(target, &reloaded, &e);
	if (reloaded)
		say(b, NULL, rc == 0 ? "reloaded the proxy" : "the proxy did not reload");
	for (size_t i = first; i < b->count; i++) {
		struct issue *job = b->jobs[i];

		if (!same(job->how.reload, target))
			continue;
		if (job->restapled && !job->deploy_wanted && rc < 0)
			tell_restapled(b, job, &e);
		job->restapled = false;
		if (!job->deploy_wanted)
			continue;
		if (job->verify)
			say(b, job, "looking at what is served");
		issue_deploy(job, rc < 0 ? &e : NULL);
		job->deploy_wanted = false;
	}
	err_release(&e);
}

int
issue_run(struct issue *const *jobs, size_t count, const struct issue_options *options,
    struct err *e)
{
	struct solver_shared *solvers = solver_shared_new(options->http);
	struct issue_options with = *options;
	struct batch b = { .jobs = jobs, .count = count, .options = &with };
	struct err why = ERR_INIT;

	with.solvers = solvers;
	open_authorities(&b);
	for (size_t i = 0; i < count; i++)
		jobs[i]->tried = jobs[i]->order_wanted;
	run_hooks(&b, false, &(struct hook_context){ .lineage = NULL }, &why);
	run_orders(&b);
	issue_staple(jobs, count, &with);
	for (size_t i = 0; i < count; i++) {
		if (jobs[i]->deploy_wanted || jobs[i]->restapled)
			deploy_group(&b, i);
	}
	run_post_hooks(&b, &why);
	for (size_t i = 0; i < count; i++) {
		issue_forget_order(jobs[i]);
		jobs[i]->options = NULL;
	}
	blame_clocks(&b);
	solver_shared_free(solvers);
	authorities_free(&b);
	if (why.kind == ERR_NONE)
		return 0;
	err_move(e, &why);
	return -1;
}

int
issue_exit_code(struct issue *const *jobs, size_t count)
{
	enum err_kind kind = ERR_NONE;
	bool differ = false, good = false;

	for (size_t i = 0; i < count; i++) {
		const struct issue *job = jobs[i];

		if (job->outcome != ISSUE_FAILED && job->outcome != ISSUE_NOT_DEPLOYED) {
			good = good || job->outcome == ISSUE_ISSUED ||
			       job->outcome == ISSUE_DEPLOYED || job->outcome == ISSUE_TRIED;
			continue;
		}
		differ = differ || (kind != ERR_NONE && kind != job->error.kind);
		kind = job->error.kind;
	}
	if (kind == ERR_NONE)
		return 0;
	return err_exit_code(differ || good ? ERR_PARTIAL : kind);
}
