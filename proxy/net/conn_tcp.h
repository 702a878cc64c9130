/* SPDX-License-Identifier: ISC */
/*
 * conn_tcp: when segments leave: what a connection asks of TCP, and no sooner than it is of use.
 *
 * For whoever writes to the socket (conn.c, conn_splice.c), and for owners that have nothing to write.
 */
#ifndef PROXY_NET_CONN_TCP_H
#define PROXY_NET_CONN_TCP_H

#include "proxy/net/conn.h"

/* Before each write: TCP_NODELAY, once there is a second one. */
void conn_before_write(struct conn *c);
/*
 * After the first write, or when there is nothing to send yet: the peer of a connection that holds its handshake's last ACK
 * is told now. Does nothing else.
 */
void conn_release_ack(struct conn *c);
/* What the kernel keeps because of MSG_MORE goes out. */
void conn_push(struct conn *c);
/* The same with the end of stream, in one packet: close(2) throws it away where something came that nobody has read. */
void conn_push_end(struct conn *c);

#endif
