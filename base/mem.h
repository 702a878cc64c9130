/* SPDX-License-Identifier: ISC */
/*
 * mem: heap allocation that never returns NULL.
 *
 * Out of memory ends the process with one line on stderr and abort(). That is
 * safe here by design: the monitor restarts a worker that dies, the store is
 * left consistent by a crash at any instruction, and every size that a peer
 * can influence is bounded before it is allocated.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/span.h"

#include <stdarg.h>
#include <stddef.h>

void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void *mem_zalloc(size_t n) __attribute__((malloc, returns_nonnull, alloc_size(1)));
/* count * size is checked for overflow. */
void *mem_realloc_array(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
/* A NUL-terminated copy. */
char *mem_dup_span(struct span s) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
char *mem_vprintf(const char *fmt, va_list ap)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 0)));
/*
 * n bytes in pages of their own, which go back to the system when freed. Under a sanitizer, which watches the heap, they
 * are of the heap.
 */
void *mem_pages(size_t n) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void mem_pages_free(void *p, size_t n);
/* Wipe n bytes, then free; takes NULL. For secrets. */
void mem_wipe_free(void *p, size_t n);

#endif
