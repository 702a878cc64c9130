/* SPDX-License-Identifier: ISC */
/*
 * span_map: open addressing with linear probing, at most three quarters full.
 *
 * Growing leaves the old slots to the arena: together they are smaller than the new ones.
 */
#include "proxy/config/span_map.h"

#include <assert.h>
#include <stdint.h>

/* Small, for there may be one for each of a hundred thousand names. */
struct span_map_slot {
	const char *key;
	void *value; /* NULL: free */
	uint32_t length, hash;
};

#define SPAN_MAP_FIRST 8

/* FNV-1a, folded. */
static uint32_t
hash_of(struct span key)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 0x100000001b3;
	return (uint32_t)(h ^ h >> 32);
}

void
span_map_init(struct span_map *m, struct arena *arena)
{
	*m = (struct span_map){ .arena = arena };
}

/* Where the key is or would go; the map has slots. */
static struct span_map_slot *
slot_of(const struct span_map *m, struct span key, uint32_t hash)
{
	size_t at = hash & (m->size - 1);

	while (m->slots[at].value &&
	       (m->slots[at].hash != hash ||
		   !span_eq(span_of(m->slots[at].key, m->slots[at].length), key)))
		at = (at + 1) & (m->size - 1);
	return &m->slots[at];
}

void *
span_map_get(const struct span_map *m, struct span key)
{
	if (m->count == 0 || key.n > m->longest)
		return NULL;
	return slot_of(m, key, hash_of(key))->value;
}

static void
resize(struct span_map *m, size_t size)
{
	struct span_map_slot *old = m->slots;
	size_t old_size = m->size;

	m->size = size;
	m->slots = arena_array(m->arena, m->size, sizeof(*m->slots));
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].value)
			*slot_of(m, span_of(old[i].key, old[i].length), old[i].hash) = old[i];
	}
}

void
span_map_reserve(struct span_map *m, size_t count)
{
	size_t size = m->size ? m->size : SPAN_MAP_FIRST;

	while (size / 4 * 3 < count)
		size *= 2;
	if (size > m->size)
		resize(m, size);
}

void *
span_map_add(struct span_map *m, struct span key, void *value)
{
	uint32_t hash = hash_of(key);
	struct span_map_slot *slot;

	assert(key.n <= UINT32_MAX);
	if (m->count >= m->size / 4 * 3)
		resize(m, m->size ? m->size * 2 : SPAN_MAP_FIRST);
	slot = slot_of(m, key, hash);
	if (slot->value)
		return slot->value;
	*slot = (struct span_map_slot){ key.p, value, (uint32_t)key.n, hash };
	m->count++;
	if (key.n > m->longest)
		m->longest = key.n;
	return NULL;
}
