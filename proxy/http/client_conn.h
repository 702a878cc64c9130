/* SPDX-License-Identifier: ISC */
/*
 * client_conn: a client's connection from accept to close.
 *
 *	accept -> [TLS handshake: server by SNI, certificate, ALPN] -> codec (http1; h2 plugs in at client_conn_ready)
 *
 * Owns the transport and what is known of the client; the codec's state is embedded. PROXY protocol will be read
 * before the handshake, and a ClientHello peeked at, in client_conn_accept_take.
 */
#ifndef PROXY_HTTP_CLIENT_CONN_H
#define PROXY_HTTP_CLIENT_CONN_H

#include "proxy/http/http1_conn.h"
#include "proxy/http/request.h"
#include "proxy/net/conn.h"

struct listen_slot;

struct client_conn {
	struct conn conn;
	struct client client;
	struct listen_slot *slot; /* counted */
	struct timer timer; /* one at a time: handshake, head, keep-alive, body, send, lingering */
	struct client_conn *next, **prev; /* in worker->clients */
	struct http1 http1;
	char remote_text[64], local_text[64];
};

/* Start serving an accepted socket. */
void client_conn_accept_take(struct listen_slot *slot, int fd, const struct sockaddr *peer,
    socklen_t len);
struct client_conn *client_conn_of(struct client *client);
/* Info line with the client's address, then close. why: static text; NULL = silently. */
void client_conn_close(struct client_conn *cc, const char *why);
/* The settings a connection goes by before a request has picked its server. */
const struct server *client_conn_default_server(const struct client_conn *cc);
/* Close connections that wait between requests: all, or those of slots that are gone. */
void client_conns_close_idle(struct worker *w, bool only_gone);

#endif
