/* SPDX-License-Identifier: ISC */
/*
 * buf: a growing run of bytes with a maximum fixed at birth.
 *
 * Invariant: cap is 0 (nothing allocated) or at least len + 1, so that a NUL
 * always fits behind the content.
 */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 64

void
buf_init(struct buf *b, size_t max)
{
	/* Half the address space: len + n + 1 and doubling never overflow. */
	if (max > SIZE_MAX / 4)
		max = SIZE_MAX / 4;
	*b = (struct buf){ .max = max };
}

void
buf_init_secret(struct buf *b, size_t max)
{
	buf_init(b, max);
	b->secret = true;
}

void
buf_release(struct buf *b)
{
	if (b->secret)
		mem_wipe_free(b->p, b->cap);
	else
		free(b->p);
	b->p = NULL;
	b->len = b->cap = 0;
	b->full = false;
}

void
buf_reset(struct buf *b)
{
	if (b->secret && b->p)
		explicit_bzero(b->p, b->cap);
	b->len = 0;
	b->full = false;
}

/* need: bytes with the NUL. A secret moves by hand: realloc would leave a copy behind. */
static void
grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	char *p;

	while (cap < need)
		cap *= 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	if (b->secret) {
		p = mem_zalloc(cap);
		if (b->len)
			memcpy(p, b->p, b->len);
		mem_wipe_free(b->p, b->cap);
	} else {
		p = mem_realloc_array(b->p, cap, 1);
	}
	b->p = p;
	b->cap = cap;
}

char *
buf_reserve(struct buf *b, size_t n)
{
	if (b->full || b->len > b->max || n > b->max - b->len) {
		b->full = true;
		return NULL;
	}
	if (b->len + n + 1 > b->cap)
		grow(b, b->len + n + 1);
	return b->p + b->len;
}

int
buf_add(struct buf *b, struct span s)
{
	char *to = buf_reserve(b, s.n);

	if (!to)
		return -1;
	if (s.n)
		memcpy(to, s.p, s.n);
	b->len += s.n;
	return 0;
}

int
buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, span_str(s));
}

int
buf_add_char(struct buf *b, char c)
{
	return buf_add(b, span_of(&c, 1));
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->cap - b->len;
	va_list ap;
	char *to;
	int n;

	if (b->full)
		return -1;
	va_start(ap, fmt);
	n = vsnprintf(room ? b->p + b->len : NULL, room, fmt, ap);
	va_end(ap);
	to = n < 0 ? NULL : buf_reserve(b, (size_t)n);
	if (!to) {
		b->full = true;
		return -1;
	}
	if ((size_t)n >= room) {
		va_start(ap, fmt);
		vsnprintf(to, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
	return 0;
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->p, b->p + n, b->len);
	if (b->secret)
		explicit_bzero(b->p + b->len, n);
}

const char *
buf_str(struct buf *b)
{
	if (b->len == 0)
		return "";
	b->p[b->len] = '\0';
	return b->p;
}

char *
buf_detach(struct buf *b, size_t *len)
{
	char *p;

	if (!b->p)
		grow(b, 1);
	p = b->p;
	p[b->len] = '\0';
	if (len)
		*len = b->len;
	b->p = NULL;
	b->len = b->cap = 0;
	b->full = false;
	return p;
}
