/* SPDX-License-Identifier: ISC */
/*
 * upstream_message: a client's request in the upstream's words, and its response in the client's.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_MESSAGE_H
#define PROXY_UPSTREAM_UPSTREAM_MESSAGE_H

#include "proxy/http/request.h"
#include "proxy/net/conn.h"

/* What differs from the client's own request. */
struct upstream_request {
	struct span method, uri, host_header;
	enum body_framing framing;
	uint64_t content_length; /* with BODY_LENGTH */
};

/*
 * Queue the request head: request line, proxy_set_header's fields, Host and the framing of the body, the client's
 * other fields but hop-by-hop ones.
 */
void upstream_message_request(struct request *r, const struct upstream_request *q, struct conn *c);

/* What the response asks of us (X-Accel-*). */
struct upstream_accel {
	struct span redirect; /* path or @name; empty = none */
	bool buffering_on, buffering_off, has_limit_rate;
	uint64_t limit_rate; /* 0 = no limit */
};
struct upstream_accel upstream_message_accel(const struct request *r,
    const struct http1_response_head *head);

/* Fill r->response from the upstream's head: hop-by-hop and hidden fields left out, Location, Refresh and Set-Cookie rewritten. */
void upstream_message_response(struct request *r, const struct http1_response_head *head);
/* The fields of an interim response that the client may see. */
void upstream_message_interim(struct request *r, const struct http1_response_head *head,
    struct header_list *fields);
/* The fields behind the body that the client may see. */
void upstream_message_trailers(struct request *r, const struct header_list *trailers);
/* The few fields that go with the response of where X-Accel-Redirect leads. */
void upstream_message_redirected(struct request *r, const struct http1_response_head *head);

#endif
