/* SPDX-License-Identifier: ISC */
/*
 * span_map: a hash map from borrowed bytes to pointers, in an arena.
 *
 * Open addressing, filled at load and read-only after: lookups allocate nothing and may run in
 * parallel. Keys come from the configuration, so no peer can choose colliding ones.
 */
#ifndef PROXY_CONFIG_SPAN_MAP_H
#define PROXY_CONFIG_SPAN_MAP_H

#include "base/arena.h"
#include "base/span.h"

struct span_map {
	struct arena *arena;
	struct span_map_slot *slots;
	size_t size; /* a power of two, or 0 */
	size_t count;
	size_t longest; /* bytes of the longest key */
};

void span_map_init(struct span_map *m, struct arena *arena);
/* Room for count keys at once, instead of growing to them. */
void span_map_reserve(struct span_map *m, size_t count);
/* NULL when the key is not there. */
void *span_map_get(const struct span_map *m, struct span key);
/*
 * Key and value (never NULL) are borrowed. Returns NULL, or the value that is there already and
 * stays.
 */
void *span_map_add(struct span_map *m, struct span key, void *value);

#endif
