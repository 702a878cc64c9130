/* SPDX-License-Identifier: ISC */
/*
 * balance: whose turn it is; see balance_pick in upstream.h.
 *
 * Smooth weighted round robin: each round every candidate's current weight grows by its effective weight, the
 * largest is picked and pays the sum of all. A failure lowers the effective weight, successes restore it.
 */
#include "proxy/upstream/upstream_group.h"

static bool
is_tried(const struct peer_set *tried, size_t i)
{
	return i < 64 && (tried->bits >> i & 1);
}

/* A peer at its failure limit rests for fail_timeout after the last failure. */
static bool
is_resting(const struct peer *p, int64_t now_ms)
{
	return p->max_fails && p->fails >= p->max_fails &&
	       now_ms - p->checked_ms <= p->fail_timeout_ms;
}

static struct peer *
pick_among(struct upstream_group *g, const struct peer_set *tried, bool backups, int64_t now_ms)
{
	struct peer *best = NULL;
	int total = 0;

	for (size_t i = 0; i < g->peer_count; i++) {
		struct peer *p = &g->peers[i];

		if (p->down || p->backup != backups || is_tried(tried, i) || is_resting(p, now_ms))
			continue;
		p->current_weight += p->effective_weight;
		total += p->effective_weight;
		if (p->effective_weight < (int)p->weight)
			p->effective_weight++;
		if (!best || p->current_weight > best->current_weight)
			best = p;
	}
	if (best)
		best->current_weight -= total;
	return best;
}

struct peer *
balance_pick(struct upstream_group *g, struct peer_set *tried, int64_t now_ms)
{
	struct peer *p;
	size_t i;

	if (g->peer_count == 1) {
		p = g->peers[0].down || is_tried(tried, 0) ? NULL : &g->peers[0];
	} else {
		p = pick_among(g, tried, false, now_ms);
		if (!p)
			p = pick_among(g, tried, true, now_ms);
	}
	if (!p)
		return NULL;
	i = (size_t)(p - g->peers);
	if (i < 64)
		tried->bits |= UINT64_C(1) << i;
	if (now_ms - p->checked_ms > p->fail_timeout_ms)
		p->checked_ms = now_ms;
	return p;
}

void
balance_forget(const struct peer *p, struct peer_set *tried)
{
	size_t i = (size_t)(p - p->group->peers);

	if (i < 64)
		tried->bits &= ~(UINT64_C(1) << i);
}

void
balance_report(struct peer *p, bool ok, int64_t now_ms)
{
	if (ok) {
		/* The first success after a rest clears the record. */
		if (p->last_fail_ms < p->checked_ms)
			p->fails = 0;
		return;
	}
	p->fails++;
	p->last_fail_ms = now_ms;
	p->checked_ms = now_ms;
	if (p->max_fails) {
		p->effective_weight -= (int)(p->weight / p->max_fails);
		if (p->effective_weight < 0)
			p->effective_weight = 0;
	}
}
