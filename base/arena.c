/* SPDX-License-Identifier: ISC */
/*
 * arena: a bump pointer in blocks that grow geometrically.
 *
 *	first block            later blocks, newest first
 *	[struct arena|......]  [struct block|.........] -> [struct block|....]
 *	                                      ^next   ^end of the block in use
 *
 * What would waste much of a new block gets a block of its own, and the block in
 * use stays in use. Under AddressSanitizer unused bytes are poisoned and a gap
 * follows every allocation, so an overrun inside the arena is found too.
 */
#include "base/arena.h"

#include "base/decimal.h"
#include "base/mem.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ARENA_ASAN 1
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define ARENA_GAP 0
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define ARENA_FIRST 4096
#define ARENA_BLOCK_MAX 65536
#define ARENA_ALIGN alignof(max_align_t)

struct block {
	struct block *older;
	size_t size; /* with this header */
};

struct hook {
	struct hook *older;
	void (*run)(void *);
	void *arg;
};

struct arena {
	char *next, *end;     /* free bytes of the block in use */
	struct block *blocks; /* all but the first */
	struct hook *hooks;
	size_t first;      /* bytes of the first block, this struct included */
	size_t block_size; /* of the next ordinary block */
	size_t size;       /* bytes obtained from the heap */
};

#define ALIGN_UP(n) (((n) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1))
#define BLOCK_HEAD ALIGN_UP(sizeof(struct block))
#define ARENA_HEAD ALIGN_UP(sizeof(struct arena))

/* The state with only the first block, all of it free. */
static void
start(struct arena *a)
{
	a->next = (char *)a + ARENA_HEAD;
	a->end = (char *)a + a->first;
	a->blocks = NULL;
	a->hooks = NULL;
	a->block_size = a->first < ARENA_FIRST ? ARENA_FIRST : a->first;
	if (a->block_size > ARENA_BLOCK_MAX)
		a->block_size = ARENA_BLOCK_MAX;
	a->size = a->first;
	POISON(a->next, a->first - ARENA_HEAD);
}

struct arena *
arena_new(size_t first)
{
	struct arena *a;

	if (first == 0)
		first = ARENA_FIRST;
	if (first < ARENA_HEAD)
		first = ARENA_HEAD;
	a = mem_alloc(first);
	a->first = first;
	start(a);
	return a;
}

static void
drop(struct arena *a)
{
	struct hook *h;
	struct block *b;

	/* A hook may register another one; it runs too. */
	while ((h = a->hooks)) {
		a->hooks = h->older;
		h->run(h->arg);
	}
	while ((b = a->blocks)) {
		a->blocks = b->older;
		UNPOISON(b, b->size);
		free(b);
	}
}

void
arena_free(struct arena *a)
{
	if (!a)
		return;
	drop(a);
	UNPOISON(a, a->first);
	free(a);
}

void
arena_reset(struct arena *a)
{
	drop(a);
	start(a);
}

/* A new block with room for n bytes; its first byte. */
static char *
block_add(struct arena *a, size_t n, size_t size)
{
	struct block *b;

	if (size < n + BLOCK_HEAD)
		size = n + BLOCK_HEAD;
	b = mem_alloc(size);
	b->size = size;
	b->older = a->blocks;
	a->blocks = b;
	a->size += size;
	POISON((char *)b + BLOCK_HEAD, size - BLOCK_HEAD);
	return (char *)b + BLOCK_HEAD;
}

/* n bytes, gap included, that do not fit the block in use. */
static __attribute__((noinline)) char *
take_slow(struct arena *a, size_t n)
{
	char *p;

	if (n > a->block_size / 4)
		return block_add(a, n, 0);
	p = block_add(a, n, a->block_size);
	a->next = p + n;
	a->end = p + a->block_size - BLOCK_HEAD;
	if (a->block_size < ARENA_BLOCK_MAX)
		a->block_size =
		    a->block_size * 2 < ARENA_BLOCK_MAX ? a->block_size * 2 : ARENA_BLOCK_MAX;
	return p;
}

static inline char *
take(struct arena *a, size_t n, size_t align)
{
	size_t pad = -(uintptr_t)a->next & (align - 1);
	size_t need = n + ARENA_GAP;
	char *p;

	/* Absurd sizes end the process in mem_alloc, without wrapping around on the way. */
	if (n > SIZE_MAX / 2)
		need = SIZE_MAX / 2;
	if (need + pad <= (size_t)(a->end - a->next)) {
		p = a->next + pad;
		a->next = p + need;
	} else {
		p = take_slow(a, need);
	}
	UNPOISON(p, n);
	return p;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	return take(a, n, ARENA_ALIGN);
}

void *
arena_zalloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		n = SIZE_MAX;
	return arena_zalloc(a, n);
}

char *
arena_bytes(struct arena *a, size_t n)
{
	/* Poison works by eight bytes, so a gap must start on such a border to be seen. */
	return take(a, n, ARENA_GAP ? 8 : 1);
}

char *
arena_strdup(struct arena *a, struct span s)
{
	char *p = arena_bytes(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct span
arena_dup(struct arena *a, struct span s)
{
	return span_of(arena_strdup(a, s), s.n);
}

struct span
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	p = arena_bytes(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return span_of(p, (size_t)n);
}

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

struct span
arena_lower(struct arena *a, struct span s)
{
	char *p = arena_bytes(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = is_upper(s.p[i]) ? (char)(s.p[i] | 0x20) : s.p[i];
	p[s.n] = '\0';
	return span_of(p, s.n);
}

struct span
arena_lowered(struct arena *a, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (is_upper(s.p[i]))
			return arena_lower(a, s);
	}
	return s;
}

struct span
arena_concat(struct arena *a, const struct span *parts, size_t count)
{
	size_t n = 0;
	char *p, *at;

	for (size_t i = 0; i < count; i++) {
		if (__builtin_add_overflow(n, parts[i].n, &n))
			abort();
	}
	p = at = arena_bytes(a, n + 1);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n)
			at = mempcpy(at, parts[i].p, parts[i].n);
	}
	*at = '\0';
	return span_of(p, n);
}

struct span
arena_decimal(struct arena *a, uint64_t v)
{
	char *p = arena_bytes(a, DECIMAL_MAX + 1), *end = decimal_put(p, v);

	*end = '\0';
	return span_of(p, (size_t)(end - p));
}

void
arena_on_free(struct arena *a, void (*hook)(void *), void *arg)
{
	struct hook *h = arena_alloc(a, sizeof(*h));

	h->run = hook;
	h->arg = arg;
	h->older = a->hooks;
	a->hooks = h;
}

size_t
arena_size(const struct arena *a)
{
	return a->size;
}
