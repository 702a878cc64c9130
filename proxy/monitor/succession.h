/* SPDX-License-Identifier: ISC */
/*
 * succession: a new binary beside the running one, and then in its place: nginx's way.
 *
 *	USR2   the pid file becomes PID.oldbin; the new binary starts with our listening sockets, whose numbers are
 *	       in an environment variable; both accept
 *	WINCH  our workers finish what they have, and end
 *	QUIT   we end; or, to go back: HUP starts our workers again, and QUIT goes to the new one, whose end gives us the
 *	       pid file back
 *
 * The new one is our child until we end. The control socket is its, as soon as it is there.
 */
#ifndef PROXY_MONITOR_SUCCESSION_H
#define PROXY_MONITOR_SUCCESSION_H

#include "proxy/monitor/resource.h"

#include <stdbool.h>

struct monitor;

#define SUCCESSION_VARIABLE "TINYPROXYD"

struct succession {
	pid_t child;     /* the new binary; 0 = none */
	pid_t parent;    /* the old one that started us; 0 = nobody */
	bool no_workers; /* WINCH: those that end are not replaced */
};

/* What an old binary left us, into t; once, before anything is bound. true: there was one. */
bool succession_inherit(struct succession *s, struct resource_table *t);
/* USR2 */
void succession_begin(struct monitor *m);
/* WINCH, and HUP after it (false: there was none). */
void succession_drain_workers(struct monitor *m);
bool succession_resume_workers(struct monitor *m);
/* Was it the new binary that ended? Then everything is ours again. */
bool succession_reap(struct monitor *m, pid_t pid, int status);
/* Does somebody else listen on our sockets too? Then their files are left where they are. */
bool succession_shares_sockets(const struct succession *s);

#endif
