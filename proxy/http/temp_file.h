/* SPDX-License-Identifier: ISC */
/*
 * temp_file: a file below one of the ..._temp_path directories, for what memory is too dear for.
 *
 * Unlinked as soon as it is open unless it shall be found by name. The worker may make files there and nowhere else.
 */
#ifndef PROXY_HTTP_TEMP_FILE_H
#define PROXY_HTTP_TEMP_FILE_H

#include "base/arena.h"
#include "proxy/config/proxy_settings.h"

#include <stdbool.h>
#include <sys/types.h>

struct temp_file {
	int fd;
	struct span name; /* absolute, NUL behind; of one that was unlinked as well */
	bool linked;
};

/* number: the worker's own count, so that names differ. 0, or -1 with errno. */
int temp_file_open(struct temp_file *f, const struct temp_path *where, uint64_t *number,
    bool keep_linked, struct arena *arena) __attribute__((warn_unused_result));
/* All of it, at offset. 0, or -1 with errno. */
int temp_file_write(const struct temp_file *f, struct span bytes, uint64_t offset)
    __attribute__((warn_unused_result));
/* Up to n bytes; 0 at the end, -1 with errno. */
ssize_t temp_file_read(const struct temp_file *f, char *p, size_t n, uint64_t offset)
    __attribute__((warn_unused_result));
/* unlink_it: a linked one loses its name. */
void temp_file_close(struct temp_file *f, bool unlink_it);

#endif
