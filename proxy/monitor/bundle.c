/* SPDX-License-Identifier: ISC */
/*
 * bundle: the image of one generation, written once and read in place.
 *
 *	head | entries | slots | data (names and bytes; bytes at multiples of 8)
 *
 * slots is an open-addressing hash table of entry numbers + 1, never full, so that a lookup always
 * ends. Offsets count from the start of the image. Everything an offset or number
 * says is checked once, in check_image(); lookups then trust it, as the seals keep it from changing.
 */
#include "proxy/monitor/bundle.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUNDLE_MAGIC UINT64_C(0x31446e4265746147) /* "GateBnD1" */
#define BUNDLE_ALIGN 8
#define BUNDLE_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
#define DATA_MAX ((size_t)1 << 40)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

struct head {
	uint64_t magic;
	uint64_t size;
	uint32_t entry_count;
	uint32_t slot_count; /* a power of two, greater than entry_count */
	uint64_t data;       /* where the data begins */
};

struct entry {
	uint64_t hash;
	uint32_t kind;
	uint32_t name_length;
	uint64_t name;
	uint64_t bytes;
	uint64_t length;
};

_Static_assert(sizeof(struct head) % BUNDLE_ALIGN == 0, "entries follow the head");
_Static_assert(sizeof(struct entry) % BUNDLE_ALIGN == 0, "slots follow the entries");

struct bundle {
	struct span image;
	bool mapped;
};

/* While writing, offsets count from the start of data; sealing moves them. */
struct bundle_writer {
	struct entry *entries;
	uint32_t *slots;
	size_t entry_count, entry_room, slot_count;
	struct buf data; /* secret */
};

/* FNV-1a: names come from the administrator, nobody gains from a collision. */
static uint64_t
hash_of(uint32_t kind, struct span name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ kind;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(0x100000001b3);
	return h ^ (h >> 32);
}

/* The slot that has the entry, or the empty one where it belongs. base: what the offsets count from. */
static size_t
slot_of(const uint32_t *slots, size_t slot_count, const struct entry *entries, const char *base,
    uint64_t hash, uint32_t kind, struct span name)
{
	size_t at = hash & (slot_count - 1);

	for (; slots[at] != 0; at = (at + 1) & (slot_count - 1)) {
		const struct entry *en = &entries[slots[at] - 1];

		if (en->hash == hash && en->kind == kind && en->name_length == name.n &&
		    (name.n == 0 || memcmp(base + en->name, name.p, name.n) == 0))
			break;
	}
	return at;
}

struct bundle_writer *
bundle_writer_new(void)
{
	struct bundle_writer *w = mem_zalloc(sizeof(*w));

	w->slot_count = 64;
	w->slots = mem_zalloc(w->slot_count * sizeof(*w->slots));
	buf_init_secret(&w->data, DATA_MAX);
	return w;
}

void
bundle_writer_free(struct bundle_writer *w)
{
	if (!w)
		return;
	free(w->entries);
	free(w->slots);
	buf_release(&w->data);
	free(w);
}

/* Twice as many slots, every entry at its new place. */
static void
grow_slots(struct bundle_writer *w)
{
	size_t count = w->slot_count * 2;
	uint32_t *slots = mem_zalloc(count * sizeof(*slots));

	for (size_t i = 0; i < w->entry_count; i++) {
		size_t at = w->entries[i].hash & (count - 1);

		while (slots[at] != 0)
			at = (at + 1) & (count - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(w->slots);
	w->slots = slots;
	w->slot_count = count;
}

/* Append to the data at a multiple of BUNDLE_ALIGN; returns the offset. */
static uint64_t
add_data(struct bundle_writer *w, struct span s)
{
	static const char zero[BUNDLE_ALIGN];
	size_t at;

	(void)buf_add(&w->data, span_of(zero, -w->data.len & (BUNDLE_ALIGN - 1)));
	at = w->data.len;
	(void)buf_add(&w->data, s);
	return at;
}

void
bundle_writer_add(struct bundle_writer *w, enum bundle_kind kind, struct span name,
    struct span bytes)
{
	uint64_t hash = hash_of(kind, name);
	size_t at;
	struct entry *en;

	at = slot_of(w->slots, w->slot_count, w->entries, w->data.p, hash, kind, name);
	if (w->slots[at] != 0)
		return;
	if (w->entry_count == w->entry_room) {
		w->entry_room = w->entry_room ? w->entry_room * 2 : 32;
		w->entries = mem_realloc_array(w->entries, w->entry_room, sizeof(*w->entries));
	}
	en = &w->entries[w->entry_count++];
	*en = (struct entry){
		.hash = hash,
		.kind = kind,
		.name_length = (uint32_t)name.n,
		.length = bytes.n,
	};
	en->name = add_data(w, name);
	en->bytes = add_data(w, bytes);
	w->slots[at] = (uint32_t)w->entry_count;
	if (w->entry_count * 2 > w->slot_count)
		grow_slots(w);
}

static int
make_memfd(struct err *e)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("tinyproxyd-bundle", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* Linux < 6.3 */
		fd = memfd_create("tinyproxyd-bundle", flags);
	if (fd < 0)
		return err_set_errno(e, errno, "cannot make a memory file for the configuration");
	return fd;
}

static int
write_image(int fd, struct bundle_writer *w)
{
	size_t index = sizeof(struct head) + w->entry_count * sizeof(struct entry);
	struct head h = {
		.magic = BUNDLE_MAGIC,
		.entry_count = (uint32_t)w->entry_count,
		.slot_count = (uint32_t)w->slot_count,
		.data = index + w->slot_count * sizeof(uint32_t),
	};

	h.size = h.data + w->data.len;
	for (size_t i = 0; i < w->entry_count; i++) {
		w->entries[i].name += h.data;
		w->entries[i].bytes += h.data;
	}
	if (file_write_all(fd, span_of(&h, sizeof(h))) < 0 ||
	    file_write_all(fd, span_of(w->entries, w->entry_count * sizeof(struct entry))) < 0 ||
	    file_write_all(fd, span_of(w->slots, w->slot_count * sizeof(uint32_t))) < 0 ||
	    file_write_all(fd, buf_span(&w->data)) < 0)
		return -1;
	return 0;
}

int
bundle_writer_seal(struct bundle_writer *w, struct err *e)
{
	int fd;

	if (w->data.full)
		return err_set(e, ERR_CONFIG, "the configuration is too large");
	fd = make_memfd(e);
	if (fd < 0)
		return -1;
	if (write_image(fd, w) < 0) {
		err_set_errno(e, errno, "cannot write the configuration into memory");
		close(fd);
		return -1;
	}
	if (fcntl(fd, F_ADD_SEALS, BUNDLE_SEALS) < 0) {
		err_set_errno(e, errno, "cannot seal the configuration");
		close(fd);
		return -1;
	}
	return fd;
}

static const struct head *
head_of(const struct bundle *b)
{
	return (const struct head *)(const void *)b->image.p;
}

static const struct entry *
entries_of(const struct bundle *b)
{
	return (const struct entry *)(const void *)(b->image.p + sizeof(struct head));
}

static const uint32_t *
slots_of(const struct bundle *b)
{
	return (const uint32_t *)(const void *)(entries_of(b) + head_of(b)->entry_count);
}

/* [at, at + n) lies inside [from, to). */
static bool
inside(uint64_t at, uint64_t n, uint64_t from, uint64_t to)
{
	return at >= from && at <= to && n <= to - at;
}

static const char *
check_image(const struct bundle *b)
{
	const struct head *h = head_of(b);
	uint64_t size = b->image.n, index;
	size_t empty = 0;

	if (size < sizeof(*h) || h->magic != BUNDLE_MAGIC)
		return "not a bundle";
	if (h->size != size)
		return "wrong size";
	/* Both counts are 32 bits wide: no overflow in 64. */
	index = (uint64_t)h->entry_count * sizeof(struct entry) + (uint64_t)h->slot_count * 4;
	if (index > size - sizeof(*h) || h->data != sizeof(*h) + index)
		return "index out of bounds";
	if (h->slot_count == 0 || (h->slot_count & (h->slot_count - 1)) != 0)
		return "bad number of slots";
	for (uint32_t i = 0; i < h->slot_count; i++) {
		uint32_t slot = slots_of(b)[i];

		if (slot > h->entry_count)
			return "slot without entry";
		empty += slot == 0;
	}
	if (empty == 0)
		return "no empty slot";
	for (uint32_t i = 0; i < h->entry_count; i++) {
		const struct entry *en = &entries_of(b)[i];

		if (!inside(en->name, en->name_length, h->data, size) ||
		    !inside(en->bytes, en->length, h->data, size))
			return "entry out of bounds";
		if ((uintptr_t)(b->image.p + en->bytes) % BUNDLE_ALIGN != 0)
			return "entry not aligned";
	}
	return NULL;
}

int
bundle_open_bytes(struct span image, struct bundle **b, struct err *e)
{
	struct bundle candidate = { .image = image };
	const char *wrong = check_image(&candidate);

	if (wrong)
		return err_set(e, ERR_DATA, "bundle: %s", wrong);
	*b = mem_alloc(sizeof(**b));
	**b = candidate;
	return 0;
}

int
bundle_open(int fd, struct bundle **b, struct err *e)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *p;

	if (seals < 0 || (seals & BUNDLE_SEALS) != BUNDLE_SEALS)
		return err_set(e, ERR_DATA, "bundle: not sealed");
	if (fstat(fd, &st) < 0)
		return err_set_errno(e, errno, "bundle: fstat");
	if (st.st_size < (off_t)sizeof(struct head))
		return err_set(e, ERR_DATA, "bundle: not a bundle");
	/* Private: Linux before 6.7 refuses a shared mapping of a write-sealed file. */
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_set_errno(e, errno, "bundle: mmap");
	(void)madvise(p, (size_t)st.st_size, MADV_DONTDUMP);
	if (bundle_open_bytes(span_of(p, (size_t)st.st_size), b, e) < 0) {
		munmap(p, (size_t)st.st_size);
		return -1;
	}
	(*b)->mapped = true;
	return 0;
}

void
bundle_close(struct bundle *b)
{
	if (!b)
		return;
	if (b->mapped)
		munmap((void *)(uintptr_t)b->image.p, b->image.n);
	free(b);
}

void
bundle_hide_from_children(struct bundle *b)
{
	if (b->mapped)
		(void)madvise((void *)(uintptr_t)b->image.p, b->image.n, MADV_DONTFORK);
}

bool
bundle_find(const struct bundle *b, enum bundle_kind kind, struct span name, struct span *bytes)
{
	const struct head *h = head_of(b);
	const struct entry *en;
	size_t at;

	at = slot_of(slots_of(b), h->slot_count, entries_of(b), b->image.p, hash_of(kind, name),
	    kind, name);
	if (slots_of(b)[at] == 0)
		return false;
	en = &entries_of(b)[slots_of(b)[at] - 1];
	*bytes = span_of(b->image.p + en->bytes, en->length);
	return true;
}
