/* SPDX-License-Identifier: ISC */
/*
 * acme: one CA, as one account sees it: directory, nonces, signed requests (RFC 8555 6, 7.1).
 *
 * Requests run on an acme_http loop; any number may be under way. What a retry can cure is retried here and
 * nowhere else: badNonce at once with a fresh one, short Retry-After waited for, lost
 * replies asked for again when the request allows it.
 */
#ifndef LIBACME_ACME_H
#define LIBACME_ACME_H

#include "libacme/acme_http.h"
#include "libacme/acme_problem.h"

#include <openssl/evp.h>

struct acme;

/* "letsencrypt" -> its directory URL; a URL as it is; NULL (e set, known names listed) for anything else. */
const char *acme_server_url(const char *server, struct err *e);
/* The known names, a line each. */
void acme_server_offer(struct buf *out);
extern const char ACME_SERVER_DEFAULT[], ACME_SERVER_STAGING[];
/* The CA for trials beside this one; url itself where none is known. */
const char *acme_server_trial(const char *url);
bool acme_server_is_trial(const char *url);

/* url and ca_file (roots for its TLS certificate; NULL: the system's) are copied; http is borrowed. */
struct acme *acme_new(struct acme_http *http, const char *url, const char *ca_file);
/* Nothing may be under way. Takes NULL. */
void acme_free(struct acme *ca);
struct acme_http *acme_transport(const struct acme *ca);
const char *acme_server(const struct acme *ca);

/* Fetch the directory; done gets NULL or why not. Must be over before anything is posted. */
void acme_open(struct acme *ca, void (*done)(void *arg, struct err *e), void *arg);
/* The same, turning the loop until it is empty. */
int acme_open_wait(struct acme *ca, struct err *e) __attribute__((warn_unused_result));

enum acme_resource {
	ACME_NEW_NONCE,
	ACME_NEW_ACCOUNT,
	ACME_NEW_ORDER,
	ACME_REVOKE,
	ACME_KEY_CHANGE,
	ACME_RENEWAL_INFO
};
/* NULL if the CA does not have it. */
const char *acme_url(const struct acme *ca, enum acme_resource resource);
/* The terms of service's address, or NULL. */
const char *acme_terms(const struct acme *ca);
bool acme_needs_eab(const struct acme *ca);
/* Does the CA make certificates of that profile? All it has, "classic, shortlived", appended to out. */
bool acme_has_profile(const struct acme *ca, const char *name);
void acme_list_profiles(const struct acme *ca, struct buf *out);
/* How far this machine's clock is ahead of the CA's, seconds. */
int64_t acme_clock_skew(const struct acme *ca);

/* One of an earlier run; what is no nonce is not taken. And one to spare for the next, on the heap, or NULL. */
void acme_put_nonce(struct acme *ca, const char *nonce);
char *acme_take_nonce(struct acme *ca);

/* Key (shared, reference counted by OpenSSL) and account URL that sign from now on. kid NULL: the bare key signs. */
void acme_set_account(struct acme *ca, EVP_PKEY *key, const char *kid);
EVP_PKEY *acme_account_key(const struct acme *ca);
const char *acme_account_url(const struct acme *ca);

/* The outcome of a request; lives until the callback returns. */
struct acme_answer {
	const struct acme_reply *reply;     /* NULL when none came */
	const struct acme_problem *problem; /* NULL when none was sent */
	struct err *error;                  /* NULL: a reply of status 2xx */
	bool lost;                          /* no reply: the CA may or may not have acted */
};

struct acme_post {
	const char *url;
	struct span payload; /* JSON; empty = POST-as-GET */
	const char *what;    /* "cannot create the order": opens error texts; static */
	bool repeatable;     /* doing it twice does no harm: ask again when the reply was lost */
	void (*done)(void *arg, const struct acme_answer *answer);
	void *arg;
};
void acme_post(struct acme *ca, const struct acme_post *post);

#endif
