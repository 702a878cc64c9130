/* SPDX-License-Identifier: ISC */
/*
 * listing: a worker's answer to the monitor's question what it has: its connections, its upstreams.
 *
 * Rows of tab-separated fields, several to a message, each ended by a newline; no field holds a control byte.
 *
 *	connections: number client listener wire tls requests age-ms bytes-in bytes-out doing request
 *	upstreams:   group peer state weight fails max-fails connections
 */
#ifndef PROXY_WORKER_LISTING_H
#define PROXY_WORKER_LISTING_H

#include "proxy/worker/worker_state.h"

/* Messages at most, so that the socket takes them at once; what does not fit is left out, and said so in the last one. */
#define LISTING_MESSAGES_MAX 100

/* 0, or -1 when the socket fails. */
int listing_send(struct worker *w, int sock, uint32_t what) __attribute__((warn_unused_result));

#endif
