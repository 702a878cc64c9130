/* SPDX-License-Identifier: ISC */
/*
 * tunnel: an upgraded connection: bytes both ways between a client and an upstream, until both have ended.
 *
 *	client   --request_body_peek-->  tunnel  --conn_write-->  upstream
 *	client   <--request_send_body--  tunnel  <--conn_read---  upstream
 *
 * It sees the client through the codec only, so any wire version with begin_tunnel will do, and the upstream as a
 * conn, plain or TLS. Each way stops reading while the other end takes nothing and has an end of its own, which is
 * passed on behind the last byte. At most one buffer is held per way, and none while nothing is under way.
 *
 * Ends when both ways have, when either connection breaks (what was read by then is still delivered to the client),
 * or when nothing came from either side for tunnel_timeout. Once one side has ended, the other is waited for
 * no longer than proxy_read_timeout.
 */
#ifndef PROXY_UPSTREAM_TUNNEL_H
#define PROXY_UPSTREAM_TUNNEL_H

#include "proxy/upstream/upstream_exchange.h"

/*
 * The upstream has switched protocols: its 101 is in the response, not yet sent; the request is sent whole. The
 * tunnel takes u's connection and what was read of it, becomes the request's handler, and sends the head.
 */
void tunnel_start(struct upstream_http *u);

#endif
