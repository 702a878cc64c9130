/* SPDX-License-Identifier: ISC */
/*
 * ticket_key: see ticket_key.h.
 *
 * A ring of four: the newest, two before it, and one being written. Readers take no lock: a slot is
 * filled before its number is published, and it is not written again before two more rotations, hours later.
 */
#include "proxy/tls/ticket_key.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define RING 4
#define ACCEPTED 3

struct ticket_keys {
	_Atomic unsigned newest; /* counts rotations; its remainder is the slot */
	struct ticket_key ring[RING];
};

static int
fill(struct ticket_key *key)
{
	struct ticket_key fresh = { .key_bytes = 32 };

	if (RAND_bytes(fresh.name, sizeof(fresh.name)) != 1 ||
	    RAND_priv_bytes(fresh.cipher, sizeof(fresh.cipher)) != 1 ||
	    RAND_priv_bytes(fresh.mac, sizeof(fresh.mac)) != 1)
		return -1;
	*key = fresh;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	return 0;
}

int
ticket_key_parse(struct span file, struct ticket_key *key)
{
	size_t n = (file.n - TICKET_KEY_NAME) / 2;

	if (file.n != 48 && file.n != 80)
		return -1;
	*key = (struct ticket_key){ .key_bytes = (unsigned)n };
	memcpy(key->name, file.p, TICKET_KEY_NAME);
	memcpy(key->mac, file.p + TICKET_KEY_NAME, n);
	memcpy(key->cipher, file.p + TICKET_KEY_NAME + n, n);
	return 0;
}

struct ticket_keys *
ticket_keys_new(void)
{
	struct ticket_keys *keys;

	keys = mmap(NULL, sizeof(*keys), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (keys == MAP_FAILED)
		return NULL;
	/* Both are worth having and neither is worth failing for: RLIMIT_MEMLOCK may be small. */
	madvise(keys, sizeof(*keys), MADV_DONTDUMP);
	mlock(keys, sizeof(*keys));
	if (fill(&keys->ring[0]) < 0) {
		munmap(keys, sizeof(*keys));
		errno = EIO;
		return NULL;
	}
	return keys;
}

void
ticket_keys_free(struct ticket_keys *keys)
{
	if (!keys)
		return;
	munmap(keys, sizeof(*keys));
}

int
ticket_keys_rotate(struct ticket_keys *keys)
{
	unsigned next = atomic_load_explicit(&keys->newest, memory_order_relaxed) + 1;

	if (fill(&keys->ring[next % RING]) < 0)
		return -1;
	atomic_store_explicit(&keys->newest, next, memory_order_release);
	return 0;
}

int
ticket_keys_seal(struct ticket_keys *keys)
{
	return mprotect(keys, sizeof(*keys), PROT_READ);
}

const struct ticket_key *
ticket_keys_newest(const struct ticket_keys *keys)
{
	return &keys->ring[atomic_load_explicit(&keys->newest, memory_order_acquire) % RING];
}

const struct ticket_key *
ticket_keys_find(const struct ticket_keys *keys, const unsigned char name[TICKET_KEY_NAME],
    bool *newest)
{
	unsigned last = atomic_load_explicit(&keys->newest, memory_order_acquire);

	for (unsigned age = 0; age < ACCEPTED && age <= last; age++) {
		const struct ticket_key *key = &keys->ring[(last - age) % RING];

		if (memcmp(key->name, name, TICKET_KEY_NAME) == 0) {
			*newest = age == 0;
			return key;
		}
	}
	return NULL;
}
