/* SPDX-License-Identifier: ISC */
/*
 * conn_splice: bytes between a plain connection and a pipe without passing through our memory.
 */
#ifndef PROXY_NET_CONN_SPLICE_H
#define PROXY_NET_CONN_SPLICE_H

#include "proxy/net/conn.h"
#include "proxy/net/pipe_pool.h"

/* At most n bytes into the pipe; results as conn_read's. CONN_AGAIN also when the pipe takes no more. */
ssize_t conn_splice_in(struct conn *c, struct pipe *p, size_t n);
/*
 * What the pipe holds, as far as the socket takes it. True: all of it went, or has nowhere to go
 * since the connection failed (on_error follows). False: wait for on_writable.
 */
bool conn_splice_out(struct conn *c, struct pipe *p);

#endif
