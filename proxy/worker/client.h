/* SPDX-License-Identifier: ISC */
/*
 * client: who is at the other end of an accepted connection, whatever is spoken on it.
 *
 * Embedded in what serves the connection (client_conn, stream_session), and lives as long.
 */
#ifndef PROXY_WORKER_CLIENT_H
#define PROXY_WORKER_CLIENT_H

#include "proxy/net/proxy_protocol.h"

struct accept_state; /* tls_internal.h */
struct accepted;     /* arrival.h */
struct client_verdict;
struct listen_slot;
struct tls_facts;
struct worker;

/* What a TLS handshake has told; tls_accept.c's. Goes wherever the connection goes. */
struct client_tls {
	struct accept_state *accept;    /* owned; the handshake is not over */
	struct span server_name;        /* owned; SNI, or empty */
	struct client_verdict *verdict; /* owned; on its certificate; NULL = none was asked for */
	struct tls_facts *facts;        /* owned; NULL = plain, or not so far yet */
};

struct client {
	struct worker *worker;
	const struct sockaddr *remote, *local; /* owned, in one piece; see address.h */
	struct proxied *proxied; /* owned; what its PROXY header said; NULL = none was asked for */
	uint64_t number;         /* connection serial, for logs and $connection */
	unsigned requests;       /* so far, the present one included */
	uint8_t passes;          /* from one of our listeners to another */
	bool plain_to_tls;       /* plain, where TLS was expected */
	int64_t started_ms;      /* loop clock */
	struct client_tls tls;
	struct listen_slot *slot; /* counted: newest generation with its listener, and that */
};

/* Takes what a owns but for the descriptor. c is all zero. */
void client_init(struct client *c, struct listen_slot *slot, const struct accepted *a);
void client_release(struct client *c);

#endif
