/* SPDX-License-Identifier: ISC */
/*
 * mem: heap allocation that never returns NULL (mem.h says why that is safe).
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* No stdio here: it may itself want memory. */
static _Noreturn void
out_of_memory(void)
{
	static const char text[] = "gatehouse: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	abort();
}

void *
mem_alloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		out_of_memory();
	return p;
}

#if defined(__SANITIZE_ADDRESS__)
#define OWN_PAGES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OWN_PAGES 0
#endif
#endif
#ifndef OWN_PAGES
#define OWN_PAGES 1
#endif

void *
mem_pages(size_t n)
{
	void *p;

	if (!OWN_PAGES)
		return mem_alloc(n);
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		out_of_memory();
	return p;
}

void
mem_pages_free(void *p, size_t n)
{
	if (OWN_PAGES)
		(void)munmap(p, n);
	else
		free(p);
}

void *
mem_zalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *
mem_realloc_array(void *p, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		out_of_memory();
	p = realloc(p, n ? n : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *
mem_strdup(const char *s)
{
	return mem_dup_span(span_str(s));
}

char *
mem_dup_span(struct span s)
{
	char *p;

	if (s.n == SIZE_MAX)
		out_of_memory();
	p = mem_alloc(s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

char *
mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = mem_vprintf(fmt, ap);
	va_end(ap);
	return p;
}

char *
mem_vprintf(const char *fmt, va_list ap)
{
	char *p;

	/* The only other failure is a result over INT_MAX bytes: as good as out of memory. */
	if (vasprintf(&p, fmt, ap) < 0)
		out_of_memory();
	return p;
}

void
mem_wipe_free(void *p, size_t n)
{
	if (!p)
		return;
	explicit_bzero(p, n);
	free(p);
}
