/* SPDX-License-Identifier: ISC */
/*
 * issue: one lineage from decision to wire.
 *
 * What a crash leaves and who finishes it:
 *
 *	gatehouse/orders/NAME.json   an order under way      the next run takes it up (order.c)
 *	gatehouse/publish/NAME       a version half written  certstore_recover
 *	gatehouse/deploy/NAME.json   live, not seen served   the next run deploys, without an order
 *	gatehouse/backoff/NAME.json  orders that failed      the next run waits, if there were several
 *
 * The renewal configuration is written before the version goes live: a first issuance that
 * is killed in between is finished by acme-renew, which finds configuration and order.
 */
#include "libacme/issue.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/backoff.h"
#include "libacme/deploy.h"
#include "libacme/hook.h"
#include "libacme/order_file.h"
#include "libacme/revocation.h"
#include "libcert/pkey.h"
#include "libcert/x509glance.h"
#include "libcert/x509info.h"

#include <unistd.h>

/* Of a lineage with a name or two; thousands may be held. */
#define ARENA_SIZE 1536
#define FULLCHAIN_MAX ((size_t)256 * 1024)
#define PRIVKEY_MAX ((size_t)64 * 1024)
/* How long the wire may take to follow an unacknowledged reload. */
#define VERIFY_PATIENCE_MS 5000

struct issue *
issue_new(struct certstore *store, const char *name)
{
	struct issue *job = mem_zalloc(sizeof(*job));

	job->store = store;
	job->arena = arena_new(ARENA_SIZE);
	job->name = arena_strdup(job->arena, span_str(name));
	job->attempts = job->name;
	job->lock = -1;
	job->order_file = mem_printf("%s/gatehouse/orders/%s.json", certstore_dir(store), name);
	return job;
}

void
issue_free(struct issue *job)
{
	if (!job)
		return;
	issue_forget_order(job);
	issued_release(&job->live);
	if (job->lock >= 0)
		close(job->lock);
	free(job->verify);
	free(job->order_file);
	err_release(&job->error);
	arena_free(job->arena);
	free(job);
}

void
issue_fail(struct issue *job, struct err *e)
{
	job->outcome = ISSUE_FAILED;
	job->order_wanted = false;
	if (e != &job->error)
		err_move(&job->error, e);
}

void
issue_rest(struct issue *job)
{
	issued_release(&job->live);
}

int
issue_wake(struct issue *job, struct err *e)
{
	return job->live.leaf || !job->live.not_after ? 0 : issue_load_live(job, e);
}

/* ---- deciding -------------------------------------------------------------------------------- */

int
issue_load_live(struct issue *job, struct err *why)
{
	struct err e = ERR_INIT;
	int rc = 0;

	issued_release(&job->live);
	if (issued_load(job->store, job->name, job->arena, &job->live, &e) == 0) {
		(void)ari_load(job->store, job->name, job->live.sha256, job->arena, &job->ari);
	} else if (e.kind != ERR_NOINPUT) {
		rc = -1;
		if (why)
			err_move(why, &e);
	}
	err_release(&e);
	return rc;
}

/* The id of the certificate that the new one replaces (RFC 9773 5), for CAs that want to know it. */
static const char *
replaced_id(const struct issue *job)
{
	const char *id = NULL;
	struct buf text;

	if (!job->live.leaf || !acme_url(job->ca, ACME_RENEWAL_INFO))
		return NULL;
	buf_init(&text, 1024);
	if (ari_cert_id(job->live.leaf, &text) == 0)
		id = arena_strdup(job->arena, buf_span(&text));
	buf_release(&text);
	return id;
}

/* Was the live version revoked by us (acme-revoke)? */
static bool
is_revoked(const struct issue *job, bool *key_compromised)
{
	struct revocation_note note;
	bool revoked = job->live.leaf && revocation_note_load(job->store, job->name, &note) &&
		       memcmp(note.sha256, job->live.sha256, sizeof(note.sha256)) == 0;

	*key_compromised = revoked && note.key_compromised;
	return revoked;
}

static bool
is_due(const struct issue *job)
{
	bool key_compromised;
	char wanted[32] = "";
	const struct pkey_spec *key = &job->how.key;

	if (job->force || !job->live.leaf)
		return true;
	if (clock_wall() >= ari_due_at(&job->ari, job->live.not_before, job->live.not_after))
		return true;
	if (is_revoked(job, &key_compromised))
		return true;
	if (job->changed && !issued_has_names(&job->live, job->names, job->name_count))
		return true;
	if (!job->wants_key)
		return false;
	if (key->kind == PKEY_RSA)
		snprintf(wanted, sizeof(wanted), "RSA %u", key->bits);
	else if (key->kind == PKEY_EC)
		snprintf(wanted, sizeof(wanted), "ECDSA %s", key->curve);
	return strcmp(wanted, job->live.key) != 0;
}

static bool
is_unfinished(const struct issue *job)
{
	struct deploy_note note;
	bool noted = deploy_note_load(job->store, job->name, &note);

	deploy_note_release(&note);
	return noted || file_exists(job->order_file);
}

/* The names to ask for: given, or the live ones, or those of the first order that was cut short. */
static int
settle_names(struct issue *job, const struct order_file *file, struct err *e)
{
	struct span *names;

	if (job->names)
		return 0;
	if (job->live.leaf) {
		job->names = job->live.names;
		job->name_count = job->live.name_count;
		return 0;
	}
	if (!file->name_count) {
		err_set(e, ERR_NOINPUT, "nothing is live, so its names are unknown");
		return err_hint(e, "issue it again with acme-issue --cert-name %s -d NAME",
		    job->name);
	}
	names = arena_array(job->arena, file->name_count, sizeof(*names));
	for (size_t i = 0; i < file->name_count; i++)
		names[i] = arena_dup(job->arena, span_str(file->names[i]));
	job->names = names;
	job->name_count = file->name_count;
	return 0;
}

/*
 * An order file: of the version that is live (killed before it was removed), of an order
 * that is still wanted, or of another wish that came to nothing.
 */
static void
settle_order(struct issue *job, const struct order_file *file)
{
	if (!file->key)
		return;
	if (job->live.leaf && !job->how.reuse_key &&
	    x509info_key_matches(job->live.leaf, file->key)) {
		order_file_remove(job->order_file);
		return;
	}
	if (order_file_has_names(file, job->names, job->name_count) && job->how.server &&
	    strcmp(file->server, job->how.server) == 0)
		job->order_wanted = true;
}

/* What writers left that were killed; the lock says that nobody writes now. */
static void
sweep(const struct issue *job)
{
	char *conf = mem_printf("%s/renewal/%s.conf", certstore_dir(job->store), job->name);
	char *note =
	    mem_printf("%s/gatehouse/deploy/%s.json", certstore_dir(job->store), job->name);

	file_sweep(job->order_file);
	file_sweep(note);
	file_sweep(conf);
	free(note);
	free(conf);
}

static int
decide_locked(struct issue *job, struct err *e)
{
	struct order_file file = { .url = NULL };
	struct deploy_note note;
	int rc = -1;

	sweep(job);
	if (certstore_recover(job->store, job->name, e) < 0 || issue_load_live(job, e) < 0)
		return -1;
	(void)!order_file_load(job->order_file, &file, NULL);
	if (settle_names(job, &file, e) < 0)
		goto out;
	job->order_wanted = is_due(job);
	settle_order(job, &file);
	if (job->order_wanted && backoff_check(job->store, job->name, job->names, job->name_count,
				     job->by_hand || job->force, e) < 0)
		goto out;
	if (deploy_note_load(job->store, job->name, &note)) {
		job->deploy_wanted = job->live.leaf != NULL;
		job->verify = note.verify;
		note.verify = NULL;
		deploy_note_release(&note);
	}
	/* Published, and cut short before that was noted. */
	if (job->deploy_wanted && !job->order_wanted)
		backoff_settle(job->store, job->name);
	rc = 0;
out:
	order_file_release(&file);
	return rc;
}

bool
issue_pass_by(struct issue *job)
{
	struct revocation_note revoked;
	struct x509glance glance = { .not_before = 0 };
	struct buf pem;
	struct ari ari;
	int64_t now = clock_wall();
	int rc;

	if (job->force || job->names || job->wants_key || job->dry || job->how.off ||
	    issue_is_apart(job))
		return false;
	buf_init(&pem, FULLCHAIN_MAX);
	rc = certstore_read(job->store, job->name, CERTSTORE_FULLCHAIN, &pem, NULL);
	if (rc == 0)
		rc = x509glance_pem(buf_span(&pem), &glance);
	buf_release(&pem);
	if (rc < 0 || !ari_load(job->store, job->name, glance.sha256, job->arena, &ari))
		return false;
	if (glance.ocsp || now >= ari.check_at ||
	    now >= ari_due_at(&ari, glance.not_before, glance.not_after) || is_unfinished(job) ||
	    revocation_note_load(job->store, job->name, &revoked))
		return false;
	job->outcome = ISSUE_KEPT;
	return true;
}

bool
issue_look(struct issue *job)
{
	if (job->how.off || issue_load_live(job, NULL) < 0)
		return false;
	job->looked = true;
	return job->live.leaf && clock_wall() >= job->ari.check_at && !is_due(job);
}

void
issue_decide(struct issue *job)
{
	struct err e = ERR_INIT;

	if (job->how.off && !job->force) {
		job->outcome = ISSUE_OFF;
		return;
	}
	if (issue_is_apart(job)) {
		if (issue_decide_apart(job, &e) < 0)
			issue_fail(job, &e);
		if (job->error.kind == ERR_TEMPFAIL)
			job->outcome = ISSUE_BUSY;
		err_release(&e);
		return;
	}
	/* Without a lock first: over thousands of lineages with nothing due this is all there is. */
	if (job->looked && job->live.leaf)
		(void)ari_load(job->store, job->name, job->live.sha256, job->arena, &job->ari);
	if (!job->looked && issue_load_live(job, &e) < 0)
		err_reset(&e); /* what is broken is mended, or told, under the lock */
	else if (!is_due(job) && !is_unfinished(job)) {
		job->outcome = ISSUE_KEPT;
		return;
	}
	job->lock = certstore_lock(job->store, job->name, false, &e);
	if (job->lock < 0) {
		issue_fail(job, &e);
		if (job->error.kind == ERR_TEMPFAIL)
			job->outcome = ISSUE_BUSY;
	} else if (decide_locked(job, &e) < 0) {
		issue_fail(job, &e);
	} else if (!job->order_wanted && !job->deploy_wanted) {
		job->outcome = ISSUE_KEPT;
	}
	err_release(&e);
}

/* ---- ordering and publishing ----------------------------------------------------------------- */

static void
on_progress(void *arg, enum order_state state)
{
	const struct issue *job = arg;

	if (state == ORDER_ANSWERING && job->attempts)
		backoff_attempt(job->store, job->attempts, job->names, job->name_count);
	if (state != ORDER_DONE)
		issue_say(job, order_state_name(state));
}

/* The live key, when it is to be kept. */
static int
reuse_key(struct issue *job, struct err *e)
{
	struct buf pem;
	bool key_compromised;
	int rc = -1;

	if (!job->how.reuse_key || !job->live.leaf)
		return 0;
	if (is_revoked(job, &key_compromised) && key_compromised)
		return 0;
	buf_init_secret(&pem, PRIVKEY_MAX);
	if (certstore_read(job->store, job->name, CERTSTORE_PRIVKEY, &pem, e) == 0)
		rc = pkey_parse_pem(buf_span(&pem), NULL, &job->key, e);
	buf_release(&pem);
	return rc < 0 ? err_wrap(e, "cannot reuse the key") : 0;
}

static int
prepare_order(struct issue *job, struct err *e)
{
	char *sub = mem_printf("orders/%s.json", job->name);
	char *path = certstore_private_path(job->store, sub, e);
	struct order_request request = {
		.ca = job->ca,
		.names = job->names,
		.name_count = job->name_count,
		.key_spec = job->how.key,
		.file = job->order_file,
		.required_profile = job->how.required_profile,
		.preferred_profile = job->how.preferred_profile,
		.preferred_chain = job->how.preferred_chain,
		.must_staple = job->how.must_staple,
		.replaces = issue_is_apart(job) ? NULL : replaced_id(job),
		.csr = job->csr.der,
		.revalidate = job->dry,
		.progress = on_progress,
		.done = issue_ordered,
		.arg = job,
	};

	free(sub);
	free(path);
	if (!path || reuse_key(job, e) < 0)
		return -1;
	job->solver = solver_new(job->options->solvers, job->store, &job->how, job->names,
	    job->name_count, job->arena, e);
	if (!job->solver)
		return -1;
	request.solver = job->solver;
	request.key = job->key;
	job->order = order_new(&request);
	return 0;
}

void
issue_start(struct issue *job, const struct issue_options *options,
    void (*done)(void *arg, struct issue *job), void *arg)
{
	struct err e = ERR_INIT;

	job->options = options;
	job->done = done;
	job->done_arg = arg;
	if (issue_wake(job, &e) == 0 && prepare_order(job, &e) == 0) {
		order_start(job->order);
		return;
	}
	issue_fail(job, &e);
	err_release(&e);
	done(arg, job);
}

/* ---- deploying ------------------------------------------------------------------------------- */

static int
run_hooks(struct issue *job, struct err *e)
{
	char *live = mem_printf("%s/live/%s", certstore_dir(job->store), job->name);
	struct hook_context context = {
		.lineage = live, .names = job->live.names, .name_count = job->live.name_count
	};
	const char *hook = job->how.deploy_hook;
	int rc = 0;

	if (job->directory_hooks)
		rc = hook_run_directory(job->store, "deploy", hook, &context, e);
	if (hook && hook_run("deploy hook", hook, &context, rc == 0 ? e : NULL) < 0)
		rc = -1;
	free(live);
	return rc;
}

static int
deploy(struct issue *job, const struct err *reload_error, struct err *e)
{
	if (reload_error) {
		err_set(e, reload_error->kind, "%s", err_text(reload_error));
		if (reload_error->hint)
			err_hint(e, "%s", reload_error->hint);
		return -1;
	}
	certstore_step("issue.hooks");
	if (run_hooks(job, e) < 0)
		return -1;
	certstore_step("issue.verify");
	if (!job->verify)
		return 0;
	return deploy_verify(job->verify, job->live.names, job->live.name_count, job->live.leaf,
	    VERIFY_PATIENCE_MS, e);
}

void
issue_deploy(struct issue *job, const struct err *reload_error)
{
	struct deploy_note note = { .verify = job->verify };
	struct err e = ERR_INIT;

	if (issue_wake(job, &e) == 0 && deploy(job, reload_error, &e) == 0) {
		certstore_step("issue.deployed");
		deploy_note_remove(job->store, job->name);
		if (job->outcome == ISSUE_UNDECIDED)
			job->outcome = ISSUE_DEPLOYED;
	} else {
		note.problem = mem_strdup(err_text(&e));
		(void)!deploy_note_save(job->store, job->name, &note, NULL);
		free(note.problem);
		err_wrap(&e, "the certificate is live in the store but not deployed");
		e.kind = ERR_PARTIAL;
		if (job->outcome != ISSUE_FAILED) {
			job->outcome = ISSUE_NOT_DEPLOYED;
			err_move(&job->error, &e);
		}
	}
	err_release(&e);
}
