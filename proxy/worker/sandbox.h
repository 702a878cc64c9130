/* SPDX-License-Identifier: ISC */
/*
 * sandbox: what a worker gives up before it sees the first byte of traffic.
 *
 *	capabilities   the set is emptied, whatever user it runs as (user and group are dropped by the
 *	               monitor's fork already, proxy/monitor/privileges.h)
 *	new privileges none, by no_new_privs
 *	core dumps     none, and no tracing by processes of the same user
 *	files          Landlock: nothing can be made or written but below the temp paths, nothing can be run; reading is left for document trees: every
 *	               directory of / but those in sandbox.c's list of private ones, and whatever trees the snapshot names
 *	system calls   seccomp: an allow-list; those that only an attacker would try end the process
 *
 * What the kernel or the build does not offer is said in the log (notice), never silently left out.
 */
#ifndef PROXY_WORKER_SANDBOX_H
#define PROXY_WORKER_SANDBOX_H

#include "base/err.h"
#include "base/log.h"
#include "proxy/config/snapshot.h"

/* Once, between the first snapshot and the first connection. -1: something failed that should have worked. */
int sandbox_enter(const struct snapshot *s, const struct log *log, struct err *e)
    __attribute__((warn_unused_result));

/*
 * A document tree or temp path of next that workers sandboxed with started cannot use; false if there is none. For the monitor: a
 * reload cannot widen a sandbox.
 */
bool sandbox_hides(const struct snapshot *started, const struct snapshot *next, struct span *tree);

#endif
