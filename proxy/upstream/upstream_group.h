/* SPDX-License-Identifier: ISC */
/*
 * upstream_group: the inside of a group, for the files of upstream/ alone.
 *
 * References: each generation that names the group (generations), each connection to one of its peers in use. Idle
 * connections hold none: when the last generation lets go, they are closed, then the group ends with its last user.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_GROUP_H
#define PROXY_UPSTREAM_UPSTREAM_GROUP_H

#include "proxy/upstream/peer_state.h"
#include "proxy/upstream/upstream.h"

struct hash_point;
struct health_prober;
struct shared_zone;
struct upstream_tracker;

struct upstream_group {
	unsigned refs, generations;
	char *identity;
	char *name;
	unsigned keepalive, keepalive_requests;
	int64_t keepalive_timeout_ms, keepalive_time_ms;
	unsigned method;           /* enum balance_method */
	struct hash_point *points; /* BALANCE_HASH_CONSISTENT (balance.h) */
	size_t point_count;
	struct span *servers; /* their names, by server of the spec */
	size_t server_count;
	struct peer_state *states;         /* of peers that have none in the zone */
	struct shared_zone *zone;          /* NULL = none */
	struct upstream_tracker *trackers; /* upstream_tracker.h */
	struct health_prober *probers;     /* health.h */
	struct upstream_conn *idle;        /* newest first */
	unsigned idle_count;
	unsigned idle_least; /* since spare was set: so many were not needed all the time */
	struct timer spare;  /* while more than keepalive are idle */
	size_t peer_count;
	struct peer peers[];
};

/* Close every idle connection, or those to one peer. */
void idle_pool_clear(struct upstream_group *g);
void idle_pool_clear_peer(struct peer *p);
/* The place is this address's from now on. It must not have users. */
void upstream_peer_place(struct peer *p, const struct address *address, struct worker *w);

#endif
