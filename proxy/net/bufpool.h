/* SPDX-License-Identifier: ISC */
/*
 * bufpool: fixed-size buffers borrowed while bytes are in flight, returned when drained.
 *
 * Three sizes: heads and small bodies, a record, and what a stream that flows is read into. A returned buffer is kept for the next borrower
 * up to a small number; beyond that the memory goes back to the system.
 */
#ifndef PROXY_NET_BUFPOOL_H
#define PROXY_NET_BUFPOOL_H

#include "base/span.h"

struct bufpool;

#define BUFPOOL_SMALL 4096
#define BUFPOOL_LARGE 16384 /* one TLS record */
#define BUFPOOL_BULK 131072

/* A borrowed buffer: start <= end <= size; bytes [start, end) are filled. */
struct chunk {
	struct chunk *next; /* for the borrower's lists */
	unsigned size, start, end;
	char data[];
};

struct bufpool *bufpool_new(void);
void bufpool_free(struct bufpool *p);
/* A chunk of at least min bytes: the smaller of the first two that fits, or one made to measure. */
struct chunk *bufpool_borrow(struct bufpool *p, size_t min);
/* One made to measure, for what may stay for long. */
struct chunk *bufpool_borrow_exact(struct bufpool *p, size_t size);
/* Bytes filled, and room behind them. */
static inline size_t
chunk_filled(const struct chunk *c)
{
	return c->end - c->start;
}

static inline size_t
chunk_room(const struct chunk *c)
{
	return c->size - c->end;
}

/*
 * c, or in its place (c is returned) a chunk with the same bytes and spare bytes of room, where that takes half as much or
 * less.
 */
struct chunk *bufpool_fit(struct bufpool *p, struct chunk *c, size_t spare);
/* One with these bytes in it. */
struct chunk *bufpool_keep(struct bufpool *p, struct span bytes);
/* Move up to n bytes out of *c; once it is empty it is returned, and *c is NULL. How many. */
size_t bufpool_take(struct bufpool *p, struct chunk **c, void *to, size_t n);
/* Takes NULL. */
void bufpool_return(struct bufpool *p, struct chunk *c);
/* Chunks out with borrowers, for tests and status. */
size_t bufpool_borrowed(const struct bufpool *p);

#endif
