/* SPDX-License-Identifier: ISC */
/*
 * response_spool: what an upstream has sent and its client did not take yet (proxy_buffering).
 *
 *	upstream -> memory, up to proxy_buffers -> a file below proxy_temp_path, up to proxy_max_temp_file_size -> client
 *
 * Once there is a file, bytes go to it as they come and memory is let go, so a client that has stopped reading costs disk
 * only. A file that was read to its end is written from its beginning again.
 */
#ifndef PROXY_UPSTREAM_RESPONSE_SPOOL_H
#define PROXY_UPSTREAM_RESPONSE_SPOOL_H

#include "proxy/http/request.h"
#include "proxy/http/temp_file.h"
#include "proxy/net/bufpool.h"

/* Zero to start, but for r. */
struct response_spool {
	struct request *r;
	struct chunk *first, *last; /* in memory, behind what is in the file */
	size_t memory;
	struct temp_file file; /* open when has_file */
	bool has_file;
	uint64_t written, read; /* offsets in the file */
	struct chunk *window;   /* bytes of the file from offset read on */
};

static inline bool
response_spool_empty(const struct response_spool *s)
{
	return s->memory == 0 && s->written == s->read;
}

/* Take bytes; fewer than given: it is full. -1: the file cannot be written (told). */
ssize_t response_spool_add(struct response_spool *s, struct span bytes)
    __attribute__((warn_unused_result));
/* The next bytes, valid until the next call. -1: the file cannot be read (told). */
int response_spool_peek(struct response_spool *s, struct span *bytes)
    __attribute__((warn_unused_result));
void response_spool_consume(struct response_spool *s, size_t n);
void response_spool_release(struct response_spool *s);

#endif
