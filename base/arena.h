/* SPDX-License-Identifier: ISC */
/*
 * arena: many small allocations that end together.
 *
 * One arena per request, per order, per configuration load. Never for secrets.
 * Cleanup hooks run in reverse order of registration at reset or free.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* first: bytes of the first block, struct included (0 = a sensible default). */
struct arena *arena_new(size_t first);
/* Takes NULL. */
void arena_free(struct arena *a);
/* Run the hooks and free all but the first block. */
void arena_reset(struct arena *a);

/* Aligned for any object; never NULL. */
void *arena_alloc(struct arena *a, size_t n)
    __attribute__((malloc, returns_nonnull, alloc_size(2)));
void *arena_zalloc(struct arena *a, size_t n)
    __attribute__((malloc, returns_nonnull, alloc_size(2)));
/* count * size checked for overflow; zeroed. */
void *arena_array(struct arena *a, size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));
/* Unaligned bytes, for strings. */
char *arena_bytes(struct arena *a, size_t n) __attribute__((malloc, returns_nonnull));
/* Copies; both are NUL-terminated behind their n bytes. */
struct span arena_dup(struct arena *a, struct span s);
char *arena_strdup(struct arena *a, struct span s) __attribute__((malloc, returns_nonnull));
struct span arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A copy in ASCII lower case. */
struct span arena_lower(struct arena *a, struct span s);
/* s itself, which must live as long, where it is in lower case already; else such a copy. */
struct span arena_lowered(struct arena *a, struct span s);
/* Without stdio, for the hot path: all parts in one, and a number in decimal. NUL behind. */
struct span arena_concat(struct arena *a, const struct span *parts, size_t count);
struct span arena_decimal(struct arena *a, uint64_t v);

void arena_on_free(struct arena *a, void (*hook)(void *), void *arg);

/* Bytes obtained from the heap. */
size_t arena_size(const struct arena *a);

#endif
