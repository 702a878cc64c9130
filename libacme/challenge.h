/* SPDX-License-Identifier: ISC */
/*
 * challenge: what the CA wants to see (RFC 8555 8), and the interface of those who show it.
 *
 * A solver serves one challenge type. The order calls present for each name, then check (if there is one) for each, then tells
 * the CA; cleanup follows for every presented challenge, whatever came of it.
 */
#ifndef LIBACME_CHALLENGE_H
#define LIBACME_CHALLENGE_H

#include "base/err.h"
#include "base/span.h"
#include "libacme/acme_http.h"

struct challenge {
	struct span name; /* the identifier to prove; no wildcard label */
	const char *type; /* "http-01" */
	const char *url;
	const char *token;    /* base64url, checked */
	const char *key_auth; /* token.thumbprint */
	size_t remaining;     /* challenges of the order that are put on show after this one */
};

struct solver {
	const char *type;
	/* Make the answer visible, then call done (perhaps before returning). The challenge lives until then. */
	void (*present)(struct solver *s, const struct challenge *c,
	    void (*done)(void *arg, struct err *e), void *arg);
	/*
	 * Take it away again, or begin to; quiet if it is gone already. Also for what a killed run left: of c only name, type, token
	 * and key_auth are set.
	 */
	void (*cleanup)(struct solver *s, const struct challenge *c);
	/*
	 * See with our own eyes what the CA will see. done(arg, NULL): right, or impossible to tell from here. NULL = no
	 * way to check. The challenge lives until done was called.
	 */
	void (*check)(struct solver *s, const struct challenge *c, struct acme_http *http,
	    void (*done)(void *arg, struct err *e), void *arg);
	void (*free)(struct solver *s);
};

/* What dns-01 shows (RFC 8555 8.4), on the heap. */
char *challenge_dns_value(const char *key_auth);

/* RFC 8555 8.1: base64url, and short enough for a file name. */
bool challenge_token_ok(const char *token);

#endif
