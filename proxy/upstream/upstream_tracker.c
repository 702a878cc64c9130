/* SPDX-License-Identifier: ISC */
/* upstream_tracker: see upstream_tracker.h. */
#include "proxy/upstream/upstream_tracker.h"

#include "base/mem.h"
#include "proxy/net/address.h"
#include "proxy/net/resolver.h"
#include "proxy/worker/worker_state.h"

#include <stdlib.h>

/* Never asked again more often than this, whatever a time to live says. */
#define ASK_EVERY_MS 1000

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* One per distinct "resolver" directive. */
struct worker_resolver {
	char *identity;
	struct resolver *resolver;
	struct worker_resolver *next;
};

struct upstream_tracker {
	struct worker *worker;
	struct upstream_group *group;
	struct resolver *resolver;
	char *host;
	uint16_t port;
	int64_t timeout_ms;
	size_t first, count;
	struct resolver_query query;
	struct timer again;
	struct upstream_tracker *next;
};

struct resolver *
worker_resolver(struct worker *w, const struct resolver_spec *spec)
{
	const struct sockaddr **servers;
	struct worker_resolver *k;

	for (k = w->resolvers; k; k = k->next) {
		if (span_eq(span_str(k->identity), spec->identity))
			return k->resolver;
	}
	k = mem_zalloc(sizeof(*k));
	k->identity = mem_dup_span(spec->identity);
	servers = mem_realloc_array(NULL, spec->server_count, sizeof(*servers));
	for (size_t i = 0; i < spec->server_count; i++)
		servers[i] = &spec->servers[i].u.sa;
	k->resolver = resolver_new(w->loop, &(const struct resolver_options){
						.servers = servers,
						.server_count = spec->server_count,
						.valid_ms = spec->valid_ms,
						.ipv4 = spec->ipv4,
						.ipv6 = spec->ipv6,
					    });
	free(servers);
	k->next = w->resolvers;
	w->resolvers = k;
	return k->resolver;
}

void
worker_resolvers_free(struct worker *w)
{
	while (w->resolvers) {
		struct worker_resolver *k = w->resolvers;

		w->resolvers = k->next;
		resolver_free(k->resolver);
		free(k->identity);
		free(k);
	}
}

struct address
resolved_with_port(const union resolved_address *from, uint16_t port)
{
	struct address a = { .len = 0 };

	if (from->sa.sa_family == AF_INET6) {
		a.u.in6 = from->in6;
		a.u.in6.sin6_port = htons(port);
		a.len = sizeof(a.u.in6);
	} else {
		a.u.in = from->in;
		a.u.in.sin_port = htons(port);
		a.len = sizeof(a.u.in);
	}
	return a;
}

static bool
same_address(const struct address *a, const struct address *b)
{
	return a->len == b->len && memcmp(&a->u, &b->u, a->len) == 0;
}

static bool
is_among(const struct upstream_tracker *t, const struct resolver_answer *answer,
    const struct address *address)
{
	for (size_t i = 0; i < answer->count; i++) {
		struct address one = resolved_with_port(&answer->addresses[i], t->port);

		if (same_address(&one, address))
			return true;
	}
	return false;
}

static void
add_peer(struct upstream_tracker *t, const struct address *address)
{
	struct upstream_group *g = t->group;

	for (size_t i = t->first; i < t->first + t->count; i++) {
		if (g->peers[i].address.len == address->len &&
		    same_address(&g->peers[i].address, address)) {
			g->peers[i].absent = false;
			return;
		}
	}
	for (size_t i = t->first; i < t->first + t->count; i++) {
		if (g->peers[i].absent && g->peers[i].users == 0) {
			upstream_peer_place(&g->peers[i], address, t->worker);
			return;
		}
	}
	/* More addresses than places: the rest has to do without requests until some are gone. */
}

static void
take_answer(struct upstream_tracker *t, const struct resolver_answer *answer)
{
	struct upstream_group *g = t->group;

	for (size_t i = t->first; i < t->first + t->count; i++) {
		struct peer *p = &g->peers[i];

		if (p->absent || is_among(t, answer, &p->address))
			continue;
		p->absent = true;
		idle_pool_clear_peer(p);
	}
	for (size_t i = 0; i < answer->count; i++) {
		struct address one = resolved_with_port(&answer->addresses[i], t->port);

		add_peer(t, &one);
	}
}

static void
on_answer(struct resolver_query *q, const struct resolver_answer *answer)
{
	struct upstream_tracker *t = from_member(q, struct upstream_tracker, query);
	int64_t again_ms = answer->fresh_ms > ASK_EVERY_MS ? answer->fresh_ms : ASK_EVERY_MS;

	if (answer->count > 0 && !answer->reason)
		take_answer(t, answer);
	if (answer->reason) {
		const struct generation *g = t->worker->generation;
		struct log log = { .fd = -1 };

		if (g)
			log = generation_error_log(g, g->snapshot->main.error_log);
		log_msg(&log, LOG_LEVEL_ERROR, "%s could not be resolved (%s) in upstream \"%s\"",
		    t->host, answer->reason, t->group->name);
	}
	timer_set(t->worker->loop, &t->again, again_ms);
}

static void
on_again(struct timer *timer)
{
	struct upstream_tracker *t = from_member(timer, struct upstream_tracker, again);

	resolver_ask(t->resolver, &t->query, span_str(t->host), t->timeout_ms);
}

struct upstream_tracker *
upstream_tracker_new(struct worker *w, struct upstream_group *g, const struct upstream_spec *spec,
    const struct upstream_server *server, size_t first, size_t count, struct upstream_tracker *next)
{
	struct resolver *resolver = worker_resolver(w, spec->resolver);
	struct upstream_tracker *t;

	if (!resolver)
		return next;
	t = mem_zalloc(sizeof(*t));
	t->worker = w;
	t->group = g;
	t->resolver = resolver;
	t->host = mem_dup_span(server->host);
	t->port = server->port;
	t->timeout_ms = spec->resolver_timeout_ms;
	t->first = first;
	t->count = count;
	t->query.done = on_answer;
	t->again.on_expire = on_again;
	t->next = next;
	on_again(&t->again);
	return t;
}

void
upstream_trackers_free(struct upstream_tracker *t)
{
	while (t) {
		struct upstream_tracker *next = t->next;

		resolver_forget(&t->query);
		timer_clear(&t->again);
		free(t->host);
		free(t);
		t = next;
	}
}
