/* SPDX-License-Identifier: ISC */
/*
 * peer_drain: take a server out of its group for a while, without breaking off what it is doing.
 *
 * It is picked no more and its idle connections close; requests under way end as they would, and their connections with
 * them. The mark is the peer's: it lasts as long as the group, and a name that is resolved again keeps it.
 */
#ifndef PROXY_UPSTREAM_PEER_DRAIN_H
#define PROXY_UPSTREAM_PEER_DRAIN_H

#include "proxy/upstream/upstream.h"

/* server: an address of this generation's group, or the name of a server; whether there is one is the caller's concern. */
void peer_drain(const struct generation *gen, struct span group, struct span server, bool drained);

#endif
