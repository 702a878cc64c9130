/* SPDX-License-Identifier: ISC */
/*
 * survey_data: surveys for programs: JSON, Prometheus' text format, the status line of a monitoring plugin.
 *
 * All write to the stream they are given.
 */
#ifndef LIBCERT_SURVEY_DATA_H
#define LIBCERT_SURVEY_DATA_H

#include "libcert/survey.h"

#include <stdio.h>

/* {"schema":1,"at":…,"certificates":[…]} */
void survey_data_json(const struct survey *list, size_t count, int64_t now, FILE *out);
/* For node_exporter's textfile collector: HELP, TYPE and samples of gatehouse_certificate_…; no survey may be there twice. */
void survey_data_prometheus(const struct survey *list, size_t count, FILE *out);
/*
 * "CERTIFICATES OK - …|perfdata" on one line; returns the plugin's exit code: 0 fine, 1 warning,
 * 2 critical, 3 unknown (something could not be read, and nothing is critical).
 */
int survey_data_check(const struct survey *list, size_t count, int64_t now,
    const struct inspect_limits *limits, FILE *out);

#endif
