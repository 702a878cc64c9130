/* SPDX-License-Identifier: ISC */
/*
 * body_buffer: see body_buffer.h.
 *
 * One chunk serves three purposes: the body's memory, then what gathers bytes for the file, at last a window on
 * what is in the file.
 */
#include "proxy/http/body_buffer.h"

#include "proxy/http/temp_file.h"
#include "proxy/worker/worker_state.h"

#include <errno.h>

struct body_buffer {
	struct worker *worker;
	struct chunk *chunk;
	size_t limit;  /* bytes of the chunk in use */
	uint64_t size; /* in memory and in the file */
	uint64_t filed;
	uint64_t window; /* offset of what the chunk holds, once whole and filed */
	struct temp_file file;
	unsigned in_file; /* enum body_in_file */
	bool whole, failed;
};

static void
body_buffer_end(void *arg)
{
	struct body_buffer *b = arg;

	bufpool_return(b->worker->pool, b->chunk);
	b->chunk = NULL;
	temp_file_close(&b->file, b->in_file != BODY_IN_FILE_ON);
}

void
body_buffer_start(struct request *r)
{
	const struct body_settings *s = &r->settings->body;
	struct body_buffer *b;

	if (r->body_buffer)
		return;
	b = arena_zalloc(r->arena, sizeof(*b));
	b->worker = r->client->worker;
	b->file.fd = -1;
	b->in_file = s->in_file;
	b->limit = s->buffer_size;
	/* A body whose length is known gets no more room than it needs. */
	if (r->body_framing == BODY_LENGTH && r->content_length < b->limit &&
	    b->in_file == BODY_IN_FILE_OFF)
		b->limit = r->content_length > 0 ? (size_t)r->content_length : 1;
	if (r->body_framing == BODY_NONE)
		b->whole = true;
	r->body_buffer = b;
	arena_on_free(r->arena, body_buffer_end, b);
}

/* What the chunk holds goes to the file, which is made for the first of it. */
static int
spill(struct request *r, struct body_buffer *b)
{
	struct span bytes;

	if (b->file.fd < 0) {
		if (temp_file_open(&b->file, &r->settings->body.temp_path, &b->worker->temp_number,
			b->in_file != BODY_IN_FILE_OFF, r->arena) < 0)
			return -1;
		request_log(r, b->in_file == BODY_IN_FILE_OFF ? LOG_LEVEL_WARN : LOG_LEVEL_NOTICE,
		    "a client request body is buffered to a temporary file " SPAN_FMT,
		    SPAN_ARG(b->file.name));
	}
	if (!b->chunk)
		return 0;
	bytes = span_of(b->chunk->data + b->chunk->start, chunk_filled(b->chunk));
	if (temp_file_write(&b->file, bytes, b->filed) < 0)
		return -1;
	b->filed += bytes.n;
	b->chunk->start = b->chunk->end = 0;
	return 0;
}

static enum body_state
fail(struct request *r, struct body_buffer *b)
{
	int why = errno;

	b->failed = true;
	request_log(r, LOG_LEVEL_CRIT,
	    "cannot buffer the request body in \"" SPAN_FMT "\" (%d: %s)",
	    SPAN_ARG(b->file.name.n ? b->file.name : r->settings->body.temp_path.path), why,
	    strerrordesc_np(why));
	request_fail(r, 500);
	return BODY_FAILED;
}

static int
append(struct request *r, struct body_buffer *b, struct span bytes)
{
	while (bytes.n > 0) {
		size_t n;

		if (!b->chunk)
			b->chunk = bufpool_borrow(b->worker->pool, b->limit);
		if (chunk_filled(b->chunk) == b->limit && spill(r, b) < 0)
			return -1;
		n = b->limit - chunk_filled(b->chunk);
		if (n > bytes.n)
			n = bytes.n;
		memcpy(b->chunk->data + b->chunk->end, bytes.p, n);
		b->chunk->end += (unsigned)n;
		b->size += n;
		bytes = span_after(bytes, n);
	}
	return 0;
}

static enum body_state
finish(struct request *r, struct body_buffer *b)
{
	if ((b->file.fd >= 0 || b->in_file != BODY_IN_FILE_OFF) && spill(r, b) < 0)
		return fail(r, b);
	b->whole = true;
	b->window = UINT64_MAX;
	return BODY_END;
}

enum body_state
body_buffer_fill(struct request *r)
{
	struct body_buffer *b = r->body_buffer;

	if (b->failed)
		return BODY_FAILED;
	while (!b->whole) {
		struct span bytes;
		enum body_state state = request_body_peek(r, &bytes);

		if (state == BODY_END)
			return finish(r, b);
		if (state != BODY_DATA)
			return state;
		if (append(r, b, bytes) < 0)
			return fail(r, b);
		request_body_consume(r, bytes.n);
	}
	return BODY_END;
}

uint64_t
body_buffer_size(const struct body_buffer *b)
{
	return b->size;
}

int
body_buffer_read(struct body_buffer *b, uint64_t offset, struct span *bytes)
{
	struct chunk *c = b->chunk;
	ssize_t n;

	*bytes = span_of(NULL, 0);
	if (offset >= b->size)
		return 0;
	if (b->file.fd < 0) {
		*bytes = span_of(c->data + offset, (size_t)(b->size - offset));
		return 0;
	}
	if (!c)
		c = b->chunk = bufpool_borrow(b->worker->pool, BUFPOOL_LARGE);
	if (offset < b->window || offset - b->window >= c->end) {
		n = temp_file_read(&b->file, c->data, c->size, offset);
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return -1;
		}
		b->window = offset;
		c->start = 0;
		c->end = (unsigned)n;
	}
	*bytes = span_of(c->data + (offset - b->window), c->end - (size_t)(offset - b->window));
	return 0;
}

struct span
body_buffer_memory(const struct body_buffer *b)
{
	if (!b || !b->whole || b->file.fd >= 0 || !b->chunk)
		return span_of(NULL, 0);
	return span_of(b->chunk->data, (size_t)b->size);
}

struct span
body_buffer_file(const struct body_buffer *b)
{
	return b && b->file.fd >= 0 ? b->file.name : span_of(NULL, 0);
}
