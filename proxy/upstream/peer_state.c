/* SPDX-License-Identifier: ISC */
/* peer_state: a zone is a hash table of states by key, open addressing, never emptied. */
#include "proxy/upstream/peer_state.h"

/* FNV-1a; the keys are the configuration's. */
static uint64_t
hash_of(struct span key)
{
	uint64_t h = 14695981039346656037U;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 1099511628211U;
	return h ? h : 1;
}

struct peer_state *
peer_state_find(void *zone, size_t size, struct span key, unsigned worker, bool first_use)
{
	struct peer_state *all = zone;
	size_t count = size / sizeof(*all);
	uint64_t hash = hash_of(key);

	for (size_t i = 0; i < count; i++) {
		struct peer_state *s = &all[(hash + i) % count];
		uint64_t nobody = 0;

		if (atomic_load(&s->key) != hash &&
		    !atomic_compare_exchange_strong(&s->key, &nobody, hash) && nobody != hash)
			continue;
		if (first_use)
			atomic_store(&s->conns[worker % PEER_STATE_WORKERS], 0);
		return s;
	}
	return NULL;
}
