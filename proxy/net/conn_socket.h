/* SPDX-License-Identifier: ISC */
/*
 * conn_socket: recv(2) and send(2) on a connection's socket, and what they tell of its readiness.
 *
 * For the transports above it: plain bytes (conn.c), OpenSSL's (tls_io.c), records (record_layer.c).
 */
#ifndef PROXY_NET_CONN_SOCKET_H
#define PROXY_NET_CONN_SOCKET_H

#include "proxy/net/conn.h"

/* > 0 bytes, CONN_EOF, CONN_AGAIN, or CONN_ERROR with the cause in c->saved_errno. Asks no socket that is known to be empty. */
ssize_t conn_socket_recv(struct conn *c, void *p, size_t n);
/* The same for bytes taken; fewer than n or CONN_AGAIN: on_event follows when there is room. flags: MSG_MORE, or 0. */
ssize_t conn_socket_send(struct conn *c, const void *p, size_t n, int flags);

#endif
