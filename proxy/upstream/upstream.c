/* SPDX-License-Identifier: ISC */
/*
 * upstream: groups and their lives; see upstream.h.
 *
 * Two specs define the same group when all that a group copies from them is the same: it is written down as one string,
 * the identity, and compared.
 */
#include "proxy/upstream/upstream.h"

#include "base/buf.h"
#include "base/mem.h"
#include "proxy/config/span_map.h"
#include "proxy/upstream/upstream_group.h"
#include "proxy/worker/worker_state.h"

#include <stdlib.h>

/* Beyond four million servers two definitions could pass for one. */
#define IDENTITY_MAX (1 << 28)

struct upstream_groups {
	size_t count;
	struct upstream_group *by_index[];
};

static void
write_identity(const struct upstream_spec *spec, struct buf *out)
{
	buf_printf(out, SPAN_FMT " %d %u %u %lld", SPAN_ARG(spec->name), spec->implicit,
	    spec->keepalive, spec->keepalive_requests, (long long)spec->keepalive_timeout_ms);
	for (size_t i = 0; i < spec->server_count; i++) {
		const struct upstream_server *s = &spec->servers[i];

		buf_printf(out, "\n" SPAN_FMT " %u %u %lld %d %d", SPAN_ARG(s->name), s->weight,
		    s->max_fails, (long long)s->fail_timeout_ms, s->backup, s->down);
		for (size_t j = 0; j < s->address_count; j++) {
			buf_add_char(out, ' ');
			buf_add(out, s->addresses[j].text);
		}
	}
}

static void
peer_init(struct peer *p, struct upstream_group *g, const struct upstream_server *s,
    const struct address *a)
{
	p->group = g;
	p->address = *a;
	p->address.text = span_str(mem_dup_span(a->text));
	p->weight = s->weight ? s->weight : 1;
	p->effective_weight = (int)p->weight;
	p->max_fails = s->max_fails;
	p->fail_timeout_ms = s->fail_timeout_ms;
	p->backup = s->backup;
	p->down = s->down;
}

static struct upstream_group *
group_new(const struct upstream_spec *spec, char *identity)
{
	struct upstream_group *g;
	size_t count = 0;

	for (size_t i = 0; i < spec->server_count; i++)
		count += spec->servers[i].address_count;
	g = mem_zalloc(sizeof(*g) + count * sizeof(g->peers[0]));
	g->refs = 1;
	g->identity = identity;
	g->name = mem_dup_span(spec->name);
	g->keepalive = spec->keepalive;
	g->keepalive_requests = spec->keepalive_requests;
	g->keepalive_timeout_ms = spec->keepalive_timeout_ms;
	for (size_t i = 0; i < spec->server_count; i++) {
		for (size_t j = 0; j < spec->servers[i].address_count; j++)
			peer_init(&g->peers[g->peer_count++], g, &spec->servers[i],
			    &spec->servers[i].addresses[j]);
	}
	return g;
}

struct upstream_group *
upstream_group_for_addresses(struct span name, const struct address *addresses, size_t count)
{
	const struct upstream_server server = {
		.addresses = (struct address *)(uintptr_t)addresses,
		.address_count = count,
		.weight = 1,
		.max_fails = 1,
		.fail_timeout_ms = 10 * 1000,
	};
	const struct upstream_spec spec = {
		.name = name,
		.servers = (struct upstream_server *)(uintptr_t)&server,
		.server_count = 1,
		.implicit = true,
	};

	return group_new(&spec, NULL);
}

/* The previous generation's groups: by place, and by identity once one was not in its place. */
struct known {
	const struct upstream_groups *groups; /* NULL = there was none */
	struct arena *arena;
	struct span_map map;
};

static struct upstream_group *
find_same(struct known *known, size_t i, const char *identity)
{
	const struct upstream_groups *groups = known->groups;

	if (!groups)
		return NULL;
	if (i < groups->count && strcmp(groups->by_index[i]->identity, identity) == 0)
		return groups->by_index[i];
	if (!known->arena) {
		known->arena = arena_new(0);
		span_map_init(&known->map, known->arena);
		span_map_reserve(&known->map, groups->count);
		for (size_t k = 0; k < groups->count; k++)
			span_map_add(&known->map, span_str(groups->by_index[k]->identity),
			    groups->by_index[k]);
	}
	return span_map_get(&known->map, span_str(identity));
}

struct upstream_groups *
upstream_groups_new(struct generation *gen, const struct upstream_groups *previous)
{
	const struct snapshot *s = gen->snapshot;
	struct known known = { .groups = previous };
	struct upstream_groups *groups;

	groups = mem_zalloc(sizeof(*groups) + s->upstream_count * sizeof(groups->by_index[0]));
	for (size_t i = 0; i < s->upstream_count; i++) {
		struct upstream_group *same;
		struct buf identity;
		char *text;

		buf_init(&identity, IDENTITY_MAX);
		write_identity(s->upstreams[i], &identity);
		text = buf_detach(&identity, NULL);
		same = find_same(&known, i, text);
		if (same) {
			free(text);
			groups->by_index[i] = upstream_group_ref(same);
		} else {
			groups->by_index[i] = group_new(s->upstreams[i], text);
		}
		groups->by_index[i]->generations++;
		groups->count++;
	}
	arena_free(known.arena);
	return groups;
}

void
upstream_groups_free(struct upstream_groups *groups)
{
	if (!groups)
		return;
	for (size_t i = 0; i < groups->count; i++) {
		if (--groups->by_index[i]->generations == 0)
			idle_pool_clear(groups->by_index[i]);
		upstream_group_unref(groups->by_index[i]);
	}
	free(groups);
}

struct upstream_group *
upstream_groups_get(const struct upstream_groups *groups, const struct upstream_spec *spec)
{
	return groups->by_index[spec->index];
}

struct upstream_group *
upstream_group_ref(struct upstream_group *g)
{
	g->refs++;
	return g;
}

void
upstream_group_unref(struct upstream_group *g)
{
	if (--g->refs > 0)
		return;
	for (size_t i = 0; i < g->peer_count; i++)
		free((char *)(uintptr_t)g->peers[i].address.text.p);
	free(g->identity);
	free(g->name);
	free(g);
}

struct span
upstream_group_name(const struct upstream_group *g)
{
	return span_str(g->name);
}

unsigned
upstream_group_peer_count(const struct upstream_group *g)
{
	return (unsigned)g->peer_count;
}
