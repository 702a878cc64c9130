/* SPDX-License-Identifier: ISC */
/*
 * hook: commands of the administrator, run as certbot runs them, with the lineage in the environment: the path of an
 * executable as it is, anything else by /bin/sh.
 */
#ifndef LIBACME_HOOK_H
#define LIBACME_HOOK_H

#include "base/err.h"
#include "libcert/certstore.h"

#include <stdbool.h>
#include <stddef.h>

/* What a hook is told. Any may be empty; an empty one is not put into the environment. */
struct hook_context {
	const char *lineage;      /* RENEWED_LINEAGE: DIR/live/NAME */
	const struct span *names; /* RENEWED_DOMAINS */
	size_t name_count;
	const struct span *failed; /* FAILED_DOMAINS */
	size_t failed_count;
};

/*
 * kind is for messages ("deploy hook"). A non-zero exit is an error that carries the end of its output. Five
 * minutes are the limit.
 */
int hook_run(const char *kind, const char *command, const struct hook_context *context,
    struct err *e) __attribute__((warn_unused_result));

/*
 * Every executable in DIR/renewal-hooks/KIND ("pre", "deploy", "post"), by name. All are run; the first failure is told. One
 * that is also command (already run, or to be run by itself) is not run twice: skip; may be NULL.
 */
int hook_run_directory(const struct certstore *store, const char *kind, const char *skip,
    const struct hook_context *context, struct err *e) __attribute__((warn_unused_result));

/* Is it the absolute path of a file that can be executed, whatever blanks are in it? */
bool hook_is_path(const char *command);
/* status is its exit code: an error that shows the end of what it wrote, errors before out. Returns -1. */
int hook_failed(const char *kind, const char *command, int status, struct buf *errors,
    struct buf *out, struct err *e);

#endif
