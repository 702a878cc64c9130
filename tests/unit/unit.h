/* SPDX-License-Identifier: ISC */
/*
 * unit: what unit tests share: cmocka with the headers it leans on, spans
 * compared to literals, a directory that goes away again.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include "base/span.h"

/* cmocka.h wants the four before it in this order. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The bytes of span s are exactly those of the C string text. */
#define assert_span(s, text) assert_span_(s, text, __FILE__, __LINE__)

static inline void
assert_span_(struct span s, const char *text, const char *file, int line)
{
	if (span_eq(s, span_str(text)))
		return;
	print_error("\"" SPAN_FMT "\" is not \"%s\"\n", SPAN_ARG(s), text);
	_fail(file, line);
}

/* A new directory; unit_remove_dir takes it away with all that is in it. */
#define UNIT_DIR_MAX 64

static inline void
unit_make_dir(char path[UNIT_DIR_MAX])
{
	snprintf(path, UNIT_DIR_MAX, "/tmp/gatehouse-unit-XXXXXX");
	assert_non_null(mkdtemp(path));
}

static inline int
unit_remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void
unit_remove_dir(const char *path)
{
	assert_int_equal(nftw(path, unit_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
