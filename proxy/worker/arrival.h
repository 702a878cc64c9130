/* SPDX-License-Identifier: ISC */
/*
 * arrival: a connection between accept and whoever serves it.
 *
 *	accept -> [PROXY header] -> client_conn (http) | stream_session (stream)
 *
 * It counts as a connection from its first moment. The PROXY header is taken off the socket,
 * nothing else is; so whoever serves the connection reads it from its beginning.
 */
#ifndef PROXY_WORKER_ARRIVAL_H
#define PROXY_WORKER_ARRIVAL_H

#include "proxy/net/conn.h"
#include "proxy/worker/client.h"
#include "proxy/worker/worker_state.h"

struct arrival;

/* What is known of a connection when it is handed on. */
struct accepted {
	int fd;
	const struct sockaddr *peer;
	socklen_t peer_len;
	uint64_t number;         /* serial, for logs and $connection */
	int64_t started_ms;      /* loop clock */
	struct proxied *proxied; /* taken with fd; NULL = no header was asked for */
	/* Of one that a stream server has passed on: */
	const struct address *local; /* where to; NULL = as the socket says */
	struct conn_tls transport;   /* its TLS, which is up; taken */
	struct client_tls tls;       /* what that has told; taken */
	uint8_t passes;              /* how often that was */
};

/* A connection that is passed on so often goes round in circles. */
#define ARRIVAL_PASSES_MAX 8

/* Of slot's socket. */
void arrival_take(struct listen_slot *slot, int fd, const struct sockaddr *peer, socklen_t len);
/* The same for a connection that arrived elsewhere, and is counted already. */
void arrival_pass_take(struct listen_slot *slot, const struct accepted *a);
/* Those that still wait, all or those of slots that are gone: whoever has just come is about to say something, and is served. */
void arrivals_retire(struct worker *w, bool only_gone);
void arrivals_close(struct worker *w);

/* For whoever serves what has arrived: its connection is over. */
void arrival_ended(struct worker *w);

#endif
