/* SPDX-License-Identifier: ISC */
/*
 * buf: a growing run of bytes with a maximum fixed at birth.
 *
 * Writing past the maximum sets `full`, drops the write whole and returns -1;
 * later writes fail too until buf_reset, so one check at the end is enough.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/span.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *p;
	size_t len, cap, max;
	bool full;   /* a write did not fit */
	bool secret; /* wiped when grown and released */
};

void buf_init(struct buf *b, size_t max);
void buf_init_secret(struct buf *b, size_t max);
/* Frees (wipes a secret) and leaves an empty buffer with the same maximum. */
void buf_release(struct buf *b);
/* Empty for reuse; keeps the memory. */
void buf_reset(struct buf *b);

/* These return 0, or -1 when the maximum is reached. s must not lie in b itself. */
int buf_add(struct buf *b, struct span s);
int buf_add_str(struct buf *b, const char *s);
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes at b->p + b->len (the caller then adds to len); NULL when over the maximum. */
char *buf_reserve(struct buf *b, size_t n);
/* Drop the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* A NUL behind the content (not counted); "" when empty. */
const char *buf_str(struct buf *b);
static inline struct span
buf_span(const struct buf *b)
{
	return span_of(b->p, b->len);
}
/* The caller receives the NUL-terminated bytes (free with free()); b is empty after. */
char *buf_detach(struct buf *b, size_t *len);

#endif
