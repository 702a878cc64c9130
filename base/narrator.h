/* SPDX-License-Identifier: ISC */
/*
 * narrator: who hears, step by step, what a library does: the files it writes, the programs it runs (--verbose).
 *
 * Libraries print nothing; they tell the narrator that their caller hands down, if there is one.
 */
#ifndef BASE_NARRATOR_H
#define BASE_NARRATOR_H

#include <stdarg.h>

struct narrator {
	void (*say)(void *arg, const char *text); /* one step, without a newline */
	void *arg;
};

/* NULL hears nothing. */
void narrate(const struct narrator *narrator, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void narrate_v(const struct narrator *narrator, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

#endif
