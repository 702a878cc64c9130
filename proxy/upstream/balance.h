/* SPDX-License-Identifier: ISC */
/*
 * balance: the methods of choosing a peer, for the files of balance*.c alone; balance_pick is in upstream.h.
 */
#ifndef PROXY_UPSTREAM_BALANCE_H
#define PROXY_UPSTREAM_BALANCE_H

#include "proxy/upstream/upstream_group.h"

/* Rounds a hash or random method makes before it leaves the choice to round robin (nginx's number). */
#define BALANCE_TRIES 20

static inline bool
balance_is_tried(const struct peer_set *tried, size_t i)
{
	return i < 64 && (tried->bits >> i & 1);
}

/* May it be asked now: there, up, healthy, with room, and at its failure limit no more? */
bool balance_is_usable(const struct upstream_group *g, const struct peer_set *tried, size_t i,
    int64_t now_ms);
/* One round of smooth weighted round robin over usable peers for which wanted(g, i, arg) holds (NULL: all). */
struct peer *balance_round_robin(struct upstream_group *g, const struct peer_set *tried,
    bool (*wanted)(const struct upstream_group *g, size_t i, const void *arg), const void *arg,
    int64_t now_ms);

/* Each returns NULL when round robin shall choose. */
struct peer *balance_ip_hash(struct upstream_group *g, struct peer_set *tried, int64_t now_ms);
struct peer *balance_hash(struct upstream_group *g, struct peer_set *tried, int64_t now_ms);
struct peer *balance_hash_consistent(struct upstream_group *g, struct peer_set *tried,
    int64_t now_ms);
struct peer *balance_random(struct upstream_group *g, struct peer_set *tried, bool two,
    int64_t now_ms);

/* The points of a consistent hash: by server name and weight, as Cache::Memcached::Fast has them. */
struct hash_point {
	uint32_t hash;
	unsigned server;
};
/* count: where their number goes. Freed with free(). */
struct hash_point *balance_hash_points(const struct upstream_spec *spec, size_t *count);

#endif
