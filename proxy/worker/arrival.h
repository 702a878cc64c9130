/* SPDX-License-Identifier: ISC */
/*
 * arrival: a connection between accept and whoever serves it.
 *
 *	accept -> [PROXY header] -> client_conn (http)
 *
 * It counts as a connection from its first moment. The PROXY header is taken off the socket,
 * nothing else is; so whoever serves the connection reads it from its beginning.
 */
#ifndef PROXY_WORKER_ARRIVAL_H
#define PROXY_WORKER_ARRIVAL_H

#include "proxy/net/proxy_protocol.h"
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
};

/* Of slot's socket. */
void arrival_take(struct listen_slot *slot, int fd, const struct sockaddr *peer, socklen_t len);
/* Close those that still wait: all, or those of slots that are gone. */
void arrivals_close(struct worker *w, bool only_gone);

/* For whoever serves what has arrived: its connection is over. */
void arrival_ended(struct worker *w);

#endif
