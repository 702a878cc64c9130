/* SPDX-License-Identifier: ISC */
/*
 * orphan: an upstream's answer that nobody waits for any more (proxy_ignore_client_abort): read to its end and dropped, so
 * that the upstream can finish what it began.
 */
#ifndef PROXY_UPSTREAM_ORPHAN_H
#define PROXY_UPSTREAM_ORPHAN_H

#include "proxy/upstream/upstream.h"

/* Takes the connection. It is closed when the upstream ends it, or says nothing for idle_ms, or as the worker ends. */
void orphan_start_take(struct upstream_conn *uc, int64_t idle_ms);

#endif
