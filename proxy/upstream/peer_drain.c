/* SPDX-License-Identifier: ISC */
/* peer_drain: see peer_drain.h. */
#include "proxy/upstream/peer_drain.h"

#include "proxy/upstream/upstream_group.h"
#include "proxy/worker/worker_state.h"

static void
drain_peers(struct upstream_group *g, struct span server, bool drained)
{
	for (size_t i = 0; i < g->peer_count; i++) {
		struct peer *p = &g->peers[i];

		if (!span_eq(p->server, server) && (p->absent || !span_eq(p->address.text, server)))
			continue;
		p->drained = drained;
		if (drained)
			idle_pool_clear_peer(p);
	}
}

void
peer_drain(const struct generation *gen, struct span group, struct span server, bool drained)
{
	const struct snapshot *s = gen->snapshot;

	/* http and stream may each have one of that name. */
	for (size_t i = 0; i < s->upstream_count; i++) {
		if (span_eq(s->upstreams[i]->name, group))
			drain_peers(upstream_groups_get(gen->upstreams, s->upstreams[i]), server,
			    drained);
	}
}
