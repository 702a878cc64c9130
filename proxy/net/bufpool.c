/* SPDX-License-Identifier: ISC */
/* bufpool: see bufpool.h. */
#include "proxy/net/bufpool.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Returned bytes kept per size: enough for the connections active in one turn, little when idle. */
#define KEPT_BYTES (1 << 20)

struct shelf {
	struct chunk *first;
	unsigned count;
};

struct bufpool {
	struct shelf small, large, bulk;
	size_t borrowed;
};

static bool
has_own_pages(size_t size)
{
	return size == BUFPOOL_LARGE || size == BUFPOOL_BULK;
}

/*
 * Larger buffers come in crowds and go in crowds: pages of their own go back to the system at once, while the heap would
 * keep what is freed between smaller things that stay.
 */
static struct chunk *
chunk_new(size_t size)
{
	size_t all = sizeof(struct chunk) + size;
	struct chunk *c = has_own_pages(size) ? mem_pages(all) : mem_alloc(all);

	c->size = (unsigned)size;
	return c;
}

static void
chunk_free(struct chunk *c)
{
	if (has_own_pages(c->size))
		mem_pages_free(c, sizeof(*c) + c->size);
	else
		free(c);
}

struct bufpool *
bufpool_new(void)
{
	return mem_zalloc(sizeof(struct bufpool));
}

static void
shelf_clear(struct shelf *s)
{
	while (s->first) {
		struct chunk *c = s->first;

		s->first = c->next;
		chunk_free(c);
	}
	s->count = 0;
}

void
bufpool_free(struct bufpool *p)
{
	if (!p)
		return;
	shelf_clear(&p->small);
	shelf_clear(&p->large);
	shelf_clear(&p->bulk);
	free(p);
}

static struct shelf *
shelf_for(struct bufpool *p, size_t size)
{
	switch (size) {
	case BUFPOOL_SMALL:
		return &p->small;
	case BUFPOOL_LARGE:
		return &p->large;
	case BUFPOOL_BULK:
		return &p->bulk;
	default:
		return NULL;
	}
}

struct chunk *
bufpool_borrow(struct bufpool *p, size_t min)
{
	size_t size = min <= BUFPOOL_SMALL   ? BUFPOOL_SMALL
		      : min <= BUFPOOL_LARGE ? BUFPOOL_LARGE
					     : min;
	struct shelf *s = shelf_for(p, size);
	struct chunk *c;

	if (s && s->first) {
		c = s->first;
		s->first = c->next;
		s->count--;
	} else {
		c = chunk_new(size);
	}
	c->next = NULL;
	c->start = c->end = 0;
	p->borrowed++;
	return c;
}

struct chunk *
bufpool_borrow_exact(struct bufpool *p, size_t size)
{
	struct chunk *c = chunk_new(size);

	c->next = NULL;
	c->start = c->end = 0;
	p->borrowed++;
	return c;
}

void
bufpool_return(struct bufpool *p, struct chunk *c)
{
	struct shelf *s;

	if (!c)
		return;
	p->borrowed--;
	s = shelf_for(p, c->size);
	if (!s || s->count == KEPT_BYTES / c->size) {
		chunk_free(c);
		return;
	}
	c->next = s->first;
	s->first = c;
	s->count++;
}

struct chunk *
bufpool_keep(struct bufpool *p, struct span bytes)
{
	struct chunk *c = bufpool_borrow(p, bytes.n);

	if (bytes.n > 0)
		memcpy(c->data, bytes.p, bytes.n);
	c->end = (unsigned)bytes.n;
	return c;
}

size_t
bufpool_take(struct bufpool *p, struct chunk **c, void *to, size_t n)
{
	struct chunk *k = *c;

	if (n > chunk_filled(k))
		n = chunk_filled(k);
	memcpy(to, k->data + k->start, n);
	k->start += (unsigned)n;
	if (chunk_filled(k) == 0) {
		bufpool_return(p, k);
		*c = NULL;
	}
	return n;
}

struct chunk *
bufpool_fit(struct bufpool *p, struct chunk *c, size_t spare)
{
	size_t n = chunk_filled(c);
	struct chunk *small;

	if (c->size < BUFPOOL_SMALL || n + spare > c->size / 2)
		return c;
	small = bufpool_borrow_exact(p, n + spare);
	memcpy(small->data, c->data + c->start, n);
	small->end = (unsigned)n;
	bufpool_return(p, c);
	return small;
}

size_t
bufpool_borrowed(const struct bufpool *p)
{
	return p->borrowed;
}
