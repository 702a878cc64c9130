/* SPDX-License-Identifier: ISC */
/* upstream_report: see upstream_report.h. */
#include "proxy/upstream/upstream_report.h"

#include "proxy/upstream/peer_state.h"
#include "proxy/upstream/upstream_group.h"
#include "proxy/worker/worker_state.h"

static const char *
state_of(const struct peer *p, int64_t now_ms)
{
	struct peer_state *s = p->state;

	if (p->down)
		return "down";
	if (p->drained)
		return peer_state_conns(s) > 0 ? "draining" : "drained";
	if (atomic_load(&s->unhealthy))
		return "unhealthy";
	if (p->max_fails && atomic_load(&s->fails) >= p->max_fails &&
	    now_ms - atomic_load(&s->checked_ms) <= p->fail_timeout_ms)
		return "resting";
	return p->backup ? "backup" : "up";
}

void
upstream_report_each(const struct generation *gen, int64_t now_ms,
    void (*tell)(void *ctx, const struct upstream_report *p), void *ctx)
{
	const struct snapshot *s = gen->snapshot;

	for (size_t i = 0; i < s->upstream_count; i++) {
		const struct upstream_group *g =
		    upstream_groups_get(gen->upstreams, s->upstreams[i]);

		for (size_t k = 0; k < g->peer_count; k++) {
			const struct peer *p = &g->peers[k];
			if (p->absent)
				continue;
			const struct upstream_report report = {
				.group = span_str(g->name),
				.peer = p->address.text,
				.state = state_of(p, now_ms),
				.weight = p->weight,
				.fails = atomic_load(&p->state->fails),
				.connections = peer_state_conns(p->state),
				.max_fails = p->max_fails,
			};

			tell(ctx, &report);
		}
	}
}
