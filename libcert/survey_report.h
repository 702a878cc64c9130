/* SPDX-License-Identifier: ISC */
/*
 * survey_report: surveys for people: one in full, or many as a table.
 *
 * Both write to the stream they are given.
 */
#ifndef LIBCERT_SURVEY_REPORT_H
#define LIBCERT_SURVEY_REPORT_H

#include "libcert/survey.h"

#include <stdio.h>

/* A block of lines. */
void survey_report_full(const struct survey *s, int64_t now, FILE *out);
/* A head line, a line for each, and each finding below it. */
void survey_report_table(const struct survey *list, size_t count, int64_t now, FILE *out);

#endif
