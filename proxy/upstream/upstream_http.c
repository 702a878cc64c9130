/* SPDX-License-Identifier: ISC */
/*
 * upstream_http: one request's way to an upstream and back; see upstream_http.h.
 *
 * The three ways out of an attempt are upstream_attempt_failed (another peer, or an error page), response_finished
 * (connection kept or closed) and release (the client is gone). Each lets go of the connection.
 */
#include "proxy/upstream/upstream_exchange.h"
#include "proxy/upstream/upstream_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Chunk-coded request bytes waiting for the socket before the client is asked for no more. */
#define REQUEST_QUEUE_MAX 16384

static void start_attempt(struct upstream_http *u);

int64_t
upstream_attempt_age(const struct upstream_http *u)
{
	return loop_now_ms(upstream_worker(u)->loop) - u->attempt_started_ms;
}

void
upstream_drop_input(struct upstream_http *u)
{
	bufpool_return(upstream_worker(u)->pool, u->in);
	u->in = NULL;
	u->pending = span_of(NULL, 0);
}

void
upstream_end_attempt(struct upstream_http *u, bool keep)
{
	struct upstream_conn *uc = u->uc;

	timer_clear(&u->timer);
	loop_undefer(upstream_worker(u)->loop, &u->more);
	if (u->attempt) {
		u->attempt->response_ms = upstream_attempt_age(u);
		if (uc) {
			u->attempt->bytes_sent = uc->conn.bytes_out - u->bytes_out_before;
			u->attempt->bytes_received = uc->conn.bytes_in - u->bytes_in_before;
		}
	}
	upstream_drop_input(u);
	u->uc = NULL;
	if (!uc)
		return;
	if (keep)
		idle_pool_put(uc);
	else
		upstream_conn_close(uc);
}

static const char *
doing(const struct upstream_http *u)
{
	switch (u->phase) {
	case PHASE_CONNECT:
		return "connecting to upstream";
	case PHASE_HEAD:
		return u->request_done ? "reading response header from upstream"
				       : "sending request to upstream";
	default:
		return "reading upstream";
	}
}

static bool
is_idempotent(struct span method)
{
	return !span_eq(method, SPAN("POST")) && !span_eq(method, SPAN("PATCH")) &&
	       !span_eq(method, SPAN("LOCK"));
}

/* May the request go out again? proxy_next_upstream's default: error and timeout, not once a non-idempotent one was sent. */
static bool
may_repeat(const struct upstream_http *u, enum failure kind, bool sent)
{
	if (u->request_body_used || kind == FAILURE_INVALID)
		return false;
	return !sent || is_idempotent(u->r->method);
}

void
upstream_attempt_failed(struct upstream_http *u, enum failure kind, const char *why, int errnum)
{
	struct request *r = u->r;
	bool sent = u->uc && u->uc->conn.bytes_out > u->bytes_out_before;
	bool stale = u->reused && kind == FAILURE_ERROR && u->phase != PHASE_BODY;

	if (errnum)
		request_log(r, LOG_LEVEL_ERROR, "%s (%d: %s) while %s", why, errnum,
		    strerrordesc_np(errnum), doing(u));
	else
		request_log(r, LOG_LEVEL_ERROR, "%s while %s", why, doing(u));
	if (u->uc && stale) {
		/* It says nothing of the peer that it closed a connection nobody used: ask it again. */
		balance_forget(u->uc->peer, &u->tried);
		u->want_fresh = true;
		u->attempts_max++;
	} else if (u->uc) {
		balance_report(u->uc->peer, false, loop_now_ms(upstream_worker(u)->loop));
	}
	upstream_end_attempt(u, false);
	if (r->response.head_sent) {
		u->phase = PHASE_DONE;
		request_abort(r, why);
		return;
	}
	if (may_repeat(u, kind, sent)) {
		if (u->attempt)
			u->attempt->status = kind == FAILURE_TIMEOUT ? 504 : 502;
		start_attempt(u);
		return;
	}
	u->phase = PHASE_DONE;
	if (u->attempt)
		u->attempt->status = kind == FAILURE_TIMEOUT ? 504 : 502;
	request_fail(r, kind == FAILURE_TIMEOUT ? 504 : 502);
}

void
upstream_arm_timer(struct upstream_http *u)
{
	struct loop *loop = upstream_worker(u)->loop;

	if (!conn_out_empty(&u->uc->conn)) {
		/* Once it is sent, upstream_writable arms for what comes then. */
		conn_want_drain(&u->uc->conn);
		u->sent_before = u->uc->conn.bytes_out;
		timer_set(loop, &u->timer, u->settings->send_timeout_ms);
	} else if (u->pending.n > 0 || (!u->request_done && u->phase == PHASE_HEAD)) {
		timer_clear(&u->timer); /* the client is who keeps us waiting */
	} else {
		timer_set(loop, &u->timer, u->settings->read_timeout_ms);
	}
}

static void
on_expire(struct timer *t)
{
	struct upstream_http *u =
	    (struct upstream_http *)((char *)t - offsetof(struct upstream_http, timer));
	const struct conn *c = &u->uc->conn;

	/* A peer that takes something now and then is slow, not gone. */
	if (!conn_out_empty(c) && c->bytes_out != u->sent_before)
		upstream_arm_timer(u);
	else
		upstream_attempt_failed(u, FAILURE_TIMEOUT, "upstream timed out", ETIMEDOUT);
}

/* Chunk-code one run of the request's body. False: the socket has to drain first. */
static bool
send_request_chunk(struct upstream_http *u, struct span bytes, size_t *used)
{
	struct conn *c = &u->uc->conn;
	char *size;
	int n;

	if (c->out_bytes >= REQUEST_QUEUE_MAX) {
		conn_want_drain(c);
		return false;
	}
	if (bytes.n > REQUEST_QUEUE_MAX)
		bytes.n = REQUEST_QUEUE_MAX;
	size = conn_queue_reserve(c, 20);
	n = snprintf(size, 20, "%zx\r\n", bytes.n);
	conn_queue_commit(c, (size_t)n);
	conn_queue(c, bytes);
	conn_queue(c, SPAN("\r\n"));
	*used = bytes.n;
	return true;
}

/* Move what the client has sent of its body to the upstream, as far as both allow. */
static void
pump_request(struct upstream_http *u)
{
	struct request *r = u->r;
	struct conn *c = &u->uc->conn;
	size_t moved = 0;

	while (!u->request_done && !c->failed) {
		struct span bytes;
		size_t used = 0;

		switch (request_body_peek(r, &bytes)) {
		case BODY_WAIT:
			upstream_arm_timer(u);
			return;
		case BODY_FAILED:
			return; /* the codec ends the request */
		case BODY_END:
			if (r->body_framing == BODY_CHUNKED)
				conn_queue(c, SPAN("0\r\n\r\n"));
			u->request_done = true;
			break;
		case BODY_DATA:
			u->request_body_used = true;
			if (r->body_framing == BODY_CHUNKED) {
				if (!send_request_chunk(u, bytes, &used))
					used = 0;
			} else {
				used = conn_write(c, bytes);
			}
			request_body_consume(r, used);
			if (used == 0 || (r->body_framing != BODY_CHUNKED && used < bytes.n)) {
				upstream_arm_timer(u);
				return;
			}
			moved += used;
			if (moved >= (size_t)UPSTREAM_BUFFERS_AT_ONCE * BUFPOOL_LARGE) {
				loop_defer(upstream_worker(u)->loop, &u->more);
				upstream_arm_timer(u);
				return;
			}
			break;
		}
	}
	upstream_arm_timer(u);
}

static void
run_more(struct deferred *d)
{
	struct upstream_http *u =
	    (struct upstream_http *)((char *)d - offsetof(struct upstream_http, more));

	if (!u->request_done)
		pump_request(u);
	if (u->phase == PHASE_BODY && u->pending.n == 0)
		upstream_pump_body(u);
}

static void
begin_request(struct upstream_http *u)
{
	u->phase = PHASE_HEAD;
	u->attempt->connect_ms = u->reused ? 0 : upstream_attempt_age(u);
	u->uc->requests++;
	upstream_message_request(u->r, &u->uc->conn);
	pump_request(u);
}

static void
upstream_readable(struct conn *c)
{
	struct upstream_http *u = c->owner;

	if (u->phase == PHASE_CONNECT || u->pending.n > 0)
		return;
	upstream_pump_response(u);
}

static void
upstream_writable(struct conn *c)
{
	struct upstream_http *u = c->owner;

	if (u->phase == PHASE_CONNECT)
		begin_request(u);
	else
		pump_request(u);
}

static void
upstream_error(struct conn *c)
{
	struct upstream_http *u = c->owner;

	upstream_attempt_failed(u, FAILURE_ERROR, c->reason, c->saved_errno);
}

static const struct conn_ops upstream_ops = {
	.on_readable = upstream_readable,
	.on_writable = upstream_writable,
	.on_error = upstream_error,
};

static void
note_attempt(struct upstream_http *u, const struct peer *p)
{
	struct request *r = u->r;
	struct upstream_attempt *a = arena_zalloc(r->arena, sizeof(*a));

	a->address = arena_dup(r->arena, p ? p->address.text : upstream_group_name(u->group));
	a->connect_ms = a->header_ms = -1;
	if (r->upstream->last)
		r->upstream->last->next = a;
	else
		r->upstream->first = a;
	r->upstream->last = a;
	u->attempt = a;
	u->attempt_started_ms = loop_now_ms(upstream_worker(u)->loop);
	upstream_message_trace(r, p ? p->address.text : upstream_group_name(u->group));
}

/* At once, that is. Who is to blame: the peer, or we who ran out of descriptors or memory? */
static void
connect_failed(struct upstream_http *u, struct peer *p, int errnum)
{
	if (errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM) {
		request_log(u->r, LOG_LEVEL_CRIT, "socket() failed (%d: %s) while %s", errnum,
		    strerrordesc_np(errnum), doing(u));
		u->phase = PHASE_DONE;
		request_fail(u->r, 500);
		return;
	}
	balance_report(p, false, loop_now_ms(upstream_worker(u)->loop));
	upstream_attempt_failed(u, FAILURE_ERROR, "connect() failed", errnum);
}

/* Next peer, next connection; ends in a request under way or an error page. */
static void
start_attempt(struct upstream_http *u)
{
	struct worker *w = upstream_worker(u);
	struct peer *p = NULL;

	if (u->attempts++ < u->attempts_max)
		p = balance_pick(u->group, &u->tried, loop_now_ms(w->loop));
	if (!p) {
		bool timed_out = u->attempt && u->attempt->status == 504;

		if (!u->attempt) {
			note_attempt(u, NULL);
			u->attempt->status = 502;
			request_log(u->r, LOG_LEVEL_ERROR,
			    upstream_group_peer_count(u->group)
				? "no live upstreams while connecting to upstream"
				: "host not found in upstream");
		}
		u->phase = PHASE_DONE;
		request_fail(u->r, timed_out ? 504 : 502);
		return;
	}
	note_attempt(u, p);
	u->request_done = false;
	memset(&u->scan, 0, sizeof(u->scan));
	memset(&u->chunked, 0, sizeof(u->chunked));
	u->interims = 0;
	u->phase = PHASE_CONNECT;
	u->uc = u->want_fresh ? NULL : idle_pool_take(p, &upstream_ops, u);
	u->reused = u->uc != NULL;
	if (!u->uc)
		u->uc = upstream_connect(w, p, &upstream_ops, u);
	if (!u->uc) {
		connect_failed(u, p, errno);
		return;
	}
	u->uc->conn.read_after_write_error = 1;
	u->bytes_out_before = u->uc->conn.bytes_out;
	u->bytes_in_before = u->uc->conn.bytes_in;
	if (u->uc->conn.connecting)
		timer_set(w->loop, &u->timer, u->settings->connect_timeout_ms);
	else
		begin_request(u);
}

static void
handler_start(struct request *r)
{
	struct upstream_http *u = arena_zalloc(r->arena, sizeof(*u));

	r->handler_state = u;
	r->upstream = arena_zalloc(r->arena, sizeof(*r->upstream));
	r->upstream->host_header = r->location->proxy->host_header;
	r->upstream->port = r->location->proxy->port;
	u->r = r;
	u->settings = &r->settings->proxy;
	u->timer.on_expire = on_expire;
	u->more.run = run_more;
	u->group = upstream_groups_get(r->generation->upstreams, r->location->proxy->upstream);
	if (u->settings->http_1_0 && r->body_framing == BODY_CHUNKED) {
		request_log(r, LOG_LEVEL_ERROR,
		    "a body of unknown length cannot go to an HTTP/1.0 upstream");
		u->phase = PHASE_DONE;
		request_fail(r, 411);
		return;
	}
	u->attempts_max = upstream_group_peer_count(u->group);
	start_attempt(u);
}

static void
handler_body(struct request *r)
{
	struct upstream_http *u = r->handler_state;

	if (u->uc && u->phase != PHASE_CONNECT && !u->request_done)
		pump_request(u);
}

static void
handler_writable(struct request *r)
{
	struct upstream_http *u = r->handler_state;

	if (u->uc && u->phase == PHASE_BODY)
		upstream_pump_body(u);
}

static void
handler_release(struct request *r)
{
	struct upstream_http *u = r->handler_state;

	u->phase = PHASE_DONE;
	upstream_end_attempt(u, false);
}

const struct handler upstream_http_handler = {
	.name = "proxy",
	.start = handler_start,
	.on_body = handler_body,
	.on_writable = handler_writable,
	.release = handler_release,
};
