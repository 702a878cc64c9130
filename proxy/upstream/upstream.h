/* SPDX-License-Identifier: ISC */
/*
 * upstream: groups of peers as a worker runs them: who is up, whose turn it is, which connections are idle.
 *
 *	upstream_spec (configuration) --same definition--> upstream_group (counted, lives across generations)
 *	    group -> peers -> idle connections
 *
 * A group whose definition did not change keeps its idle connections, its turn and its failure counts over a reload.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_H
#define PROXY_UPSTREAM_UPSTREAM_H

#include "proxy/config/snapshot.h"
#include "proxy/net/conn.h"

struct generation;
struct peer_state;
struct upstream_conn;
struct upstream_group;
struct upstream_tls;    /* tls/upstream_tls.h */
struct upstream_groups; /* of one generation, by upstream_spec index */
struct worker;

/* One address that requests can go to. */
struct peer {
	struct upstream_group *group;
	struct address address;   /* text owned by the group */
	struct peer_state *state; /* peer_state.h; shared by all workers if the group has a zone */
	struct span server;       /* as the configuration names it; owned by the group */
	unsigned weight, max_fails, max_conns;
	int64_t fail_timeout_ms;
	unsigned users; /* connections of this worker, idle ones too */
	bool backup, down;
	bool drained; /* gets no new requests, as the administrator wants it; peer_drain.h */
	bool absent;  /* the server's name does not stand for this address (now) */
};

struct upstream_groups *upstream_groups_new(struct generation *g,
    const struct upstream_groups *previous);
void upstream_groups_free(struct upstream_groups *groups);
struct upstream_group *upstream_groups_get(const struct upstream_groups *groups,
    const struct upstream_spec *spec);
/* A group of these for one request, with one reference: its connections are not kept. */
struct upstream_group *upstream_group_for_addresses(struct worker *w, struct span name,
    const struct address *addresses, size_t count);
struct upstream_group *upstream_group_ref(struct upstream_group *g);
void upstream_group_unref(struct upstream_group *g);
/* "http://backend" for logs: the name the configuration gave it. */
struct span upstream_group_name(const struct upstream_group *g);
/* Those that a request may try. */
unsigned upstream_group_peer_count(const struct upstream_group *g);
/* Of those, at most max, backups last; their texts are the group's. */
size_t upstream_group_addresses(const struct upstream_group *g, struct address *out, size_t max);
/* enum balance_method */
unsigned upstream_group_method(const struct upstream_group *g);

/* Which peers a request has tried, and where a method was; zero to start, but for key. */
struct peer_set {
	uint64_t bits;   /* the first 64 peers; later ones count as untried */
	struct span key; /* what hash and ip_hash go by; lasts as long as the request */
	uint32_t hash;
	unsigned rehash, rounds;
	bool started;
};

/*
 * Whose turn it is by the group's method (all of nginx's; backups when no other is left; a peer that failed max_fails times
 * within fail_timeout rests for fail_timeout; the only peer is never rested). NULL: nobody is left.
 */
struct peer *balance_pick(struct upstream_group *g, struct peer_set *tried, int64_t now_ms);
/* The peer may be picked again for this request. */
void balance_forget(const struct peer *p, struct peer_set *tried);
/* What came of asking it. True: it has failed too often and rests now. */
bool balance_report(struct peer *p, bool ok, int64_t now_ms);
/* A request has a connection to it, or wants one; and no more. For max_conns and the methods that count them. */
void balance_connected(struct peer *p, unsigned worker);
void balance_disconnected(struct peer *p, unsigned worker);

/* A connection to a peer: in use by one request, or idle in its group. */
struct upstream_conn {
	struct conn conn;
	struct worker *worker;
	struct peer *peer;     /* its group is held */
	unsigned requests;     /* sent on it so far */
	bool counted;          /* by balance_connected, until it is idle or closed */
	int64_t orphan_ms;     /* orphan.c; 0 = it has begun to answer */
	struct address *bound; /* what it was bound to; owned; NULL = nothing */
	char *header;          /* the PROXY header it began with; owned; NULL = none */
	size_t header_length;
	int64_t started_ms;
	struct timer idle;
	struct upstream_conn *next,
	    **prev; /* in the group's idle list, newest first; prev NULL = in use */
};

/* How a connection is to be made. */
struct connect_options {
	const struct address *bind; /* NULL = as the kernel sees fit */
	bool keepalive_probes;      /* proxy_socket_keepalive */
	bool nagle;                 /* tcp_nodelay off */
	struct span header;         /* PROXY header, which goes out before all else; empty = none */
	struct upstream_tls *tls;   /* NULL = plain */
	struct span tls_name;       /* proxy_ssl_name */
};

/* The newest idle connection to this peer made like this (now in use, ops and owner as given), or NULL. */
struct upstream_conn *idle_pool_take(struct peer *p, const struct connect_options *how,
    const struct conn_ops *ops, void *owner);
/*
 * Connect: returns at once, on_writable tells when it is done and the header is sent. NULL with errno when it fails at once.
 * TLS is begun then, by upstream_conn_begin_tls. Not conn.connecting: it is done, and a header stands in the queue.
 */
struct upstream_conn *upstream_connect(struct worker *w, struct peer *p,
    const struct connect_options *how, const struct conn_ops *ops, void *owner);
/* on_handshake tells when it is done, and upstream_tls_verify what came of it. -1 with e set. */
int upstream_conn_begin_tls(struct upstream_conn *uc, const struct connect_options *how,
    struct err *e) __attribute__((warn_unused_result));
/* The response was read whole and the peer keeps the connection: park it, if the group keeps any. */
void idle_pool_put(struct upstream_conn *uc);
void upstream_conn_close(struct upstream_conn *uc);

#endif
