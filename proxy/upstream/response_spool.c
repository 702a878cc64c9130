/* SPDX-License-Identifier: ISC */
/* response_spool: see response_spool.h. */
#include "proxy/upstream/response_spool.h"

#include "proxy/worker/worker_state.h"

#include <errno.h>

static struct worker *
worker_of(const struct response_spool *s)
{
	return s->r->client->worker;
}

static int
complain(const struct response_spool *s, const char *what)
{
	int why = errno;

	request_log(s->r, LOG_LEVEL_CRIT,
	    "%s of a buffered response failed (%d: %s) in \"" SPAN_FMT "\"", what, why,
	    strerrordesc_np(why), SPAN_ARG(s->r->settings->proxy.temp_path.path));
	return -1;
}

/* Memory takes what it may, in chunks that fit. */
static size_t
add_memory(struct response_spool *s, struct span bytes, size_t max)
{
	size_t room = max > s->memory ? max - s->memory : 0, left;

	if (bytes.n > room)
		bytes.n = room;
	for (left = bytes.n; left > 0;) {
		size_t n;

		if (!s->last || chunk_room(s->last) == 0) {
			/* Pages of its own: what is not filled costs nothing, and all of it goes back. */
			struct chunk *c = bufpool_borrow(worker_of(s)->pool, BUFPOOL_LARGE);

			if (s->last)
				s->last->next = c;
			else
				s->first = c;
			s->last = c;
		}
		n = chunk_room(s->last) < left ? chunk_room(s->last) : left;
		memcpy(s->last->data + s->last->end, bytes.p + (bytes.n - left), n);
		s->last->end += (unsigned)n;
		left -= n;
	}
	s->memory += bytes.n;
	return bytes.n;
}

/* In pieces of proxy_temp_file_write_size. */
static int
write_file(struct response_spool *s, struct span bytes)
{
	size_t most = s->r->settings->proxy.temp_write_size;

	while (bytes.n > 0) {
		size_t n = most && bytes.n > most ? most : bytes.n;

		if (temp_file_write(&s->file, span_of(bytes.p, n), s->written) < 0)
			return -1;
		s->written += n;
		bytes = span_after(bytes, n);
	}
	return 0;
}

static void
drop_first(struct response_spool *s)
{
	struct chunk *c = s->first;

	s->first = c->next;
	if (!s->first)
		s->last = NULL;
	bufpool_return(worker_of(s)->pool, c);
}

static int
open_file(struct response_spool *s)
{
	const struct proxy_settings *p = &s->r->settings->proxy;

	if (temp_file_open(&s->file, &p->temp_path, &worker_of(s)->temp_number, false,
		s->r->arena) < 0)
		return -1;
	s->has_file = true;
	request_log(s->r, LOG_LEVEL_WARN,
	    "an upstream response is buffered to a temporary file " SPAN_FMT
	    " while reading upstream",
	    SPAN_ARG(s->file.name));
	return 0;
}

/* What is in memory comes before what is to follow it. */
static int
spill(struct response_spool *s)
{
	if (!s->has_file && open_file(s) < 0)
		return -1;
	for (; s->first; drop_first(s)) {
		if (write_file(s,
			span_of(s->first->data + s->first->start, chunk_filled(s->first))) < 0)
			return -1;
	}
	s->memory = 0;
	return 0;
}

/* What the file may still take, if what is in memory went there too. */
static uint64_t
file_room(const struct response_spool *s)
{
	uint64_t used = s->written - s->read + s->memory;
	uint64_t most = s->r->settings->proxy.max_temp_size;

	return most > used ? most - used : 0;
}

ssize_t
response_spool_add(struct response_spool *s, struct span bytes)
{
	size_t taken = 0;

	if (s->written == s->read) {
		taken = add_memory(s, bytes, s->r->settings->proxy.buffers_size);
		bytes = span_after(bytes, taken);
	}
	if (bytes.n > file_room(s))
		bytes.n = (size_t)file_room(s);
	if (bytes.n == 0)
		return (ssize_t)taken;
	if (spill(s) < 0 || write_file(s, bytes) < 0)
		return complain(s, "writing");
	return (ssize_t)(taken + bytes.n);
}

static int
read_file(struct response_spool *s, struct span *bytes)
{
	struct chunk *w = s->window;
	uint64_t left = s->written - s->read;
	ssize_t n;

	if (!w)
		w = s->window = bufpool_borrow(worker_of(s)->pool, BUFPOOL_LARGE);
	if (chunk_filled(w) == 0) {
		n = temp_file_read(&s->file, w->data, left < w->size ? (size_t)left : w->size,
		    s->read);
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return complain(s, "reading");
		}
		w->start = 0;
		w->end = (unsigned)n;
	}
	*bytes = span_of(w->data + w->start, chunk_filled(w));
	return 0;
}

int
response_spool_peek(struct response_spool *s, struct span *bytes)
{
	*bytes = span_of(NULL, 0);
	if (s->written > s->read)
		return read_file(s, bytes);
	if (s->first)
		*bytes = span_of(s->first->data + s->first->start, chunk_filled(s->first));
	return 0;
}

void
response_spool_consume(struct response_spool *s, size_t n)
{
	if (s->written > s->read) {
		s->read += n;
		s->window->start += (unsigned)n;
		if (s->read == s->written)
			s->read = s->written = 0;
		/* A client that took less than offered will not take more soon: it is in the file. */
		bufpool_return(worker_of(s)->pool, s->window);
		s->window = NULL;
		return;
	}
	s->memory -= n;
	while (n > 0) {
		size_t one = chunk_filled(s->first) < n ? chunk_filled(s->first) : n;

		s->first->start += (unsigned)one;
		n -= one;
		if (chunk_filled(s->first) == 0)
			drop_first(s);
	}
}

void
response_spool_release(struct response_spool *s)
{
	if (!s->r)
		return; /* never used */
	while (s->first)
		drop_first(s);
	bufpool_return(worker_of(s)->pool, s->window);
	s->window = NULL;
	s->memory = 0;
	if (s->has_file)
		temp_file_close(&s->file, true);
	s->has_file = false;
	s->written = s->read = 0;
}
