/* SPDX-License-Identifier: ISC */
/*
 * client: who is at the other end of an accepted connection, whatever is spoken on it.
 *
 * Embedded in what serves the connection (client_conn, stream_session), and lives as long.
 */
#ifndef PROXY_WORKER_CLIENT_H
#define PROXY_WORKER_CLIENT_H

#include "proxy/net/proxy_protocol.h"

#include <openssl/ssl.h>

struct accepted; /* arrival.h */
struct listen_slot;
struct worker;

#define CLIENT_ADDRESS_TEXT 48 /* "[IPv6]:65535" */

struct client {
	struct worker *worker;
	struct address remote;    /* its text is below */
	struct address local;     /* without text */
	struct proxied *proxied;  /* owned; what its PROXY header said; NULL = none was asked for */
	uint64_t number;          /* connection serial, for logs and $connection */
	unsigned requests;        /* so far, the present one included */
	unsigned passes;          /* from one of our listeners to another */
	int64_t started_ms;       /* loop clock */
	SSL *ssl;                 /* NULL = plain; the connection's */
	bool plain_to_tls;        /* plain, where TLS was expected */
	struct listen_slot *slot; /* counted: newest generation with its listener, and that */
	char remote_text[CLIENT_ADDRESS_TEXT];
};

/* Takes what a owns but for the descriptor. c is all zero. */
void client_init(struct client *c, struct listen_slot *slot, const struct accepted *a);
void client_release(struct client *c);

#endif
