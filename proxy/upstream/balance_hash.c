/* SPDX-License-Identifier: ISC */
/*
 * balance_hash: the same peer for the same key: ip_hash, hash, and hash with "consistent" (ketama).
 *
 * The numbers are nginx's, and through it those of Cache::Memcached and Cache::Memcached::Fast, so that a key stays with
 * its server when one proxy takes the other's place.
 */
#include "base/mem.h"
#include "proxy/upstream/balance.h"

#include <stdio.h>

#define POINTS_PER_WEIGHT 160

/* CRC-32 (IEEE 802.3), reflected; crc runs inverted until it is finished. */
static uint32_t
crc_add(uint32_t crc, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	while (n-- > 0) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (0xedb88320U & -(crc & 1));
	}
	return crc;
}

static uint32_t
crc_of(struct span s)
{
	return ~crc_add(~0U, s.p, s.n);
}

static unsigned
total_weight(const struct upstream_group *g)
{
	unsigned total = 0;

	for (size_t i = 0; i < g->peer_count; i++)
		total += g->peers[i].backup || g->peers[i].absent ? 0 : g->peers[i].weight;
	return total;
}

/* The peer whose share of all weights this number lies in; g->peer_count if there is none. */
static size_t
at_weight(const struct upstream_group *g, unsigned number)
{
	size_t i;

	for (i = 0; i < g->peer_count; i++) {
		const struct peer *p = &g->peers[i];

		if (p->backup || p->absent)
			continue;
		if (number < p->weight)
			break;
		number -= p->weight;
	}
	return i;
}

struct peer *
balance_ip_hash(struct upstream_group *g, struct peer_set *tried, int64_t now_ms)
{
	unsigned total = total_weight(g);

	if (!tried->started)
		tried->hash = 89;
	tried->started = true;
	while (total > 0 && tried->rounds <= BALANCE_TRIES) {
		size_t i;

		for (size_t k = 0; k < tried->key.n; k++)
			tried->hash = (tried->hash * 113 + (unsigned char)tried->key.p[k]) % 6271;
		i = at_weight(g, tried->hash % total);
		if (i < g->peer_count && balance_is_usable(g, tried, i, now_ms))
			return &g->peers[i];
		tried->rounds++;
	}
	return NULL;
}

struct peer *
balance_hash(struct upstream_group *g, struct peer_set *tried, int64_t now_ms)
{
	unsigned total = total_weight(g);
	char number[12];

	while (total > 0 && tried->key.n > 0 && tried->rounds <= BALANCE_TRIES) {
		uint32_t crc = ~0U;
		size_t i;

		if (tried->rehash > 0)
			crc = crc_add(crc, number,
			    (size_t)snprintf(number, sizeof(number), "%u", tried->rehash));
		crc = ~crc_add(crc, tried->key.p, tried->key.n);
		tried->hash += crc >> 16 & 0x7fff;
		tried->rehash++;
		i = at_weight(g, tried->hash % total);
		if (i < g->peer_count && balance_is_usable(g, tried, i, now_ms))
			return &g->peers[i];
		tried->rounds++;
	}
	return NULL;
}

/* "host:port" without the colon between them, "unix:/path" without "unix:". */
static uint32_t
base_of(struct span name)
{
	struct span host = name, port = { NULL, 0 };
	uint32_t crc = ~0U;

	if (name.n >= 5 && span_eq_nocase(span_of(name.p, 5), SPAN("unix:"))) {
		host = span_after(name, 5);
	} else {
		size_t at = name.n;

		while (at > 0 && name.p[at - 1] >= '0' && name.p[at - 1] <= '9')
			at--;
		if (at > 0 && name.p[at - 1] == ':') {
			host.n = at - 1;
			port = span_after(name, at);
		}
	}
	crc = crc_add(crc, host.p, host.n);
	crc = crc_add(crc, "", 1);
	return crc_add(crc, port.p, port.n);
}

static int
compare_points(const void *a, const void *b)
{
	const struct hash_point *x = a, *y = b;

	return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1)
				  : (x->server > y->server) - (x->server < y->server);
}

struct hash_point *
balance_hash_points(const struct upstream_spec *spec, size_t *count)
{
	struct hash_point *points;
	size_t all = 0, n = 0, kept = 0;

	for (size_t i = 0; i < spec->server_count; i++)
		all += (size_t)spec->servers[i].weight * POINTS_PER_WEIGHT;
	points = mem_realloc_array(NULL, all, sizeof(*points));
	for (size_t i = 0; i < spec->server_count; i++) {
		uint32_t base = base_of(spec->servers[i].name), hash = 0;
		size_t more = (size_t)spec->servers[i].weight * POINTS_PER_WEIGHT;

		for (size_t j = 0; j < more; j++) {
			const unsigned char before[4] = { (unsigned char)hash,
				(unsigned char)(hash >> 8), (unsigned char)(hash >> 16),
				(unsigned char)(hash >> 24) };

			hash = ~crc_add(base, before, sizeof(before));
			points[n++] = (struct hash_point){ .hash = hash, .server = (unsigned)i };
		}
	}
	qsort(points, n, sizeof(*points), compare_points);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || points[kept - 1].hash != points[i].hash)
			points[kept++] = points[i];
	}
	*count = kept;
	return points;
}

/* The first point that is not below the hash; may be the one behind the last. */
static size_t
find_point(const struct upstream_group *g, uint32_t hash)
{
	size_t low = 0, high = g->point_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (g->points[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Servers of one name share their points. */
static bool
is_of_server(const struct upstream_group *g, size_t i, const void *arg)
{
	const struct peer *p = &g->peers[i];

	return !p->backup && span_eq(p->server, *(const struct span *)arg);
}

struct peer *
balance_hash_consistent(struct upstream_group *g, struct peer_set *tried, int64_t now_ms)
{
	if (tried->key.n == 0 || g->point_count == 0)
		return NULL;
	if (!tried->started)
		tried->hash = (uint32_t)find_point(g, crc_of(tried->key));
	tried->started = true;
	for (; tried->rounds <= BALANCE_TRIES; tried->rounds++, tried->hash++) {
		const struct hash_point *point = &g->points[tried->hash % g->point_count];
		struct peer *p =
		    balance_round_robin(g, tried, is_of_server, &g->servers[point->server], now_ms);

		if (p)
			return p;
	}
	return NULL;
}

/* Weighted; a peer that may not be asked is drawn again. */
static struct peer *
draw(struct upstream_group *g, struct peer_set *tried, unsigned total, int64_t now_ms)
{
	while (tried->rounds <= BALANCE_TRIES) {
		size_t i = at_weight(g, (unsigned)random() % total);

		if (i < g->peer_count && balance_is_usable(g, tried, i, now_ms))
			return &g->peers[i];
		tried->rounds++;
	}
	return NULL;
}

struct peer *
balance_random(struct upstream_group *g, struct peer_set *tried, bool two, int64_t now_ms)
{
	unsigned total = total_weight(g);
	struct peer *one, *other;

	if (total == 0)
		return NULL;
	one = draw(g, tried, total, now_ms);
	if (!two || !one)
		return one;
	for (unsigned i = 0; i < BALANCE_TRIES; i++) {
		other = draw(g, tried, total, now_ms);
		if (!other)
			break;
		if (other == one)
			continue;
		return peer_state_conns(other->state) * one->weight <
			       peer_state_conns(one->state) * other->weight
			   ? other
			   : one;
	}
	return one;
}
