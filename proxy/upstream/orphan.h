/* SPDX-License-Identifier: ISC */
/*
 * orphan: a connection to an upstream whose client is gone: what is queued goes out, what comes is read and dropped, so that the
 * upstream can do what it was asked (proxy_ignore_client_abort) or hears a tunnel's last words.
 */
#ifndef PROXY_UPSTREAM_ORPHAN_H
#define PROXY_UPSTREAM_ORPHAN_H

#include "proxy/upstream/upstream.h"

/* Takes the connection. It is closed when the upstream ends it, has not begun in timeout_ms, nor ended in as long again. */
void orphan_start_take(struct upstream_conn *uc, int64_t timeout_ms);

#endif
