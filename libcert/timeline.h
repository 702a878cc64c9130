/* SPDX-License-Identifier: ISC */
/*
 * timeline: lives of certificates, their renewal windows and today, as a plot of characters.
 */
#ifndef LIBCERT_TIMELINE_H
#define LIBCERT_TIMELINE_H

#include "libcert/survey.h"

#include <stdio.h>

#define TIMELINE_COLUMNS_MIN 40

/*
 * One line for each survey, the one that ends first on top, no line longer than columns (at least
 * TIMELINE_COLUMNS_MIN); a legend below. What could not be read is left out.
 */
void timeline_print(const struct survey *list, size_t count, int64_t now, unsigned columns,
    FILE *out);

#endif
