/* SPDX-License-Identifier: ISC */
/*
 * upstream_tracker: the addresses of a group's "server NAME resolve" kept as the name servers have them.
 *
 * Each server has a row of places for peers in its group. An address that is new takes a free place; one that is gone is
 * asked no more, and its place is free once its last connection has ended. An answer without addresses changes nothing.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_TRACKER_H
#define PROXY_UPSTREAM_UPSTREAM_TRACKER_H

#include "proxy/net/resolver.h"
#include "proxy/upstream/upstream_group.h"

/* Peers that a server may have at a time beyond those it had at load. */
#define UPSTREAM_TRACKER_PLACES 16

struct upstream_tracker;

/* For one server: its places are peers[first .. first + count). The group must outlive it. Starts to ask. */
struct upstream_tracker *upstream_tracker_new(struct worker *w, struct upstream_group *g,
    const struct upstream_spec *spec, const struct upstream_server *server, size_t first,
    size_t count, struct upstream_tracker *next);
/* It, and those behind it. Takes NULL. */
void upstream_trackers_free(struct upstream_tracker *t);
struct address resolved_with_port(const union resolved_address *from, uint16_t port);
/* The worker's resolver for this spec: made on first use, kept. NULL when it cannot be made. */
struct resolver *worker_resolver(struct worker *w, const struct resolver_spec *spec);
void worker_resolvers_free(struct worker *w);

#endif
