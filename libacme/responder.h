/* SPDX-License-Identifier: ISC */
/*
 * responder: a little server of our own that answers challenges, shared by all orders that need the same port.
 *
 *	responder_show(r, "TOKEN", value)   opens the port with the first, waits for it when it is taken for a moment
 *	responder_hide(r, "TOKEN")          closes it with the last
 */
#ifndef LIBACME_RESPONDER_H
#define LIBACME_RESPONDER_H

#include "libacme/acme_http.h"

struct responder;

enum responder_kind {
	RESPONDER_HTTP, /* by token: GET /.well-known/acme-challenge/TOKEN gives the key authorization */
	RESPONDER_ALPN, /* by server name: a handshake for "acme-tls/1" shows the validation certificate */
};

/* All responders of a process. */
struct responder_set;
struct responder_set *responder_set_new(struct acme_http *http);
/* Takes NULL. */
void responder_set_free(struct responder_set *set);
/* The one for kind, address (NULL = all) and port; it belongs to the set. */
struct responder *responder_get(struct responder_set *set, enum responder_kind kind,
    const char *address, unsigned port);

/*
 * Show for key (a token; a server name) what proves name by key_auth, then call done. A server name shows one thing at a time:
 * the next waits for its turn.
 */
void responder_show(struct responder *r, const char *key, struct span name, const char *key_auth,
    void (*done)(void *arg, struct err *e), void *arg);
/* Quiet if key_auth is not on show. */
void responder_hide(struct responder *r, const char *key, const char *key_auth);

#endif
