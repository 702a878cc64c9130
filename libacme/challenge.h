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
};

struct solver {
	const char *type;
	/* Make the answer visible. */
	int (*present)(struct solver *s, const struct challenge *c, struct err *e);
	/* Take it away again; quiet if it is gone already. */
	void (*cleanup)(struct solver *s, const struct challenge *c);
	/*
	 * See with our own eyes what the CA will see. done(arg, NULL): right, or impossible to tell from here. NULL = no
	 * way to check. The challenge lives until done was called.
	 */
	void (*check)(struct solver *s, const struct challenge *c, struct acme_http *http,
	    void (*done)(void *arg, struct err *e), void *arg);
	void (*free)(struct solver *s);
};

/* RFC 8555 8.1: base64url, and short enough for a file name. */
bool challenge_token_ok(const char *token);

#endif
