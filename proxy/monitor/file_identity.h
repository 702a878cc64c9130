/* SPDX-License-Identifier: ISC */
/*
 * file_identity: is this still the file that was read, with the content that was read?
 *
 * Device, inode, size and the times of last write and change, in nanoseconds. Written into the bundle
 * beside what was read (BUNDLE_IDENTITY), so that the last good bundle is the cache of the next reload.
 */
#ifndef PROXY_MONITOR_FILE_IDENTITY_H
#define PROXY_MONITOR_FILE_IDENTITY_H

#include "proxy/monitor/bundle.h"

struct file_identity {
	uint64_t device, inode, size;
	int64_t written_ns, changed_ns; /* since 1970 */
};

/* Follows links. Returns 0, or -1 with errno. */
int file_identity_read(int dirfd, const char *path, struct file_identity *id)
    __attribute__((warn_unused_result));
bool file_identity_equal(const struct file_identity *a, const struct file_identity *b);
/*
 * The file's times lie far enough in the past that one more write would show in them: a file
 * written again within its filesystem's clock tick could keep its times and size.
 */
bool file_identity_settled(const struct file_identity *id);

/* Whatever was read under (kind, name) came from these files. */
void file_identity_record(struct bundle_writer *w, enum bundle_kind kind, struct span name,
    const struct file_identity *ids, size_t count);
/* What previous says of (kind, name) goes on to hold. */
void file_identity_carry(struct bundle_writer *w, const struct bundle *previous,
    enum bundle_kind kind, struct span name);
/* previous (or NULL) has the content of (kind, name), read from these very files: it is in *bytes. */
bool file_identity_reuse(const struct bundle *previous, enum bundle_kind kind, struct span name,
    const struct file_identity *ids, size_t count, struct span *bytes);

#endif
