/* SPDX-License-Identifier: ISC */
/*
 * balance: whose turn it is; see balance_pick in upstream.h.
 *
 * Smooth weighted round robin: each round every candidate's current weight grows by its effective weight, the
 * largest is picked and pays the sum of all. A failure lowers the effective weight, successes restore it.
 * The other methods come back to it when they find nobody.
 */
#include "proxy/upstream/balance.h"

#define relaxed memory_order_relaxed

/* A peer at its failure limit rests for fail_timeout after the last failure. */
static bool
is_resting(const struct peer *p, int64_t now_ms)
{
	return p->max_fails && atomic_load_explicit(&p->state->fails, relaxed) >= p->max_fails &&
	       now_ms - atomic_load_explicit(&p->state->checked_ms, relaxed) <= p->fail_timeout_ms;
}

bool
balance_is_usable(const struct upstream_group *g, const struct peer_set *tried, size_t i,
    int64_t now_ms)
{
	const struct peer *p = &g->peers[i];

	return !p->down && !p->drained && !p->absent && !balance_is_tried(tried, i) &&
	       !is_resting(p, now_ms) && !atomic_load_explicit(&p->state->unhealthy, relaxed) &&
	       (!p->max_conns || peer_state_conns(p->state) < p->max_conns);
}

struct peer *
balance_round_robin(struct upstream_group *g, const struct peer_set *tried,
    bool (*wanted)(const struct upstream_group *g, size_t i, const void *arg), const void *arg,
    int64_t now_ms)
{
	struct peer *best = NULL;
	int total = 0, best_weight = 0;

	for (size_t i = 0; i < g->peer_count; i++) {
		struct peer *p = &g->peers[i];
		int lost, weight, current;

		if (!balance_is_usable(g, tried, i, now_ms) || (wanted && !wanted(g, i, arg)))
			continue;
		lost = atomic_load_explicit(&p->state->lost_weight, relaxed);
		weight = (int)p->weight - lost;
		current =
		    atomic_fetch_add_explicit(&p->state->current_weight, weight, relaxed) + weight;
		total += weight;
		if (lost > 0)
			atomic_compare_exchange_weak(&p->state->lost_weight, &lost, lost - 1);
		if (!best || current > best_weight) {
			best = p;
			best_weight = current;
		}
	}
	if (best)
		atomic_fetch_sub_explicit(&best->state->current_weight, total, relaxed);
	return best;
}

static bool
is_primary(const struct upstream_group *g, size_t i, const void *arg)
{
	return !g->peers[i].backup;
}

static bool
is_backup(const struct upstream_group *g, size_t i, const void *arg)
{
	return g->peers[i].backup;
}

/* The fewest connections for its weight; among equals, turns. */
struct least {
	bool backup;
	unsigned conns, weight;
};

static bool
has_least(const struct upstream_group *g, size_t i, const void *arg)
{
	const struct least *least = arg;
	const struct peer *p = &g->peers[i];

	return p->backup == least->backup &&
	       peer_state_conns(p->state) * least->weight <= least->conns * p->weight;
}

static struct peer *
least_conn(struct upstream_group *g, const struct peer_set *tried, bool backups, int64_t now_ms)
{
	struct least least = { .backup = backups };

	for (size_t i = 0; i < g->peer_count; i++) {
		const struct peer *p = &g->peers[i];
		unsigned conns;

		if (p->backup != backups || !balance_is_usable(g, tried, i, now_ms))
			continue;
		conns = peer_state_conns(p->state);
		if (!least.weight || conns * least.weight < least.conns * p->weight) {
			least.conns = conns;
			least.weight = p->weight;
		}
	}
	if (!least.weight)
		return NULL;
	return balance_round_robin(g, tried, has_least, &least, now_ms);
}

static struct peer *
by_method(struct upstream_group *g, struct peer_set *tried, int64_t now_ms)
{
	switch (g->method) {
	case BALANCE_IP_HASH:
		return balance_ip_hash(g, tried, now_ms);
	case BALANCE_HASH:
		return balance_hash(g, tried, now_ms);
	case BALANCE_HASH_CONSISTENT:
		return balance_hash_consistent(g, tried, now_ms);
	case BALANCE_RANDOM:
	case BALANCE_RANDOM_TWO:
		return balance_random(g, tried, g->method == BALANCE_RANDOM_TWO, now_ms);
	case BALANCE_LEAST_CONN:
		return least_conn(g, tried, false, now_ms);
	default:
		return NULL;
	}
}

/* The only one there is is never rested: there is nobody to spare it for. */
static struct peer *
only_one(struct upstream_group *g, const struct peer_set *tried)
{
	struct peer *p = &g->peers[0];

	if (p->down || p->drained || p->absent || balance_is_tried(tried, 0) ||
	    atomic_load_explicit(&p->state->unhealthy, relaxed) ||
	    (p->max_conns && peer_state_conns(p->state) >= p->max_conns))
		return NULL;
	return p;
}

static struct peer *
choose(struct upstream_group *g, struct peer_set *tried, int64_t now_ms)
{
	struct peer *p;

	if (g->peer_count == 1)
		return only_one(g, tried);
	p = by_method(g, tried, now_ms);
	if (!p)
		p = balance_round_robin(g, tried, is_primary, NULL, now_ms);
	if (!p && g->method == BALANCE_LEAST_CONN)
		p = least_conn(g, tried, true, now_ms);
	else if (!p)
		p = balance_round_robin(g, tried, is_backup, NULL, now_ms);
	return p;
}

struct peer *
balance_pick(struct upstream_group *g, struct peer_set *tried, int64_t now_ms)
{
	struct peer *p = choose(g, tried, now_ms);
	int64_t checked;
	size_t i;

	if (!p)
		return NULL;
	i = (size_t)(p - g->peers);
	if (i < 64)
		tried->bits |= UINT64_C(1) << i;
	checked = atomic_load_explicit(&p->state->checked_ms, relaxed);
	if (now_ms - checked > p->fail_timeout_ms)
		atomic_store_explicit(&p->state->checked_ms, now_ms, relaxed);
	return p;
}

void
balance_forget(const struct peer *p, struct peer_set *tried)
{
	size_t i = (size_t)(p - p->group->peers);

	if (i < 64)
		tried->bits &= ~(UINT64_C(1) << i);
}

bool
balance_report(struct peer *p, bool ok, int64_t now_ms)
{
	struct peer_state *s = p->state;
	unsigned fails;

	if (ok) {
		/* The first success after a rest clears the record. */
		if (atomic_load(&s->last_fail_ms) < atomic_load(&s->checked_ms))
			atomic_store(&s->fails, 0);
		return false;
	}
	fails = atomic_fetch_add(&s->fails, 1) + 1;
	atomic_store(&s->last_fail_ms, now_ms);
	atomic_store(&s->checked_ms, now_ms);
	if (p->max_fails) {
		int lost = atomic_load(&s->lost_weight);
		int more = lost + (int)(p->weight / p->max_fails);

		if (more > (int)p->weight)
			more = (int)p->weight;
		atomic_compare_exchange_strong(&s->lost_weight, &lost, more);
	}
	return p->max_fails && fails >= p->max_fails && p->group->peer_count > 1;
}

void
balance_connected(struct peer *p, unsigned worker)
{
	atomic_fetch_add_explicit(&p->state->conns[worker % PEER_STATE_WORKERS], 1, relaxed);
}

void
balance_disconnected(struct peer *p, unsigned worker)
{
	atomic_fetch_sub_explicit(&p->state->conns[worker % PEER_STATE_WORKERS], 1, relaxed);
}
