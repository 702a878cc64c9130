/* SPDX-License-Identifier: ISC */
/*
 * router: a request's way to the handler that answers it, as a row of steps.
 *
 *	(tokens of ACME) -> the server's rewriting -> location -> its rewriting -> (the path changed: location again)
 *	-> allow, deny -> try_files -> handler
 *
 * A step that answers ends the row.
 */
#ifndef PROXY_HTTP_ROUTER_H
#define PROXY_HTTP_ROUTER_H

#include "proxy/http/request.h"

/* All of it; r->server is set. */
void router_from_server(struct request *r);
/* From the rewriting of a location that something else has chosen. */
void router_from_location(struct request *r, const struct location *location);

#endif
