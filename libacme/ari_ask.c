/* SPDX-License-Identifier: ISC */
/*
 * ari_refresh: asking, many certificates side by side: the directory of each CA once, then a GET for each certificate.
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
#define URL_MAX ((size_t)2048)

struct refresh {
	struct acme_http *http;
	struct certstore *store;
	const struct ari_subject *subjects;
	size_t count, next;           /* next: the first that was not looked at for this CA */
	const char *server, *ca_file; /* the CA whose turn it is */
	char *base;                   /* its renewalInfo, or NULL */
	struct arena *arena;
};

struct question {
	struct refresh *r;
	const struct ari_subject *subject;
};

static void ask_next(struct refresh *r);

/* ari: the answer, or NULL: what is known stays, and is asked for again after wait_s. */
static void
note(struct refresh *r, const struct ari_subject *subject, struct ari *ari, int64_t wait_s)
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
	struct refresh *r = q->r;
	struct ari ari = { .at = 0 };
	int64_t wait_s = CHECK_USUAL_S;
	bool good;

	if (reply && reply->retry_after_ms >= 0)
		wait_s = (reply->retry_after_ms + 999) / 1000;
	good = reply && reply->status == 200 && ari_parse(reply->body, r->arena, &ari, NULL) == 0;
	if (!acme_http_stopped(r->http))
		note(r, q->subject, good ? &ari : NULL, wait_s);
	free(q);
	ask_next(r);
}

static void
ask(struct refresh *r, const struct ari_subject *subject)
{
	struct acme_fetch fetch = { .method = ACME_GET,
		.ca_file = r->ca_file,
		.timeout_ms = TIMEOUT_MS,
		.done = on_answer };
	struct question *q;
	struct buf url;

	buf_init(&url, URL_MAX);
	buf_printf(&url, "%s/", r->base);
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
is_of(const struct refresh *r, const struct ari_subject *subject)
{
	return same(subject->server, r->server) && same(subject->ca_file, r->ca_file);
}

static void
ask_next(struct refresh *r)
{
	while (r->next < r->count) {
		const struct ari_subject *subject = &r->subjects[r->next++];

		if (!is_of(r, subject))
			continue;
		ask(r, subject);
		return;
	}
}

static void
on_directory(void *arg, const struct acme_reply *reply, struct err *e)
{
	struct refresh *r = arg;
	const char *url = NULL;
	cJSON *doc = NULL;

	if (reply && reply->status == 200 &&
	    acme_json_parse(reply->body, "the CA's directory", &doc, NULL) == 0)
		url = acme_json_url(doc, "renewalInfo");
	r->base = url ? mem_strdup(url) : NULL;
	while (r->base && *r->base && r->base[strlen(r->base) - 1] == '/')
		r->base[strlen(r->base) - 1] = '\0';
	cJSON_Delete(doc);
}

static void
refresh_ca(struct refresh *r)
{
	struct acme_fetch fetch = { .method = ACME_GET,
		.url = r->server,
		.ca_file = r->ca_file,
		.timeout_ms = TIMEOUT_MS,
		.done = on_directory,
		.arg = r };

	acme_http_start(r->http, &fetch);
	acme_http_run(r->http);
	r->next = 0;
	if (r->base) {
		for (size_t i = 0; i < AT_ONCE; i++)
			ask_next(r);
		acme_http_run(r->http);
	} else {
		for (size_t i = 0; i < r->count && !acme_http_stopped(r->http); i++) {
			if (is_of(r, &r->subjects[i]))
				note(r, &r->subjects[i], NULL, CHECK_USUAL_S);
		}
	}
	free(r->base);
	r->base = NULL;
}

void
ari_refresh(struct acme_http *http, struct certstore *store, const struct ari_subject *subjects,
    size_t count)
{
	struct refresh r = { .http = http, .store = store, .subjects = subjects, .count = count };

	r.arena = arena_new(0);
	for (size_t i = 0; i < count; i++) {
		bool done = false;

		r.server = subjects[i].server;
		r.ca_file = subjects[i].ca_file;
		for (size_t j = 0; j < i && !done; j++)
			done = is_of(&r, &subjects[j]);
		if (!done)
			refresh_ca(&r);
	}
	arena_free(r.arena);
}
