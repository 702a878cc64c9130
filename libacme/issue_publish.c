/* SPDX-License-Identifier: ISC */
/*
 * issue_publish: a finished order becomes the live version. Most of that is waiting for the disk, so a thread does it
 * while the loop goes on with the other orders.
 */
#include "base/mem.h"
#include "libacme/backoff.h"
#include "libacme/deploy.h"
#include "libacme/issue.h"
#include "libacme/order_file.h"
#include "libacme/revocation.h"
#include "libcert/pkey.h"

#define PRIVKEY_MAX ((size_t)64 * 1024)

void
issue_say(const struct issue *job, const char *text)
{
	if (job->options->say)
		job->options->say(job->options->arg, job, text);
}

static int
save_settings(const struct issue *job, struct err *e)
{
	struct renewal how = job->how;

	/* Whatever CA it has fallen back on, the first of the list is asked first again. */
	if (job->home_server) {
		how.server = job->home_server;
		how.account = job->home_account;
	}
	return renewal_save(job->store, job->name, &how, e);
}

void
issue_keep_settings(struct issue *job)
{
	struct err e = ERR_INIT;

	if (save_settings(job, &e) < 0)
		issue_fail(job, &e);
	err_release(&e);
}

/*
 * Where the new version will have to be seen: where the user says; else where the version
 * before is served by a tinyproxyd that we are going to reload.
 */
static void
choose_verify(struct issue *job)
{
	const char *asked = job->how.verify;
	const char *reload = job->how.reload;

	if (asked) {
		free(job->verify);
		job->verify = strcmp(asked, "none") != 0 ? mem_strdup(asked) : NULL;
	}
	if (asked || job->verify || !job->live.leaf || (reload && strcmp(reload, "none") == 0))
		return;
	if ((reload || deploy_finds_proxy()) &&
	    deploy_serves(DEPLOY_VERIFY_DEFAULT, job->live.names[0], job->live.leaf))
		job->verify = mem_strdup(DEPLOY_VERIFY_DEFAULT);
}

static int
publish(struct issue *job, struct err *e)
{
	struct deploy_note note = { .verify = NULL };
	struct certstore_version version;
	struct buf key;
	int rc = -1;

	choose_verify(job);
	note.verify = job->verify;
	buf_init_secret(&key, PRIVKEY_MAX);
	if (pkey_format_pem(order_key(job->order), &key, e) < 0)
		goto out;
	certstore_step("issue.note");
	if (deploy_note_save(job->store, job->name, &note, e) < 0)
		goto out;
	certstore_step("issue.configure");
	if (job->save && save_settings(job, e) < 0)
		goto out;
	certstore_step("issue.publish");
	version = (struct certstore_version){ .fullchain = order_fullchain(job->order),
		.privkey = buf_span(&key) };
	if (certstore_publish(job->store, job->name, &version, job->names, job->name_count, e) <
	    0) {
		/* What the CA sent will not get better by asking for it again. */
		if (e->kind == ERR_DATA)
			order_file_remove(job->order_file);
		err_wrap(e, "the new certificate was not put into service");
		goto out;
	}
	certstore_step("issue.published");
	order_file_remove(job->order_file);
	revocation_note_remove(job->store, job->name);
	rc = issue_load_live(job, e);
out:
	buf_release(&key);
	return rc;
}

/* ---- beside the loop ------------------------------------------------------------------------- */

/* The job is the thread's until the loop hears of it again. */
struct publication {
	struct issue *job;
	struct err error; /* ERR_NONE: it is live */
};

static void
do_publish(void *arg)
{
	struct publication *p = arg;

	(void)!publish(p->job, &p->error);
}

static void
on_published(void *arg)
{
	struct publication *p = arg;
	struct issue *job = p->job;

	if (p->error.kind != ERR_NONE) {
		backoff_failed(job->store, job->name, job->names, job->name_count, &p->error, true);
		issue_fail(job, &p->error);
	} else {
		backoff_succeeded(job->store, job->name);
		job->outcome = ISSUE_ISSUED;
		job->deploy_wanted = true;
	}
	err_release(&p->error);
	free(p);
	job->done(job->done_arg, job);
}

static void
start_publishing(struct issue *job)
{
	struct publication *p = mem_zalloc(sizeof(*p));

	p->job = job;
	issue_say(job, "publishing");
	offload_run(acme_http_offload(job->options->http), do_publish, on_published, p);
}

static void
finish_apart(struct issue *job)
{
	struct err e = ERR_INIT;

	if (issue_finish_apart(job, &e) < 0) {
		issue_fail(job, &e);
	} else {
		job->outcome = job->dry ? ISSUE_TRIED : ISSUE_ISSUED;
		if (job->attempts)
			backoff_succeeded(job->store, job->attempts);
	}
	err_release(&e);
}

void
issue_ordered(void *arg, struct order *order, struct err *e)
{
	struct issue *job = arg;

	if (!e && !issue_is_apart(job)) {
		start_publishing(job);
		return;
	}
	if (!e) {
		finish_apart(job);
	} else {
		if (job->attempts)
			backoff_failed(job->store, job->attempts, job->names, job->name_count, e,
			    order_was_asked(order));
		issue_fail(job, e);
	}
	job->done(job->done_arg, job);
}
