/* SPDX-License-Identifier: ISC */
/*
 * upstream_message: a client's request in the upstream's words, and its response in the client's.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_MESSAGE_H
#define PROXY_UPSTREAM_UPSTREAM_MESSAGE_H

#include "proxy/http/request.h"
#include "proxy/net/conn.h"

/*
 * Queue the request head: request line with the location's path mapping, Host and the framing of the body, proxy_set_header's
 * fields, the client's others but hop-by-hop ones (nginx's rules).
 */
void upstream_message_request(struct request *r, struct conn *c);
/* Fill r->response from the upstream's head: hop-by-hop and hidden fields left out, Location mapped back (proxy_redirect default). */
void upstream_message_response(struct request *r, const struct http1_response_head *head);
/* The request target for this upstream, in the request's arena. */
struct span upstream_message_target(struct request *r);
/* Set r->upstream->uri for the error log: "http://ADDRESS/target". */
void upstream_message_trace(struct request *r, struct span address);

#endif
