/* SPDX-License-Identifier: ISC */
/*
 * report: what acme-issue and acme-renew tell: progress while they work, the result at the end.
 *
 * It writes to the streams it is given; libraries below it print nothing. The log file is opened for each line, so that it may be
 * renamed or removed at any time (logrotate needs to tell nobody).
 */
#ifndef LIBACME_REPORT_H
#define LIBACME_REPORT_H

#include "libacme/invocation.h"
#include "libacme/issue.h"
#include "libacme/report_live.h"

#include <stdbool.h>
#include <stdio.h>

struct report {
	const char *program;
	FILE *progress;           /* a line per event; NULL = silent */
	struct report_live *live; /* instead of lines, on a terminal; or NULL */
	const char *log_file;     /* every event and failure, with its time; or NULL */
};

/* A log file that cannot be written to is told at once. No progress if call is quiet; lines if it is verbose. */
int report_begin(struct report *report, const struct invocation *call, const char *log_file,
    struct err *e) __attribute__((warn_unused_result));
/* Take live lines away: the result comes next. */
void report_end(struct report *report);

/* For issue_options.say; arg is the struct report. */
void report_say(void *arg, const struct issue *job, const char *text);

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
