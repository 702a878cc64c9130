/* SPDX-License-Identifier: ISC */
/*
 * monitor: the process that reads, binds, forks and answers, and never touches traffic.
 *
 * One loop over poll(2): signals (signalfd), the control socket, the workers' channels, and the nearest deadline. A
 * couple of dozen descriptors at most: the list is made anew each turn, so nothing in it can dangle.
 */
#ifndef PROXY_MONITOR_MONITOR_H
#define PROXY_MONITOR_MONITOR_H

#include "proxy/monitor/announce.h"
#include "proxy/monitor/edition.h"

struct monitor_options {
	struct snapshot_options config;
	/* Where to speak until the configuration's own error log is open; its fd is taken. */
	struct announcer announcer;
	const char *executable; /* absolute; with argv, for a new binary in our place */
	char **argv;
	int stderr_fd; /* what "error_log stderr" means; a copy of descriptor 2 */
};

/*
 * Load, start, serve until told to end; returns the exit status. With "daemon on" the caller's process waits until
 * the daemon is ready or has failed, and returns 0 or 1 then.
 */
int monitor_run(const struct monitor_options *options);

#endif
