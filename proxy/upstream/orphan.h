/* SPDX-License-Identifier: ISC */
/*
 * orphan: an upstream's answer that nobody waits for any more (proxy_ignore_client_abort): read and dropped, so that the
 * upstream can do what it was asked.
 */
#ifndef PROXY_UPSTREAM_ORPHAN_H
#define PROXY_UPSTREAM_ORPHAN_H

#include "proxy/upstream/upstream.h"

/* Takes the connection. It is closed when the upstream ends it, has not begun in timeout_ms, nor ended in as long again. */
void orphan_start_take(struct upstream_conn *uc, int64_t timeout_ms);

#endif
