/* SPDX-License-Identifier: ISC */
/*
 * responder_internal: what the responder's files share: responder.c (the set, what is on show, the port), responder_http.c and
 * responder_alpn.c (the two protocols).
 */
#ifndef LIBACME_RESPONDER_INTERNAL_H
#define LIBACME_RESPONDER_INTERNAL_H

#include "libacme/listener.h"
#include "libacme/responder.h"
#include "libcert/validation_cert.h"

struct shown {
	struct shown *next;
	char *key, *key_auth;
	struct validation_cert validation; /* RESPONDER_ALPN */
};

/* What is on show for key, or NULL. */
const struct shown *responder_find(const struct responder *r, struct span key);

/* The path of "GET PATH HTTP/1.x", or of the absolute form; empty when it is anything else. */
struct span responder_http_path(struct span head);

struct responder_protocol {
	size_t conn_size;
	void (*ready)(struct listener_conn *conn, void *responder, short revents);
	void (*release)(struct listener_conn *conn);
};
extern const struct responder_protocol responder_http, responder_alpn;

#endif
