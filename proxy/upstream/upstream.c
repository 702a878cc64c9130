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
#include "proxy/net/address.h"
#include "proxy/upstream/balance.h"
#include "proxy/upstream/health.h"
#include "proxy/upstream/upstream_tracker.h"
#include "proxy/worker/shared_zone.h"
#include "proxy/worker/worker_state.h"

#include <stdlib.h>

/* Beyond four million servers two definitions could pass for one. */
#define IDENTITY_MAX (1 << 28)

struct upstream_groups {
	size_t count;
	struct upstream_group *by_index[];
};

static void
write_server(const struct upstream_server *s, struct buf *out)
{
	buf_printf(out, "\n" SPAN_FMT " %u %u %u %lld %d %d %d", SPAN_ARG(s->name), s->weight,
	    s->max_fails, s->max_conns, (long long)s->fail_timeout_ms, s->backup, s->down,
	    s->resolve);
	for (size_t j = 0; !s->resolve && j < s->address_count; j++) {
		buf_add_char(out, ' ');
		buf_add(out, s->addresses[j].text);
	}
}

static void
write_identity(const struct upstream_spec *spec, struct buf *out)
{
	const struct health_check_spec *h = &spec->health;

	buf_printf(out, SPAN_FMT " %d %u %u %lld %lld %u", SPAN_ARG(spec->name), spec->implicit,
	    spec->keepalive, spec->keepalive_requests, (long long)spec->keepalive_timeout_ms,
	    (long long)spec->keepalive_time_ms, spec->method);
	if (spec->zone)
		buf_printf(out, " zone " SPAN_FMT " %zu", SPAN_ARG(spec->zone->name),
		    spec->zone->size);
	if (spec->resolver)
		buf_printf(out, " resolver " SPAN_FMT " %lld", SPAN_ARG(spec->resolver->identity),
		    (long long)spec->resolver_timeout_ms);
	if (h->on)
		buf_printf(out, " health %lld %lld %lld %u %u %u %u %u " SPAN_FMT " " SPAN_FMT,
		    (long long)h->interval_ms, (long long)h->jitter_ms, (long long)h->timeout_ms,
		    h->rises, h->falls, h->status_min, h->status_max, h->proxy_protocol,
		    SPAN_ARG(h->uri), SPAN_ARG(h->host));
	for (size_t i = 0; i < spec->server_count; i++)
		write_server(&spec->servers[i], out);
}

/* Its state: the zone's, if there is one with room, else one of its own. */
static struct peer_state *
state_of(struct upstream_group *g, const struct peer *p, const struct worker *w)
{
	struct peer_state *s = NULL, *own = &g->states[p - g->peers];
	char *key;

	if (g->zone) {
		key = mem_printf("%s\n" SPAN_FMT "\n" SPAN_FMT, g->name, SPAN_ARG(p->server),
		    SPAN_ARG(p->address.text));
		s = peer_state_find(g->zone->memory, g->zone->size, span_str(key), w->number,
		    w->generation == NULL);
		free(key);
	}
	if (!s)
		memset(own, 0, sizeof(*own));
	return s ? s : own;
}

/* "127.0.0.1:80" of an address that came without. */
static char *
address_text_of(const struct address *a)
{
	struct arena *arena;
	struct span host;
	char *text;

	if (a->text.n > 0)
		return mem_dup_span(a->text);
	arena = arena_new(0);
	host = address_host(&a->u.sa, true, arena);
	text = mem_printf(SPAN_FMT ":%u", SPAN_ARG(host), address_port(&a->u.sa));
	arena_free(arena);
	return text;
}

void
upstream_peer_place(struct peer *p, const struct address *address, struct worker *w)
{
	free((char *)(uintptr_t)p->address.text.p);
	p->address = *address;
	p->address.text = span_str(address_text_of(address));
	p->state = state_of(p->group, p, w);
	p->absent = false;
}

/* How many places for peers a server needs. */
static size_t
places_of(const struct upstream_server *s)
{
	return s->address_count + (s->resolve ? UPSTREAM_TRACKER_PLACES : 0);
}

static void
server_init(struct upstream_group *g, const struct upstream_server *s, struct worker *w)
{
	for (size_t j = 0; j < places_of(s); j++) {
		struct peer *p = &g->peers[g->peer_count++];

		p->group = g;
		p->server = g->servers[g->server_count];
		p->weight = s->weight ? s->weight : 1;
		p->max_fails = s->max_fails;
		p->max_conns = s->max_conns;
		p->fail_timeout_ms = s->fail_timeout_ms;
		p->backup = s->backup;
		p->down = s->down;
		p->state = &g->states[p - g->peers];
		p->absent = true;
		if (j < s->address_count)
			upstream_peer_place(p, &s->addresses[j], w);
	}
	g->server_count++;
}

static struct upstream_group *
group_new(struct worker *w, const struct upstream_spec *spec, char *identity,
    struct shared_zone *zone)
{
	struct upstream_group *g;
	size_t count = 0;

	for (size_t i = 0; i < spec->server_count; i++)
		count += places_of(&spec->servers[i]);
	g = mem_zalloc(sizeof(*g) + count * sizeof(g->peers[0]));
	g->refs = 1;
	g->identity = identity;
	g->name = mem_dup_span(spec->name);
	g->keepalive = spec->keepalive;
	g->keepalive_requests = spec->keepalive_requests;
	g->keepalive_timeout_ms = spec->keepalive_timeout_ms;
	g->keepalive_time_ms = spec->keepalive_time_ms;
	g->method = spec->method;
	g->zone = zone ? shared_zone_ref(zone) : NULL;
	g->states = mem_zalloc((count + 1) * sizeof(*g->states));
	g->servers = mem_zalloc((spec->server_count + 1) * sizeof(*g->servers));
	for (size_t i = 0; i < spec->server_count; i++) {
		g->servers[i] = span_str(mem_dup_span(spec->servers[i].name));
		server_init(g, &spec->servers[i], w);
	}
	if (spec->method == BALANCE_HASH_CONSISTENT)
		g->points = balance_hash_points(spec, &g->point_count);
	return g;
}

/* What goes on by itself, as long as a generation has the group. */
static void
group_start(struct upstream_group *g, struct worker *w, const struct upstream_spec *spec)
{
	size_t first = 0;

	for (size_t i = 0; i < spec->server_count; i++) {
		size_t places = places_of(&spec->servers[i]);

		if (spec->servers[i].resolve && spec->resolver)
			g->trackers = upstream_tracker_new(w, g, spec, &spec->servers[i], first,
			    places, g->trackers);
		first += places;
	}
	if (spec->health.on)
		g->probers = health_probers_new(w, g, &spec->health);
}

static void
group_stop(struct upstream_group *g)
{
	idle_pool_clear(g);
	upstream_trackers_free(g->trackers);
	g->trackers = NULL;
	health_probers_free(g->probers);
	g->probers = NULL;
}

struct upstream_group *
upstream_group_for_addresses(struct worker *w, struct span name, const struct address *addresses,
    size_t count)
{
	const struct upstream_server server = {
		.name = name,
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

	return group_new(w, &spec, NULL, NULL);
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
			const struct zone_spec *zone = s->upstreams[i]->zone;

			groups->by_index[i] = group_new(gen->worker, s->upstreams[i], text,
			    zone && gen->zones ? gen->zones[zone->index] : NULL);
			group_start(groups->by_index[i], gen->worker, s->upstreams[i]);
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
			group_stop(groups->by_index[i]);
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
	for (size_t i = 0; i < g->server_count; i++)
		free((char *)(uintptr_t)g->servers[i].p);
	free(g->servers);
	free(g->points);
	free(g->states);
	shared_zone_unref(g->zone);
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
	unsigned count = 0;

	for (size_t i = 0; i < g->peer_count; i++)
		count += !g->peers[i].absent && !g->peers[i].down;
	return count;
}

size_t
upstream_group_addresses(const struct upstream_group *g, struct address *out, size_t max)
{
	size_t n = 0;

	for (int backup = 0; backup < 2; backup++) {
		for (size_t i = 0; i < g->peer_count && n < max; i++) {
			const struct peer *p = &g->peers[i];

			if (!p->absent && !p->down && p->backup == backup)
				out[n++] = p->address;
		}
	}
	return n;
}

unsigned
upstream_group_method(const struct upstream_group *g)
{
	return g->method;
}
