/* SPDX-License-Identifier: ISC */
/*
 * worker: the process that serves: one event loop, the newest generation, and the connections.
 *
 * Started by the monitor's fork with a channel; receives resources and bundles over it; never opens a
 * configuration, key or log file itself. A bundle is adopted whole (mapped, loaded as a snapshot, its listeners
 * watched) or refused with a reason, then acknowledged.
 */
#ifndef PROXY_WORKER_WORKER_H
#define PROXY_WORKER_WORKER_H

struct counters; /* counters.h */
struct counter_slot;
struct ticket_keys; /* tls/ticket_key.h */

struct worker_options {
	int channel;
	unsigned number;             /* 0.. */
	struct counters *counters;   /* of all workers */
	struct counter_slot *slot;   /* of them, this worker's */
	struct ticket_keys *tickets; /* shared by all workers; NULL = each has its own */
};

/* Runs until drained or stopped; returns the exit status. */
int worker_main(const struct worker_options *options);

#endif
