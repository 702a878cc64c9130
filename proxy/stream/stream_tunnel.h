/* SPDX-License-Identifier: ISC */
/*
 * stream_tunnel: which service a name is passed on to as it is, asked without a connection to pass.
 *
 * What comes for such a name elsewhere (http-01 on port 80) is the service's affair, too.
 */
#ifndef PROXY_STREAM_STREAM_TUNNEL_H
#define PROXY_STREAM_STREAM_TUNNEL_H

#include "proxy/config/snapshot.h"
#include "proxy/worker/traffic.h"

/*
 * The addresses that a TLS connection for name (lower case) would be passed to by a stream server with ssl_preread, in the
 * generation of t: at most max, without texts. 0: it is not passed on, or to one of our own listeners.
 */
size_t stream_tunnel_find(const struct traffic *t, struct span name, struct address *out,
    size_t max);

#endif
