/* SPDX-License-Identifier: ISC */
/*
 * issue_staple: OCSP responses fetched ahead, for servers that staple them from a file (RFC 6066 8, RFC 6960):
 *
 *	DIR/live/NAME/fullchain.pem.ocsp   DER, where tinyproxyd's ssl_stapling looks for it
 *
 * A certificate that names no responder is passed over. One that does is asked about when there is no response yet, or
 * half the time that it is good for is over; what comes is verified by the issuer before it replaces what is there. That a
 * responder does not answer is told and no failure, as long as nothing depends on it.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/issue.h"
#include "libcert/ocsp.h"
#include "libcert/x509info.h"

#define FULLCHAIN_MAX ((size_t)256 * 1024)
#define QUESTION_MAX ((size_t)4096)
#define TIMEOUT_MS 10000
#define AT_ONCE 16
/* For responses that do not say how long they are good. */
#define LIFE_UNSAID_S 86400

struct round {
	struct issue *const *jobs;
	size_t count, next;
	const struct issue_options *options;
};

struct question {
	struct round *round;
	struct issue *job;
	STACK_OF(X509) *chain;
	char *path;   /* of the response */
	bool showing; /* the one that is there will do for now */
	bool revoked; /* says the CA */
};

static void ask_next(struct round *r);

static void
say(const struct question *q, const char *what, const char *why)
{
	const struct issue_options *options = q->round->options;
	char *text = mem_printf("%s%s", what, why);

	if (options->say)
		options->say(options->arg, q->job, text);
	free(text);
}

static void
question_free(struct question *q)
{
	sk_X509_pop_free(q->chain, X509_free);
	free(q->path);
	free(q);
}

static int
check(const struct question *q, struct span der, struct ocsp_answer *answer, struct err *e)
{
	X509_STORE *trust = ocsp_trust_new(q->chain);
	int rc = ocsp_check(der, q->chain, trust, answer, e);

	X509_STORE_free(trust);
	return rc;
}

/* Is what is there good for at least half its time? Also notes whether it may be shown at all. */
static bool
is_fresh(struct question *q)
{
	struct ocsp_answer answer = { .from = 0 };
	struct buf der;
	int64_t life = LIFE_UNSAID_S;

	buf_init(&der, OCSP_RESPONSE_MAX);
	q->showing = file_read(q->path, &der, NULL) == 0 &&
		     check(q, buf_span(&der), &answer, NULL) == 0 && answer.good;
	buf_release(&der);
	if (answer.until != INT64_MAX)
		life = answer.until - answer.from;
	return q->showing && clock_wall() < answer.from + life / 2;
}

static void
tell_failure(const struct question *q, struct err *e)
{
	struct issue *job = q->job;
	bool missed = !q->showing && ocsp_is_demanded(job->live.leaf);

	if (job->outcome != ISSUE_KEPT || !(missed || q->revoked)) {
		say(q, "no OCSP response: ", err_text(e));
		return;
	}
	if (!q->revoked)
		err_wrap(e, "servers must staple an OCSP response, and there is none");
	issue_fail(job, e);
}

/* Verified and in its place, or why not. */
static int
take(struct question *q, const struct acme_reply *reply, struct err *e)
{
	struct ocsp_answer answer;

	if (reply->status != 200)
		return err_set(e, ERR_UNAVAILABLE, "the responder answered with HTTP status %d",
		    reply->status);
	if (check(q, reply->body, &answer, e) < 0)
		return -1;
	q->revoked = answer.revoked;
	if (q->revoked) {
		err_set(e, ERR_DATA, "the CA has revoked the certificate");
		return err_hint(e, "acme-renew --force-renewal --cert-name %s replaces it",
		    q->job->name);
	}
	if (!answer.good)
		return err_set(e, ERR_DATA, "the responder does not know the certificate");
	file_sweep(q->path);
	if (file_write_atomic(q->path, reply->body, 0644, e) < 0)
		return -1;
	q->job->restapled = true;
	say(q, "fetched its OCSP response", "");
	return 0;
}

static void
on_answer(void *arg, const struct acme_reply *reply, struct err *e)
{
	struct question *q = arg;
	struct round *r = q->round;
	struct err why = ERR_INIT;

	if (!reply)
		tell_failure(q, e);
	else if (take(q, reply, &why) < 0)
		tell_failure(q, &why);
	err_release(&why);
	question_free(q);
	ask_next(r);
}

/* The live chain, when there is an issuer in it to ask about the leaf. */
static STACK_OF(X509) *
load_chain(const struct issue *job)
{
	STACK_OF(X509) *chain = NULL;
	struct buf pem;

	buf_init(&pem, FULLCHAIN_MAX);
	if (certstore_read(job->store, job->name, CERTSTORE_FULLCHAIN, &pem, NULL) == 0)
		(void)!x509info_parse_pem(buf_span(&pem), &chain, NULL);
	buf_release(&pem);
	if (sk_X509_num(chain) > 1)
		return chain;
	sk_X509_pop_free(chain, X509_free);
	return NULL;
}

static void
send_question(struct question *q, const char *url, struct span der)
{
	struct acme_fetch fetch = {
		.method = ACME_POST,
		.url = url,
		.body = der,
		.content_type = "application/ocsp-request",
		.ca_file = q->job->how.ca_file,
		.max = OCSP_RESPONSE_MAX,
		.timeout_ms = TIMEOUT_MS,
		.signed_reply = true,
		.done = on_answer,
		.arg = q,
	};

	acme_http_start(q->round->options->http, &fetch);
}

/* false: there is nothing to ask about it. */
static bool
ask(struct round *r, struct issue *job)
{
	struct question *q;
	struct err e = ERR_INIT;
	struct buf der;
	char *url = NULL, *fullchain;
	bool asked = false;

	if (issue_is_apart(job) || job->stapled ||
	    (job->order_wanted && job->outcome == ISSUE_UNDECIDED))
		return false;
	job->stapled = true;
	if (issue_wake(job, NULL) < 0 || !job->live.leaf || !(url = ocsp_responder(job->live.leaf)))
		return false;
	fullchain = certstore_path(job->store, job->name, CERTSTORE_FULLCHAIN);
	q = mem_zalloc(sizeof(*q));
	*q = (struct question){ .round = r, .job = job, .chain = load_chain(job) };
	q->path = mem_printf("%s.ocsp", fullchain);
	buf_init(&der, QUESTION_MAX);
	if (q->chain && !is_fresh(q)) {
		asked = ocsp_question(sk_X509_value(q->chain, 0), sk_X509_value(q->chain, 1), &der,
			    &e) == 0;
		if (asked)
			send_question(q, url, buf_span(&der));
		else
			tell_failure(q, &e);
	}
	if (!asked)
		question_free(q);
	err_release(&e);
	buf_release(&der);
	free(fullchain);
	free(url);
	return asked;
}

static void
ask_next(struct round *r)
{
	while (r->next < r->count && !acme_http_stopped(r->options->http)) {
		if (ask(r, r->jobs[r->next++]))
			return;
	}
}

void
issue_staple(struct issue *const *jobs, size_t count, const struct issue_options *options)
{
	struct round r = { .jobs = jobs, .count = count, .options = options };

	for (size_t i = 0; i < AT_ONCE; i++)
		ask_next(&r);
	acme_http_run(options->http);
}
