/* SPDX-License-Identifier: ISC */
/*
 * diagnostic: the list of everything wrong with a configuration, told in one run.
 */
#ifndef PROXY_CONFIG_DIAGNOSTIC_H
#define PROXY_CONFIG_DIAGNOSTIC_H

#include "base/arena.h"
#include "base/span.h"

#include <stddef.h>

/* More are counted, but not kept. */
#define DIAGNOSTICS_MAX 1000

struct config_file;

/* A note tells what is sound and makes no difference; the terminal hears it when asked to test. */
enum diagnostic_level { DIAG_NOTE, DIAG_WARN, DIAG_EMERG };

struct diagnostic {
	enum diagnostic_level level;
	struct span text;               /* 'unknown directive "proxy_pas"' */
	struct span hint;               /* 'did you mean "proxy_pass"?' or empty */
	const struct config_file *file; /* NULL: no place */
	unsigned line;
	struct diagnostic *next;
};

struct diagnostics {
	struct arena *arena;
	struct diagnostic *first, **tail;
	struct diagnostic *newest; /* the one a hint belongs to */
	size_t errors, warnings, notes, kept;
};

void diagnostics_init(struct diagnostics *d, struct arena *arena);
/* Returns -1 for DIAG_EMERG so that a setter can "return diagnostic_add(...)"; 0 for the others. */
int diagnostic_add(struct diagnostics *d, enum diagnostic_level level,
    const struct config_file *file, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Add a hint to the newest diagnostic. */
void diagnostic_hint(struct diagnostics *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * By file, in order of reading, and line: the order a person mends them in. Those without a place
 * come first.
 */
void diagnostics_sort(struct diagnostics *d);
/*
 * 'unknown directive "x" in FILE:LINE (included from FILE:LINE)' for log and terminal; hint lines
 * apart.
 */
struct span diagnostic_format(const struct diagnostic *d, struct arena *arena);

#endif
