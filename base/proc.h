/* SPDX-License-Identifier: ISC */
/*
 * proc: run another program and learn what it said.
 *
 * No shell unless asked for; descriptors but 0-2 are closed; the child gets its own process
 * group, which is killed (TERM, then KILL) when the time limit ends.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct proc_request {
	/* NULL-terminated; argv[0] is searched in our PATH unless it has a slash. */
	const char *const *argv;
	/* Instead of argv: a line for /bin/sh -c. */
	const char *shell;
	/* NULL-terminated "NAME=value", set on top of our environment; may be NULL. */
	const char *const *env;
	/* Fed to stdin; empty = /dev/null. */
	struct span input;
	/* 0 = none. */
	int64_t timeout_ms;
	/* stdout and stderr together, cut at its maximum (then full); NULL = inherited. */
	struct buf *out;
	/* stderr by itself, so that out is stdout alone; needs out. */
	struct buf *errors;
};

/*
 * Returns 0 when it ran; *status is its exit code, or 128 + signal. -1: could
 * not be started, or timed out (ERR_TEMPFAIL).
 */
int proc_run(const struct proc_request *req, int *status, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The same for a caller that has more to wait for. What req points at stays until proc_finish; its timeout_ms is the
 * caller's affair.
 */
struct proc;
struct proc *proc_start(const struct proc_request *req, struct err *e)
    __attribute__((warn_unused_result));
/* Readable once it has ended; -1 where the kernel has no such descriptor: ask proc_ended now and then. */
int proc_fd(const struct proc *p);
/* Take the output so far; true when the program has ended. */
bool proc_ended(struct proc *p);
/* TERM, at most two seconds, KILL. It has ended then. */
void proc_stop(struct proc *p);
/* After its end; frees p. *status as from proc_run. */
int proc_finish(struct proc *p, int *status, struct err *e) __attribute__((warn_unused_result));

#endif
