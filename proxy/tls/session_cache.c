/* SPDX-License-Identifier: ISC */
/*
 * session_cache: see session_cache.h.
 *
 * A page is guarded by a sequence number: even = at rest, odd = being written, and since when.
 */
#include "proxy/tls/session_cache.h"

#include <openssl/crypto.h>

#include <stdatomic.h>
#include <string.h>

#define TRIES 4
#define WRITER_DEAD_S 2 /* writing takes microseconds */

struct page_head {
	_Atomic uint32_t sequence;
	_Atomic uint32_t since_s; /* of an odd sequence; truncated */
	uint32_t used;            /* bytes of the page, this head included */
	uint32_t pad;
};

struct entry {
	int64_t expires_s;
	uint16_t session_length;
	uint8_t id_length;
	unsigned char id[SESSION_ID_MAX];
	/* the session follows; the next entry is aligned to 8 bytes */
};

struct page {
	struct page_head head;
	unsigned char bytes[SESSION_CACHE_PAGE - sizeof(struct page_head)];
};

_Static_assert(sizeof(struct page) == SESSION_CACHE_PAGE, "a page is a page");
_Static_assert(sizeof(struct entry) % 8 == 0, "entries stay aligned");
_Static_assert(sizeof(struct entry) + SESSION_BYTES_MAX <= sizeof(((struct page *)0)->bytes),
    "the longest session fits");

struct session_cache
session_cache_over(void *memory, size_t size)
{
	return (struct session_cache){ .memory = memory, .pages = size / SESSION_CACHE_PAGE };
}

static struct page *
page_of(const struct session_cache *c, struct span id)
{
	uint64_t number = 0;

	if (c->pages == 0 || id.n < sizeof(number) || id.n > SESSION_ID_MAX)
		return NULL;
	memcpy(&number, id.p, sizeof(number));
	return (struct page *)c->memory + number % c->pages;
}

static size_t
room_of(size_t session_length)
{
	return (sizeof(struct entry) + session_length + 7) & ~(size_t)7;
}

/* The entry at *at, which moves on; false at the end, or where what is there makes no sense. */
static bool
next_entry(const unsigned char *bytes, size_t used, size_t *at, struct entry *entry)
{
	if (used > sizeof(((struct page *)0)->bytes) || *at + sizeof(*entry) > used)
		return false;
	memcpy(entry, bytes + *at, sizeof(*entry));
	if (entry->session_length > SESSION_BYTES_MAX || entry->id_length > SESSION_ID_MAX ||
	    room_of(entry->session_length) > used - *at)
		return false;
	*at += room_of(entry->session_length);
	return true;
}

static bool
is_id(const struct entry *entry, struct span id)
{
	return entry->id_length == id.n && memcmp(entry->id, id.p, id.n) == 0;
}

/* The page is ours to write; *was is its sequence. */
static bool
page_lock(struct page *p, int64_t now_s, uint32_t *was)
{
	uint32_t sequence = atomic_load_explicit(&p->head.sequence, memory_order_acquire);
	bool abandoned = false;

	if (sequence & 1) {
		uint32_t since = atomic_load_explicit(&p->head.since_s, memory_order_relaxed);

		if ((uint32_t)now_s - since < WRITER_DEAD_S)
			return false;
		abandoned = true;
	}
	*was = abandoned ? sequence + 1 : sequence;
	if (!atomic_compare_exchange_strong_explicit(&p->head.sequence, &sequence, *was + 1,
		memory_order_acq_rel, memory_order_relaxed))
		return false;
	atomic_store_explicit(&p->head.since_s, (uint32_t)now_s, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	if (abandoned)
		p->head.used = 0;
	return true;
}

static void
page_unlock(struct page *p, uint32_t was)
{
	atomic_store_explicit(&p->head.sequence, was + 2, memory_order_release);
}

/*
 * What is over, and this very ID, goes; then the oldest while there is no room for n bytes. Returns the bytes that stay:
 * what the page says of itself is looked at once, as another process may change it.
 */
static size_t
sweep(struct page *p, struct span id, int64_t now_s, size_t n)
{
	size_t at = 0, kept = 0, used = p->head.used;
	struct entry entry;

	for (size_t start = 0; next_entry(p->bytes, used, &at, &entry); start = at) {
		if (entry.expires_s <= now_s || is_id(&entry, id))
			continue;
		memmove(p->bytes + kept, p->bytes + start, at - start);
		kept += at - start;
	}
	at = 0;
	while (kept - at + n > sizeof(p->bytes)) {
		if (!next_entry(p->bytes, kept, &at, &entry))
			at = kept;
	}
	memmove(p->bytes, p->bytes + at, kept - at);
	p->head.used = (uint32_t)(kept - at);
	return kept - at;
}

void
session_cache_add(const struct session_cache *c, struct span id, struct span session, int64_t now_s,
    int64_t expires_s)
{
	struct entry entry = { .expires_s = expires_s,
		.session_length = (uint16_t)session.n,
		.id_length = (uint8_t)id.n };
	struct page *p = page_of(c, id);
	size_t used;
	uint32_t was;

	if (!p || session.n == 0 || session.n > SESSION_BYTES_MAX || !page_lock(p, now_s, &was))
		return;
	memcpy(entry.id, id.p, id.n);
	used = sweep(p, id, now_s, room_of(session.n));
	memcpy(p->bytes + used, &entry, sizeof(entry));
	memcpy(p->bytes + used + sizeof(entry), session.p, session.n);
	p->head.used = (uint32_t)(used + room_of(session.n));
	page_unlock(p, was);
}

/* A copy that nobody wrote into meanwhile. */
static bool
page_copy(struct page *p, struct page *copy)
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t before = atomic_load_explicit(&p->head.sequence, memory_order_acquire);

		if (before & 1)
			continue;
		memcpy(copy, p, sizeof(*copy));
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&p->head.sequence, memory_order_relaxed) == before)
			return true;
	}
	return false;
}

size_t
session_cache_find(const struct session_cache *c, struct span id, int64_t now_s,
    unsigned char out[SESSION_BYTES_MAX])
{
	struct page *p = page_of(c, id), copy;
	size_t at = 0, found = 0;
	struct entry entry;

	if (!p || !page_copy(p, &copy))
		return 0;
	for (size_t start = 0; next_entry(copy.bytes, copy.head.used, &at, &entry); start = at) {
		if (!is_id(&entry, id) || entry.expires_s <= now_s)
			continue;
		found = entry.session_length;
		memcpy(out, copy.bytes + start + sizeof(entry), found);
	}
	/* Master secrets lie in it. */
	OPENSSL_cleanse(&copy, sizeof(copy));
	return found;
}
