/* SPDX-License-Identifier: ISC */
/*
 * request_life: how a codec begins and ends a request, the same for every wire version.
 *
 *	request_init -> fields filled in by the codec -> request_take_target -> request_route -> ... -> request_finish
 */
#ifndef PROXY_HTTP_REQUEST_LIFE_H
#define PROXY_HTTP_REQUEST_LIFE_H

#include "proxy/http/request.h"

/* An empty arena for a request of this worker, mostly one that another request has left. */
struct arena *request_arena(struct worker *w);
/* Those that are kept. */
void request_arenas_free(struct worker *w);
/*
 * r (zeroed) is in arena, which it owns from now on. It is served by the newest generation that its listener is in,
 * and by the endpoint's default server until request_take_target.
 */
void request_init(struct request *r, struct arena *arena, struct client *client,
    const struct codec *codec);
/* Who answers what goes wrong before request_take_target. */
void request_set_server(struct request *r, const struct server *server);
/*
 * Fill in what path_query ("/a?b", "*") and host ("A.example") say, and pick the server. NULL, or why the request is
 * refused with 400.
 */
const char *request_take_target(struct request *r, struct span path_query, struct span host);
/* By what connections live and end by: keepalive_*, drain, reload. */
bool request_keeps_connection(const struct request *r);
/* That, and nothing in request and response is against another one after them in HTTP/1. */
bool request_may_follow(const struct request *r);
/* Counters, handler, access log, memory: the request is over, answered or not. r is freed. */
void request_finish(struct request *r);

#endif
