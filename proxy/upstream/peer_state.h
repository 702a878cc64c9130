/* SPDX-License-Identifier: ISC */
/*
 * peer_state: what becomes of a peer while it runs: turns, failures, connections, health.
 *
 * In memory of the group or, with "zone", in memory that all workers share, and that outlives reloads. Every field is
 * atomic and each change is one operation, so there is no lock that a worker could die with: what workers do at the same
 * time may cost a little fairness, never an invariant. All zero is the state of a peer nobody has asked yet.
 */
#ifndef PROXY_UPSTREAM_PEER_STATE_H
#define PROXY_UPSTREAM_PEER_STATE_H

#include "base/span.h"

#include <stdatomic.h>

/* Workers beyond share a counter with one of these. */
#define PEER_STATE_WORKERS 64

struct peer_state {
	_Atomic uint64_t key;       /* whose it is, in a zone; 0 = nobody's */
	_Atomic int current_weight; /* smooth weighted round robin */
	_Atomic int lost_weight;    /* of the configured one, by failures */
	_Atomic unsigned fails;
	_Atomic int64_t last_fail_ms, checked_ms; /* monotonic: one clock for all workers */
	/* Per worker, so that those of one that died can be taken back. */
	_Atomic unsigned short conns[PEER_STATE_WORKERS];
	/* health_check */
	_Atomic int64_t next_check_ms;
	_Atomic unsigned checks_in_row; /* of the same outcome */
	_Atomic bool last_check_failed, unhealthy;
};

static inline unsigned
peer_state_conns(struct peer_state *s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < PEER_STATE_WORKERS; i++)
		sum += atomic_load_explicit(&s->conns[i], memory_order_relaxed);
	return sum;
}

/*
 * The state of this key in a zone's memory, new if it is not there; NULL when the zone is full. first_use: this worker has
 * no connections to it yet, whatever one before it with the same number left behind.
 */
struct peer_state *peer_state_find(void *zone, size_t size, struct span key, unsigned worker,
    bool first_use);

#endif
