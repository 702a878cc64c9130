/* SPDX-License-Identifier: ISC */
/*
 * acme: a signed request is a struct call that lives from acme_post to its callback:
 *
 *	nonce in the pool? --no--> HEAD newNonce --+
 *	      | yes                                |
 *	      +------------------------------------+--> sign --> POST --> reply
 *	      ^                                                             |
 *	      +---- badNonce | 429/503 with a short Retry-After | lost -----+--> done
 *
 * Each reply brings the next nonce, so HEAD is needed once per request that runs
 * at the same time, not once per request.
 */
#include "libacme/acme.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/jws.h"

#define REQUEST_MAX ((size_t)256 * 1024)
#define NONCES_MAX 64
/* A CA may refuse nonces at random (Pebble does, to teach clients); give up only when it refuses all. */
#define NONCE_TRIES 50
#define TRIES 5
/* The longest Retry-After that is waited for within a request; longer ones are the caller's affair. */
#define WAIT_MAX_MS 30000

static const char *const resource_keys[] = {
	[ACME_NEW_NONCE] = "newNonce",
	[ACME_NEW_ACCOUNT] = "newAccount",
	[ACME_NEW_ORDER] = "newOrder",
	[ACME_REVOKE] = "revokeCert",
	[ACME_KEY_CHANGE] = "keyChange",
	[ACME_RENEWAL_INFO] = "renewalInfo",
};

#define RESOURCE_COUNT (sizeof(resource_keys) / sizeof(resource_keys[0]))

struct acme {
	struct acme_http *http;
	char *server, *ca_file;
	char *urls[RESOURCE_COUNT];
	char *terms;
	bool needs_eab;
	cJSON *profiles; /* name: description; NULL = none */
	int64_t skew;
	int64_t busy_until; /* wall clock: until then the CA wants to be left alone */
	EVP_PKEY *key;
	char *kid;
	char *nonces[NONCES_MAX]; /* newest last */
	size_t nonce_count;
	unsigned tries; /* of the directory */
	void (*opened)(void *arg, struct err *e);
	void *opened_arg;
};

struct call {
	struct acme *ca;
	struct acme_post post; /* url and payload owned */
	char *url;
	struct buf payload;
	unsigned tries, nonce_tries;
};

struct acme *
acme_new(struct acme_http *http, const char *url, const char *ca_file)
{
	struct acme *ca = mem_zalloc(sizeof(*ca));

	ca->http = http;
	ca->server = mem_strdup(url);
	ca->ca_file = ca_file ? mem_strdup(ca_file) : NULL;
	return ca;
}

void
acme_free(struct acme *ca)
{
	if (!ca)
		return;
	for (size_t i = 0; i < RESOURCE_COUNT; i++)
		free(ca->urls[i]);
	for (size_t i = 0; i < ca->nonce_count; i++)
		free(ca->nonces[i]);
	EVP_PKEY_free(ca->key);
	cJSON_Delete(ca->profiles);
	free(ca->kid);
	free(ca->terms);
	free(ca->ca_file);
	free(ca->server);
	free(ca);
}

struct acme_http *
acme_transport(const struct acme *ca)
{
	return ca->http;
}

const char *
acme_server(const struct acme *ca)
{
	return ca->server;
}

const char *
acme_url(const struct acme *ca, enum acme_resource resource)
{
	return ca->urls[resource];
}

const char *
acme_terms(const struct acme *ca)
{
	return ca->terms;
}

bool
acme_needs_eab(const struct acme *ca)
{
	return ca->needs_eab;
}

bool
acme_has_profile(const struct acme *ca, const char *name)
{
	return cJSON_HasObjectItem(ca->profiles, name);
}

void
acme_list_profiles(const struct acme *ca, struct buf *out)
{
	for (const cJSON *item = ca->profiles ? ca->profiles->child : NULL; item;
	     item = item->next) {
		buf_add_str(out, out->len ? ", " : "");
		encode_visible(out, span_str(item->string));
	}
}

int64_t
acme_clock_skew(const struct acme *ca)
{
	return ca->skew;
}

void
acme_set_account(struct acme *ca, EVP_PKEY *key, const char *kid)
{
	if (key)
		EVP_PKEY_up_ref(key);
	EVP_PKEY_free(ca->key);
	ca->key = key;
	free(ca->kid);
	ca->kid = kid ? mem_strdup(kid) : NULL;
}

EVP_PKEY *
acme_account_key(const struct acme *ca)
{
	return ca->key;
}

const char *
acme_account_url(const struct acme *ca)
{
	return ca->kid;
}

/* 0.25, 1, 4, 4 s: long enough for a restart, short enough for a person who waits. */
static int64_t
pause_ms(unsigned tries)
{
	return tries < 3 ? (int64_t)250 << (2 * (tries - 1)) : 4000;
}

/* When the CA's Retry-After is over, wall clock; 0 = it did not say. */
static int64_t
retry_at(const struct acme_reply *reply)
{
	return reply->retry_after_ms < 0 ? 0 : clock_wall() + (reply->retry_after_ms + 999) / 1000;
}

/* Busy, or asking for a pause: not an answer to what was asked. */
static bool
is_put_off(const struct acme_reply *reply)
{
	return reply->status == 429 || reply->status >= 500;
}

/* ---- the directory (RFC 8555 7.1.1) ---------------------------------------------------------- */

static void open_send(void *arg);

static int
read_directory(struct acme *ca, const struct acme_reply *reply, struct err *e)
{
	const cJSON *meta;
	cJSON *doc;
	int rc = 0;

	if (is_put_off(reply) && reply->retry_after_ms >= 0) {
		err_set(e, ERR_TEMPFAIL, "%s asks for a pause (status %d)", ca->server,
		    reply->status);
		if (e)
			e->retry_at = retry_at(reply);
		return -1;
	}
	if (reply->status != 200) {
		err_set(e, ERR_UNAVAILABLE,
		    "%s answers with status %d instead of an ACME directory", ca->server,
		    reply->status);
		return err_hint(e, "check the address given with --server");
	}
	if (acme_json_parse(reply->body, "the CA's directory", &doc, e) < 0) {
		err_wrap(e, "%s", ca->server);
		if (e)
			e->kind = ERR_UNAVAILABLE;
		return err_hint(e, "check the address given with --server");
	}
	for (size_t i = 0; i < RESOURCE_COUNT; i++) {
		const char *url = acme_json_url(doc, resource_keys[i]);

		free(ca->urls[i]);
		ca->urls[i] = url ? mem_strdup(url) : NULL;
		if (!url && i <= ACME_NEW_ORDER && rc == 0)
			rc = err_set(e, ERR_UNAVAILABLE, "%s is no ACME directory: it has no %s",
			    ca->server, resource_keys[i]);
	}
	meta = acme_json_object(doc, "meta");
	if (meta) {
		const char *terms = acme_json_string(meta, "termsOfService");

		free(ca->terms);
		ca->terms = terms && acme_url_ok(terms) ? mem_strdup(terms) : NULL;
		if (terms && !ca->terms)
			ca->terms = mem_strdup("(an address that is no https URL)");
		ca->needs_eab = acme_json_true(meta, "externalAccountRequired");
		cJSON_Delete(ca->profiles);
		ca->profiles = cJSON_Duplicate(acme_json_object(meta, "profiles"), true);
	}
	if (reply->date)
		ca->skew = clock_wall() - reply->date;
	cJSON_Delete(doc);
	return rc;
}

static bool
again(const struct acme *ca, unsigned *tries)
{
	return ++*tries < TRIES && !acme_http_stopped(ca->http);
}

static void
open_done(void *arg, const struct acme_reply *reply, struct err *why)
{
	struct acme *ca = arg;
	struct err e = ERR_INIT;
	bool passing = why ? why->kind == ERR_TEMPFAIL : is_put_off(reply);
	int64_t said_ms = reply ? reply->retry_after_ms : -1;

	if (passing && said_ms <= WAIT_MAX_MS && again(ca, &ca->tries)) {
		acme_http_after(ca->http, said_ms >= 0 ? said_ms : pause_ms(ca->tries), open_send,
		    ca);
		return;
	}
	if (why) {
		err_move(&e, why);
		if (e.kind == ERR_TEMPFAIL && !acme_http_stopped(ca->http))
			e.kind = ERR_UNAVAILABLE;
		err_wrap(&e, "cannot reach the CA");
		ca->opened(ca->opened_arg, &e);
	} else if (read_directory(ca, reply, &e) < 0) {
		ca->opened(ca->opened_arg, &e);
	} else {
		ca->opened(ca->opened_arg, NULL);
	}
	err_release(&e);
}

static void
open_send(void *arg)
{
	struct acme *ca = arg;
	struct acme_fetch fetch = { .method = ACME_GET,
		.url = ca->server,
		.ca_file = ca->ca_file,
		.done = open_done,
		.arg = ca };

	acme_http_start(ca->http, &fetch);
}

void
acme_open(struct acme *ca, void (*done)(void *arg, struct err *e), void *arg)
{
	ca->tries = 0;
	ca->opened = done;
	ca->opened_arg = arg;
	open_send(ca);
}

static void
keep_error(void *arg, struct err *e)
{
	if (e)
		err_move(arg, e);
}

int
acme_open_wait(struct acme *ca, struct err *e)
{
	struct err why = ERR_INIT;

	acme_open(ca, keep_error, &why);
	acme_http_run(ca->http);
	if (why.kind == ERR_NONE)
		return 0;
	err_move(e, &why);
	return -1;
}

/* ---- nonces ---------------------------------------------------------------------------------- */

static void
nonce_put(struct acme *ca, const char *nonce)
{
	if (!nonce)
		return;
	if (ca->nonce_count == NONCES_MAX) {
		/* The oldest are the first that the CA forgets. */
		free(ca->nonces[0]);
		memmove(ca->nonces, ca->nonces + 1, (NONCES_MAX - 1) * sizeof(ca->nonces[0]));
		ca->nonce_count--;
	}
	ca->nonces[ca->nonce_count++] = mem_strdup(nonce);
}

static char *
nonce_take(struct acme *ca)
{
	return ca->nonce_count ? ca->nonces[--ca->nonce_count] : NULL;
}

void
acme_put_nonce(struct acme *ca, const char *nonce)
{
	if (acme_reply_nonce_ok(span_str(nonce)))
		nonce_put(ca, nonce);
}

char *
acme_take_nonce(struct acme *ca)
{
	return nonce_take(ca);
}

/* ---- signed requests ------------------------------------------------------------------------- */

static void call_send(void *arg);

static void
call_free(struct call *call)
{
	buf_release(&call->payload);
	free(call->url);
	free(call);
}

static void
call_finish(struct call *call, const struct acme_answer *answer)
{
	call->post.done(call->post.arg, answer);
	call_free(call);
}

/* e says why no reply came, if none came. */
static void
call_fail(struct call *call, struct err *e, bool lost)
{
	if (e->kind == ERR_TEMPFAIL && !acme_http_stopped(call->ca->http))
		e->kind = ERR_UNAVAILABLE;
	err_wrap(e, "%s", call->post.what);
	call_finish(call, &(struct acme_answer){ .error = e, .lost = lost });
}

/* A reply outside 2xx: repeat the call (true) or not. */
static bool
call_repeats(struct call *call, const struct acme_reply *reply, const struct acme_problem *problem)
{
	enum acme_retry retry = acme_problem_retry(problem);
	int64_t wait_ms = reply->retry_after_ms;

	if (retry == ACME_RETRY_NONCE) {
		if (++call->nonce_tries >= NONCE_TRIES || acme_http_stopped(call->ca->http))
			return false;
		call_send(call);
		return true;
	}
	if (reply->status != 429 && reply->status < 500)
		return false;
	/* A rate limit without a time is not ours to guess; a 5xx may have been acted upon. */
	if (wait_ms < 0) {
		if (reply->status == 429 || !call->post.repeatable)
			return false;
		wait_ms = pause_ms(call->tries + 1);
	}
	if (wait_ms > WAIT_MAX_MS || !again(call->ca, &call->tries))
		return false;
	acme_http_after(call->ca->http, wait_ms, call_send, call);
	return true;
}

static void
call_refused(struct call *call, const struct acme_reply *reply)
{
	struct acme_problem problem = { 0 };
	struct err e = ERR_INIT;

	if (acme_problem_parse(reply->body, &problem, NULL) < 0) {
		problem.type = mem_strdup("");
		problem.detail = mem_printf("status %d without an explanation", reply->status);
	}
	problem.status = reply->status;
	if (!call_repeats(call, reply, &problem)) {
		acme_problem_error(&problem, retry_at(reply), call->post.what, &e);
		if (reply->status == 429 || (reply->status == 503 && retry_at(reply)))
			e.kind = ERR_TEMPFAIL;
		else if (!*problem.type)
			e.kind = ERR_UNAVAILABLE; /* no CA's word on the request */
		/* A CA that is busy is so for all: nobody else asks before that time. */
		if (reply->status == 503 && retry_at(reply))
			call->ca->busy_until = retry_at(reply);
		call_finish(call,
		    &(struct acme_answer){ .reply = reply, .problem = &problem, .error = &e });
	}
	acme_problem_release(&problem);
	err_release(&e);
}

static void
call_done(void *arg, const struct acme_reply *reply, struct err *why)
{
	struct call *call = arg;

	if (!reply) {
		if (call->post.repeatable && why->kind == ERR_TEMPFAIL &&
		    again(call->ca, &call->tries)) {
			acme_http_after(call->ca->http, pause_ms(call->tries), call_send, call);
			return;
		}
		call_fail(call, why, true);
		return;
	}
	nonce_put(call->ca, reply->nonce);
	if (reply->status >= 200 && reply->status <= 299)
		call_finish(call, &(struct acme_answer){ .reply = reply });
	else
		call_refused(call, reply);
}

/* The CA asked for a pause that is not waited for. */
static void
put_off(struct call *call, int64_t until)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_TEMPFAIL, "%s: the CA asks for a pause", call->post.what);
	e.retry_at = until;
	call_finish(call, &(struct acme_answer){ .error = &e });
	err_release(&e);
}

static void
nonce_done(void *arg, const struct acme_reply *reply, struct err *why)
{
	struct call *call = arg;
	struct err e = ERR_INIT;
	int64_t said_ms = reply ? reply->retry_after_ms : -1;

	if (reply && reply->nonce) {
		nonce_put(call->ca, reply->nonce);
		call_send(call);
		return;
	}
	if ((!why || why->kind == ERR_TEMPFAIL) && said_ms <= WAIT_MAX_MS &&
	    again(call->ca, &call->tries)) {
		acme_http_after(call->ca->http, said_ms >= 0 ? said_ms : pause_ms(call->tries),
		    call_send, call);
		return;
	}
	if (why) {
		err_move(&e, why);
	} else if (said_ms >= 0) {
		put_off(call, retry_at(reply));
		return;
	} else
		err_set(&e, ERR_UNAVAILABLE, "the CA gives out no nonce (status %d)",
		    reply->status);
	call_fail(call, &e, false);
	err_release(&e);
}

static void
call_sign(struct call *call, const char *nonce)
{
	struct acme *ca = call->ca;
	struct jws_header header = { .url = call->url, .nonce = nonce, .kid = ca->kid };
	struct acme_fetch fetch = {
		.method = ACME_POST,
		.url = call->url,
		.content_type = "application/jose+json",
		.ca_file = ca->ca_file,
		.done = call_done,
		.arg = call,
	};
	struct err e = ERR_INIT;
	struct buf body;

	buf_init(&body, REQUEST_MAX);
	if (jws_sign(ca->key, &header, buf_span(&call->payload), &body, &e) == 0) {
		fetch.body = buf_span(&body);
		acme_http_start(ca->http, &fetch);
	} else {
		call_fail(call, &e, false);
	}
	buf_release(&body);
	err_release(&e);
}

static void
call_send(void *arg)
{
	struct call *call = arg;
	struct acme_fetch fetch = {
		.method = ACME_HEAD,
		.url = call->ca->urls[ACME_NEW_NONCE],
		.ca_file = call->ca->ca_file,
		.done = nonce_done,
		.arg = call,
	};
	char *nonce;

	if (call->ca->busy_until > clock_wall()) {
		put_off(call, call->ca->busy_until);
		return;
	}
	nonce = nonce_take(call->ca);
	if (!nonce) {
		acme_http_start(call->ca->http, &fetch);
		return;
	}
	call_sign(call, nonce);
	free(nonce);
}

void
acme_post(struct acme *ca, const struct acme_post *post)
{
	struct call *call = mem_zalloc(sizeof(*call));

	call->ca = ca;
	call->post = *post;
	call->url = mem_strdup(post->url);
	buf_init(&call->payload, REQUEST_MAX);
	buf_add(&call->payload, post->payload);
	/* From the loop, so that the callback never runs inside this call. */
	acme_http_after(ca->http, 0, call_send, call);
}
