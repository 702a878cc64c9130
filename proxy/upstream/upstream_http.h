/* SPDX-License-Identifier: ISC */
/*
 * upstream_http: the handler that proxies a request to an http upstream.
 *
 *	pick peer -> connection (idle or new) -> request head -> body, streamed
 *	          <- response head (1xx passed over) <- body, streamed <- keep or close
 *
 * Any failure before the response head goes to the next peer if the request may be repeated, else 502 or 504. A
 * response that does not arrive whole is never delivered as whole. What was learned on the
 * way is kept for logs and variables in the trace.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_HTTP_H
#define PROXY_UPSTREAM_UPSTREAM_HTTP_H

#include "proxy/http/request.h"
#include "proxy/upstream/upstream.h"

/* One attempt at one peer. Times in milliseconds since the attempt began, -1 = never came to it. */
struct upstream_attempt {
	struct span address;
	unsigned status; /* 0 = no response */
	int64_t connect_ms, header_ms, response_ms;
	uint64_t bytes_sent, bytes_received, response_length;
	bool redirected; /* the first after an internal redirect: another group, maybe */
	struct upstream_attempt *next;
};

/* Hangs on request->upstream, in its arena. */
struct upstream_trace {
	struct upstream_attempt *first, *last; /* in order, of all handlers the request has seen */
	bool redirected;         /* the next attempt is the first of another handler */
	struct span host_header; /* $proxy_host */
	struct span port;        /* $proxy_port */
	const struct http1_response_head *head; /* the last response's; NULL = none came */
	const struct header_list *trailers;     /* the same */
	/* What last was asked for, and how. */
	struct span target;
	bool tls;
};

#endif
