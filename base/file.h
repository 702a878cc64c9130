/* SPDX-License-Identifier: ISC */
/*
 * file: whole files in and out, so that a crash leaves the old or the new one, never half.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Read a regular file (or a pipe, "/dev/stdin") whole, behind what out holds; out sets the limit. */
int file_read(const char *path, struct buf *out, struct err *e) __attribute__((warn_unused_result));
int file_read_at(int dirfd, const char *path, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * Write through a temporary file beside path: created with mode from its first
 * byte, written, fsync'ed, renamed, directory fsync'ed. On failure nothing is left.
 */
int file_write_atomic(const char *path, struct span content, mode_t mode, struct err *e)
    __attribute__((warn_unused_result));
/*
 * The same without the fsyncs, for what may be lost: after a power cut path may be the old file, the new one, or
 * empty; after a crash of the program alone it is whole.
 */
int file_write_unflushed(const char *path, struct span content, mode_t mode, struct err *e)
    __attribute__((warn_unused_result));
/* Now on disk, under this name: fsync of the file and of its directory. */
int file_flush(const char *path, struct err *e) __attribute__((warn_unused_result));
/* file_write_atomic, but fails with ERR_CANTCREATE if path exists (O_EXCL semantics by link). */
int file_write_new(const char *path, struct span content, mode_t mode, struct err *e)
    __attribute__((warn_unused_result));

/*
 * Remove the temporary files that writers of path left when they were killed. The caller
 * knows that nobody writes it now. Quiet.
 */
void file_sweep(const char *path);

/* mkdir -p; what it makes has exactly mode, existing directories are left as they are. */
int file_make_dirs(const char *path, mode_t mode, struct err *e)
    __attribute__((warn_unused_result));
/* fsync of a directory. */
int file_sync_dir(const char *path, struct err *e) __attribute__((warn_unused_result));
bool file_exists(const char *path);

/*
 * Kernel lock (flock) on path, created 0600 if missing, close-on-exec; released when the descriptor is
 * closed or the process dies. wait = false: ERR_TEMPFAIL when somebody holds it.
 * Returns the descriptor or -1.
 */
int file_lock(const char *path, bool wait, struct err *e) __attribute__((warn_unused_result));

/* write() until all is written; -1 with errno. */
int file_write_all(int fd, struct span s) __attribute__((warn_unused_result));

/* "dir/name" (one slash) on the heap. */
char *file_join(const char *dir, const char *name);

#endif
