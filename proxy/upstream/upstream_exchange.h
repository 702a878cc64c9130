/* SPDX-License-Identifier: ISC */
/*
 * upstream_exchange: one request's exchange with an upstream, for the two files that drive it.
 *
 * upstream_http.c gathers what is needed, upstream_attempt.c picks peers and decides what a failure means,
 * upstream_request.c sends the request, upstream_response.c reads the answer's head and upstream_body.c its body.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_EXCHANGE_H
#define PROXY_UPSTREAM_UPSTREAM_EXCHANGE_H

#include "base/buf.h"
#include "proxy/net/resolver.h"
#include "proxy/upstream/response_spool.h"
#include "proxy/upstream/upstream_http.h"
#include "proxy/upstream/upstream_message.h"
#include "proxy/upstream/upstream_target.h"
#include "proxy/worker/worker_state.h"

enum phase {
	PHASE_REQUEST_BODY,
	PHASE_RESOLVE,
	PHASE_CONNECT,
	PHASE_HEAD,
	PHASE_BODY,
	PHASE_DRAIN,
	PHASE_DONE
};

struct upstream_http {
	struct request *r;
	const struct proxy_settings *settings;
	struct upstream_target target;
	struct upstream_group *group; /* target's */
	struct upstream_tls *tls;     /* target's way of TLS, of the generation; NULL = plain */
	struct span tls_name;         /* whom to expect there */
	struct span header;           /* PROXY header, for each new connection; empty = none */
	struct resolver_query query;  /* for target's host */
	struct upstream_request request;
	struct span own_body; /* proxy_set_body */
	bool has_own_body;    /* that, or none at all, instead of the client's */
	uint64_t body_offset; /* sent of what can be sent again: own_body, or r->body_buffer */
	int64_t started_ms;   /* of the first attempt */
	struct peer_set tried;
	struct upstream_conn *uc;
	enum phase phase;
	unsigned attempts, attempts_max;
	bool reused;     /* uc served others before: its end may have been on its way already */
	bool want_fresh; /* one stale connection was enough */
	bool unbuffered; /* the body goes on as it comes */
	bool request_body_used; /* bytes were taken from the client: cannot be sent again */
	bool request_done;      /* head and body are queued whole */
	uint64_t bytes_out_before, bytes_in_before; /* on uc when this attempt began */
	struct timer timer;
	uint64_t sent_before; /* by uc when the timer was set for sending */
	struct deferred more; /* another share of work, when others had theirs */
	struct upstream_attempt *attempt;
	int64_t attempt_started_ms;

	/* Response */
	struct chunk *in;    /* what was read and not used yet */
	struct span pending; /* decoded body in `in` that the client did not take yet */
	struct http1_head_scan scan;
	unsigned interims;
	bool peer_keeps; /* the peer will take another request on this connection */
	enum body_framing framing;
	uint64_t left; /* BODY_LENGTH */
	struct http1_chunked chunked;
	struct buf trailer;          /* as it came; of max 0 when there is none yet */
	bool body_end;               /* all of it was decoded */
	bool buffering;              /* the spool may be used */
	bool flows;                  /* much comes and goes: it is read in large runs */
	struct response_spool spool; /* what the client did not take yet, before pending */
	int64_t full_since_ms;       /* the client did not take all that was pending; 0 = it did */
	struct timer pause; /* read on after it: proxy_limit_rate, or a client had its chance */
};

/* Buffers moved either way before other connections have their turn. */
#define UPSTREAM_BUFFERS_AT_ONCE 4

static inline struct worker *
upstream_worker(const struct upstream_http *u)
{
	return u->r->client->worker;
}

/* Milliseconds since this attempt began. */
int64_t upstream_attempt_age(const struct upstream_http *u);
/* Return the read buffer; what is in it is forgotten. */
void upstream_drop_input(struct upstream_http *u);
/* What we wait for decides how long. */
void upstream_arm_timer(struct upstream_http *u);
/* The group is known: nobody was asked yet. */
void upstream_attempts_init(struct upstream_http *u);
/* Next peer, next connection; ends in a request under way or an error page. */
void upstream_start_attempt(struct upstream_http *u);
/* Note what the attempt cost and give its connection back to the pool (keep) or up. */
void upstream_end_attempt(struct upstream_http *u, bool keep);
/*
 * Log why, then try the next peer, answer with an error page, or cut a response that has begun. u->uc is gone
 * after it, and u may be at another attempt already.
 */
void upstream_attempt_failed(struct upstream_http *u, enum next_upstream kind, const char *why,
    int errnum);
/*
 * A whole response head with a status that proxy_next_upstream names: true when the request went to another peer
 * instead of this response to the client.
 */
bool upstream_next_for_status(struct upstream_http *u, unsigned status);
/* What the exchange is waiting for, for the error log. */
const char *upstream_doing(const struct upstream_http *u);

/* Choose method, target and body out of the request and its settings. -1: logged; answer with 500 (upstream_request.c). */
int upstream_request_prepare(struct upstream_http *u) __attribute__((warn_unused_result));
/* Queue the head and what there is of the body. */
void upstream_request_begin(struct upstream_http *u);
/* Move what there is of the body to the upstream, as far as both allow. */
void upstream_request_pump(struct upstream_http *u);

/* Read and pass on what the upstream sends (upstream_response.c). */
void upstream_pump_response(struct upstream_http *u);
/* The same once the head is out (upstream_body.c). */
void upstream_pump_body(struct upstream_http *u);
/* The upstream is done with: what is left in the spool. */
void upstream_drain(struct upstream_http *u);
/* Up to limit bytes into u->in: 1 read some, 0 nothing now, -1 the attempt is over, one way or the other. */
int upstream_read(struct upstream_http *u, size_t limit);

#endif
