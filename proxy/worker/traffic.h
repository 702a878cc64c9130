/* SPDX-License-Identifier: ISC */
/*
 * traffic: what a request and a stream session have in common, and what variables of both are
 * about.
 */
#ifndef PROXY_WORKER_TRAFFIC_H
#define PROXY_WORKER_TRAFFIC_H

#include "proxy/worker/client.h"

struct arena;
struct generation; /* worker_state.h */

/*
 * remote is what a trusted proxy says of the client's address, or NULL: ask traffic_remote().
 * generation is counted. started_ms is of the loop's clock. verdict: tls_client_judge()'s, by the rules of the server
 * that this goes to: what comes on the same connection may be judged by others meanwhile.
 */
#define TRAFFIC_MEMBERS                \
	struct arena *arena;           \
	struct client *client;         \
	const struct sockaddr *remote; \
	struct generation *generation; \
	int64_t started_ms;            \
	long verdict;                  \
	bool judged; /* verdict counts */

struct traffic {
	TRAFFIC_MEMBERS
};

/* First in the struct that is one. */
#define TRAFFIC                         \
	union {                         \
		struct traffic traffic; \
		struct {                \
			TRAFFIC_MEMBERS \
		};                      \
	}

/* The client's address, for all but the transport itself. */
static inline const struct sockaddr *
traffic_remote(const struct traffic *t)
{
	return t->remote ? t->remote : t->client->remote;
}

/*
 * Where the client connected to. That is here, unless its own address is of another family: then it is where the PROXY
 * header says that a trusted proxy took the connection.
 */
static inline const struct sockaddr *
traffic_destination(const struct traffic *t)
{
	const struct sockaddr *local = t->client->local;
	const struct proxied *p = t->client->proxied;

	if (!t->remote || t->remote->sa_family == local->sa_family || !p ||
	    !p->header.has_addresses ||
	    p->header.destination.u.sa.sa_family != t->remote->sa_family)
		return local;
	return &p->header.destination.u.sa;
}

#endif
