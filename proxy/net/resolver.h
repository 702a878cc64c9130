/* SPDX-License-Identifier: ISC */
/*
 * resolver: host names to addresses while a worker runs, through c-ares on its loop.
 *
 *	resolver_ask -> remembered and fresh: answered at once
 *	             -> else a query to the name servers; all who ask for a name meanwhile share it
 *
 * An answer is good for its time to live, or for "valid". When it cannot be renewed, the last good one is given
 * until it can.
 */
#ifndef PROXY_NET_RESOLVER_H
#define PROXY_NET_RESOLVER_H

#include "base/span.h"
#include "proxy/net/loop.h"

#include <netinet/in.h>

struct resolver;
struct resolver_entry;

/* What to ask, and whom. */
struct resolver_options {
	const struct sockaddr *const *servers; /* IPv4 and IPv6, with ports */
	size_t server_count;
	int64_t valid_ms; /* 0 = what the answers say */
	bool ipv4, ipv6;
};

union resolved_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct resolver_answer {
	const union resolved_address *addresses; /* with the port asked for in none of them: 0 */
	size_t count;                            /* 0: it could not be resolved, and never was */
	int64_t fresh_ms;                        /* for how long it is good */
	const char *reason; /* why it could not be resolved (now); static; NULL = it was */
};

/* One who asks; embedded in its owner, zero to start. */
struct resolver_query {
	struct resolver_query *next, **prev; /* on the entry; prev NULL = not waiting */
	struct timer timeout;
	struct resolver_entry *entry;
	/* The answer lives as long as the call. */
	void (*done)(struct resolver_query *q, const struct resolver_answer *answer);
};

/* NULL when c-ares cannot be set up. The loop must outlive it. */
struct resolver *resolver_new(struct loop *loop, const struct resolver_options *options);
/* Takes NULL. Nobody may be waiting. */
void resolver_free(struct resolver *r);
/* q->done is called once, maybe before this returns, unless resolver_forget takes the question back. host: lower case. */
void resolver_ask(struct resolver *r, struct resolver_query *q, struct span host,
    int64_t timeout_ms);
void resolver_forget(struct resolver_query *q);

#endif
