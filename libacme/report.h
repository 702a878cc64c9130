/* SPDX-License-Identifier: ISC */
/*
 * report: what acme-issue and acme-renew tell: progress while they work, the result at the end.
 *
 * It writes to the streams it is given; libraries below it print nothing.
 */
#ifndef LIBACME_REPORT_H
#define LIBACME_REPORT_H

#include "libacme/issue.h"

#include <stdbool.h>
#include <stdio.h>

struct report {
	const char *program;
	FILE *progress; /* NULL = silent */
	bool live;      /* progress is a terminal: one line that is overwritten */
	bool drawn;     /* such a line stands there now */
};

/* For issue_options.say; arg is the struct report. */
void report_say(void *arg, const struct issue *job, const char *text);
/* Take a live line away. */
void report_clear(struct report *report);

/* The error of a failed or undeployed job, for people, on the progress stream's side: out. */
void report_failure(struct report *report, const struct issue *job, FILE *out);
/* Two to four lines: what became of it, where the files are, when it ends. */
void report_issued(const struct issue *job, FILE *out);
/* A table: a line per lineage. */
void report_table(struct issue *const *jobs, size_t count, FILE *out);
/* One object: {"schema":1,"lineages":[…],"requests":N,"connections":N}. */
void report_json(struct issue *const *jobs, size_t count, struct acme_http_counts counts,
    FILE *out);

/* "kept", "issued" … */
const char *report_outcome(enum issue_outcome outcome);

#endif
