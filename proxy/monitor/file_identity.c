/* SPDX-License-Identifier: ISC */
/*
 * file_identity: stat(2) as a promise about content.
 */
#include "proxy/monitor/file_identity.h"

#include "base/clock.h"
#include "base/mem.h"

#include <sys/stat.h>

/* The coarsest clock tick of a filesystem in use: FAT's two seconds. */
#define SETTLE_MS 2000

static int64_t
ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int
file_identity_read(int dirfd, const char *path, struct file_identity *id)
{
	struct stat st;

	if (fstatat(dirfd, path, &st, 0) < 0)
		return -1;
	*id = (struct file_identity){
		.device = st.st_dev,
		.inode = st.st_ino,
		.size = (uint64_t)st.st_size,
		.written_ns = ns_of(st.st_mtim),
		.changed_ns = ns_of(st.st_ctim),
	};
	return 0;
}

bool
file_identity_equal(const struct file_identity *a, const struct file_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->written_ns == b->written_ns && a->changed_ns == b->changed_ns;
}

bool
file_identity_settled(const struct file_identity *id)
{
	/* Only the change time counts: the write time can be set to anything. */
	return clock_wall_ms() - id->changed_ns / 1000000 > SETTLE_MS;
}

/* Identities share one name space: the kind leads the name. The caller frees. */
static struct span
name_with_kind(enum bundle_kind kind, struct span name)
{
	char *p = mem_printf("%d\n" SPAN_FMT, (int)kind, SPAN_ARG(name));

	return span_str(p);
}

void
file_identity_record(struct bundle_writer *w, enum bundle_kind kind, struct span name,
    const struct file_identity *ids, size_t count)
{
	struct span key;

	for (size_t i = 0; i < count; i++) {
		if (!file_identity_settled(&ids[i]))
			return;
	}
	key = name_with_kind(kind, name);
	bundle_writer_add(w, BUNDLE_IDENTITY, key, span_of(ids, count * sizeof(*ids)));
	free((char *)(uintptr_t)key.p);
}

void
file_identity_carry(struct bundle_writer *w, const struct bundle *previous, enum bundle_kind kind,
    struct span name)
{
	struct span key = name_with_kind(kind, name), known;

	if (bundle_find(previous, BUNDLE_IDENTITY, key, &known))
		bundle_writer_add(w, BUNDLE_IDENTITY, key, known);
	free((char *)(uintptr_t)key.p);
}

bool
file_identity_reuse(const struct bundle *previous, enum bundle_kind kind, struct span name,
    const struct file_identity *ids, size_t count, struct span *bytes)
{
	struct span key, known;
	bool same;

	if (!previous)
		return false;
	key = name_with_kind(kind, name);
	same =
	    bundle_find(previous, BUNDLE_IDENTITY, key, &known) && known.n == count * sizeof(*ids);
	free((char *)(uintptr_t)key.p);
	for (size_t i = 0; same && i < count; i++) {
		/* Entries are aligned for any object. */
		const struct file_identity *was = (const void *)known.p;

		same = file_identity_equal(&was[i], &ids[i]);
	}
	return same && bundle_find(previous, kind, name, bytes);
}
