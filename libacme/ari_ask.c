/* SPDX-License-Identifier: ISC */
/*
 * ari_ask: many certificates side by side: the directory of each CA once, then a GET for each certificate.
 *
 * Nothing is signed, nothing waited for long, nothing tried twice: this is advice, and the next run asks again. A CA that gives
 * none, or cannot be reached, is left alone for some hours, which is noted like an answer.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/ari_internal.h"
#include "libcert/x509info.h"

/* RFC 9773 4.3.2: not more often than every minute, at least once a day. */
#define CHECK_MIN_S 60
#define CHECK_MAX_S 86400
/* Without Retry-After, and after trouble (4.3.3). */
#define CHECK_USUAL_S (6 * 3600)
#define TIMEOUT_MS 10000
#define AT_ONCE 16
/* So many failures in a row, and the rest of the run leaves the CA alone. */
#define TROUBLE_MAX AT_ONCE
#define URL_MAX ((size_t)2048)

/* A CA, and where it answers. */
struct ari_ca {
	struct ari_ca *next;
	char *server, *ca_file; /* ca_file may be NULL */
	char *base;             /* its renewalInfo, or NULL: it has none, or cannot be reached */
	bool asked;             /* about all of these */
	unsigned trouble;       /* answers in a row that were none */
};

struct ari_asker {
	struct acme_http *http;
	struct certstore *store;
	struct ari_ca *cas;
	/* While asking: */
	struct arena *arena;
	const struct ari_subject *subjects;
	size_t count, next; /* next: the first that was not looked at for this CA */
	struct ari_ca *now; /* the CA whose turn it is */
};

struct question {
	struct ari_asker *r;
	const struct ari_subject *subject;
};

static void ask_next(struct ari_asker *r);

/* ari: the answer, or NULL: what is known stays, and is asked for again after wait_s. */
static void
note(struct ari_asker *r, const struct ari_subject *subject, struct ari *ari, int64_t wait_s)
{
	unsigned char sha256[32];
	struct ari before;

	x509info_sha256(subject->leaf, sha256);
	(void)ari_load(r->store, subject->name, sha256, r->arena, &before);
	if (ari)
		ari_choose(ari, &before);
	else
		ari = &before;
	wait_s = wait_s < CHECK_MIN_S ? CHECK_MIN_S : wait_s > CHECK_MAX_S ? CHECK_MAX_S : wait_s;
	ari->check_at = clock_wall() + wait_s;
	ari_save(r->store, subject->name, sha256, ari);
}

static void
on_answer(void *arg, const struct acme_reply *reply, struct err *e)
{
	struct question *q = arg;
	struct ari_asker *r = q->r;
	struct ari ari = { .at = 0 };
	int64_t wait_s = CHECK_USUAL_S;
	bool good;

	if (reply && reply->retry_after_ms >= 0)
		wait_s = (reply->retry_after_ms + 999) / 1000;
	r->now->trouble =
	    !reply || reply->status == 429 || reply->status >= 500 ? r->now->trouble + 1 : 0;
	good = reply && reply->status == 200 && ari_parse(reply->body, r->arena, &ari, NULL) == 0;
	if (!acme_http_stopped(r->http))
		note(r, q->subject, good ? &ari : NULL, wait_s);
	free(q);
	ask_next(r);
}

static void
ask(struct ari_asker *r, const struct ari_subject *subject)
{
	struct acme_fetch fetch = { .method = ACME_GET,
		.ca_file = r->now->ca_file,
		.timeout_ms = TIMEOUT_MS,
		.done = on_answer };
	struct question *q;
	struct buf url;

	buf_init(&url, URL_MAX);
	buf_printf(&url, "%s/", r->now->base);
	if (ari_cert_id(subject->leaf, &url) == 0) {
		q = mem_zalloc(sizeof(*q));
		q->r = r;
		q->subject = subject;
		fetch.url = buf_str(&url);
		fetch.arg = q;
		acme_http_start(r->http, &fetch);
	} else {
		note(r, subject, NULL, CHECK_MAX_S);
		ask_next(r);
	}
	buf_release(&url);
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
is_of(const struct ari_ca *ca, const struct ari_subject *subject)
{
	return same(subject->server, ca->server) && same(subject->ca_file, ca->ca_file);
}

static void
ask_next(struct ari_asker *r)
{
	while (r->next < r->count) {
		const struct ari_subject *subject = &r->subjects[r->next++];

		if (!is_of(r->now, subject))
			continue;
		if (r->now->trouble < TROUBLE_MAX) {
			ask(r, subject);
			return;
		}
		note(r, subject, NULL, CHECK_USUAL_S);
	}
}

/* All that the CA answers for, a few at a time. */
static void
ask_ca(struct ari_asker *r, struct ari_ca *ca)
{
	r->now = ca;
	r->next = 0;
	if (ca->base) {
		for (size_t i = 0; i < AT_ONCE; i++)
			ask_next(r);
		acme_http_run(r->http);
		return;
	}
	for (size_t i = 0; i < r->count && !acme_http_stopped(r->http); i++) {
		if (is_of(ca, &r->subjects[i]))
			note(r, &r->subjects[i], NULL, CHECK_USUAL_S);
	}
}

/* ---- CAs ------------------------------------------------------------------------------------- */

static void
on_directory(void *arg, const struct acme_reply *reply, struct err *e)
{
	struct ari_ca *ca = arg;
	const char *url = NULL;
	cJSON *doc = NULL;

	if (reply && reply->status == 200 &&
	    acme_json_parse(reply->body, "the CA's directory", &doc, NULL) == 0)
		url = acme_json_url(doc, "renewalInfo");
	ca->base = url ? mem_strdup(url) : NULL;
	while (ca->base && *ca->base && ca->base[strlen(ca->base) - 1] == '/')
		ca->base[strlen(ca->base) - 1] = '\0';
	cJSON_Delete(doc);
}

static struct ari_ca *
ca_of(struct ari_asker *r, const struct ari_subject *subject)
{
	struct ari_ca *ca = r->cas;
	struct acme_fetch fetch = { .method = ACME_GET,
		.url = subject->server,
		.ca_file = subject->ca_file,
		.timeout_ms = TIMEOUT_MS,
		.done = on_directory };

	while (ca && !is_of(ca, subject))
		ca = ca->next;
	if (ca)
		return ca;
	ca = mem_zalloc(sizeof(*ca));
	ca->server = mem_strdup(subject->server);
	ca->ca_file = subject->ca_file ? mem_strdup(subject->ca_file) : NULL;
	ca->next = r->cas;
	r->cas = ca;
	fetch.arg = ca;
	acme_http_start(r->http, &fetch);
	acme_http_run(r->http);
	return ca;
}

struct ari_asker *
ari_asker_new(struct acme_http *http, struct certstore *store)
{
	struct ari_asker *r = mem_zalloc(sizeof(*r));

	r->http = http;
	r->store = store;
	return r;
}

void
ari_asker_free(struct ari_asker *r)
{
	struct ari_ca *ca;

	while (r && (ca = r->cas)) {
		r->cas = ca->next;
		free(ca->server);
		free(ca->ca_file);
		free(ca->base);
		free(ca);
	}
	free(r);
}

void
ari_ask(struct ari_asker *r, const struct ari_subject *subjects, size_t count)
{
	r->arena = arena_new(0);
	r->subjects = subjects;
	r->count = count;
	for (size_t i = 0; i < count; i++) {
		struct ari_ca *ca = ca_of(r, &subjects[i]);

		if (!ca->asked)
			ask_ca(r, ca);
		ca->asked = true;
	}
	for (struct ari_ca *ca = r->cas; ca; ca = ca->next)
		ca->asked = false;
	arena_free(r->arena);
	r->arena = NULL;
}
