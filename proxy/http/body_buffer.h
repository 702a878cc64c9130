/* SPDX-License-Identifier: ISC */
/*
 * body_buffer: a request's body, read whole before its handler goes on, and read again as often as needed.
 *
 *	client -> memory, up to client_body_buffer_size -> a file below client_body_temp_path -> whoever asks
 *
 * Belongs to the request (r->body_buffer) and goes with it, whatever handlers it sees.
 */
#ifndef PROXY_HTTP_BODY_BUFFER_H
#define PROXY_HTTP_BODY_BUFFER_H

#include "proxy/http/request.h"

struct body_buffer;

/* Make one, unless the request has it. */
void body_buffer_start(struct request *r);
/*
 * Read on. END: all is there. WAIT: the handler's on_body comes with more. FAILED: the request is being ended, by
 * the codec or, when the file could not be written, by this.
 */
enum body_state body_buffer_fill(struct request *r);
/* What was read so far. */
uint64_t body_buffer_size(const struct body_buffer *b);
/* Some bytes from offset on, valid until the next call; empty at the end. -1 with errno: the file cannot be read. */
int body_buffer_read(struct body_buffer *b, uint64_t offset, struct span *bytes)
    __attribute__((warn_unused_result));
/* $request_body: all of it if it is in memory. */
struct span body_buffer_memory(const struct body_buffer *b);
/* $request_body_file: empty when there is no file. */
struct span body_buffer_file(const struct body_buffer *b);

#endif
