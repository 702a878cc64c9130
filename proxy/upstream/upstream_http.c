/* SPDX-License-Identifier: ISC */
/*
 * upstream_http: one request's way to an upstream and back; see upstream_http.h.
 *
 * The three ways out of an attempt are attempt_failed (another peer, or an error page), response_finished
 * (connection kept or closed) and release (the client is gone). Each lets go of the connection.
 */
#include "proxy/upstream/upstream_http.h"

#include "base/mem.h"
#include "proxy/upstream/upstream_message.h"
#include "proxy/worker/worker_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Interim responses a peer may send before the real one. */
#define INTERIM_MAX 16
/* Chunk-coded request bytes waiting for the socket before the client is asked for no more. */
#define REQUEST_QUEUE_MAX 16384

enum phase { PHASE_CONNECT, PHASE_HEAD, PHASE_BODY, PHASE_DONE };
enum failure { FAILURE_ERROR, FAILURE_TIMEOUT, FAILURE_INVALID };

struct upstream_http {
	struct request *r;
	const struct proxy_settings *settings;
	struct upstream_group *group;
	struct peer_set tried;
	struct upstream_conn *uc;
	enum phase phase;
	unsigned attempts, attempts_max;
	bool reused;     /* uc served others before: its end may have been on its way already */
	bool want_fresh; /* one stale connection was enough */
	bool request_body_used; /* bytes were taken from the client: cannot be sent again */
	bool request_done;      /* head and body are queued whole */
	uint64_t bytes_out_before, bytes_in_before; /* on uc when this attempt began */
	struct timer timer;
	struct upstream_attempt *attempt;
	int64_t attempt_started_ms;

	struct chunk *in;    /* what was read and not used yet */
	struct span pending; /* decoded body in `in` that the client did not take yet */
	struct http1_head_scan scan;
	unsigned interims;
	bool peer_keeps; /* the peer will take another request on this connection */
	enum body_framing framing;
	uint64_t left; /* BODY_LENGTH */
	struct http1_chunked chunked;
};

static void start_attempt(struct upstream_http *u);
static void pump_response(struct upstream_http *u);

static struct worker *
worker_of(const struct upstream_http *u)
{
	return u->r->client->worker;
}

static int64_t
attempt_age(const struct upstream_http *u)
{
	return loop_now_ms(worker_of(u)->loop) - u->attempt_started_ms;
}

static void
drop_input(struct upstream_http *u)
{
	bufpool_return(worker_of(u)->pool, u->in);
	u->in = NULL;
	u->pending = span_of(NULL, 0);
}

/* Note what the attempt cost and give its connection back to the pool (keep) or up. */
static void
end_attempt(struct upstream_http *u, bool keep)
{
	struct upstream_conn *uc = u->uc;

	timer_clear(&u->timer);
	if (u->attempt) {
		u->attempt->response_ms = attempt_age(u);
		if (uc) {
			u->attempt->bytes_sent = uc->conn.bytes_out - u->bytes_out_before;
			u->attempt->bytes_received = uc->conn.bytes_in - u->bytes_in_before;
		}
	}
	drop_input(u);
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

static void
attempt_failed(struct upstream_http *u, enum failure kind, const char *why, int errnum)
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
		balance_report(u->uc->peer, false, loop_now_ms(worker_of(u)->loop));
	}
	end_attempt(u, false);
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

/* What we wait for decides how long. */
static void
arm_timer(struct upstream_http *u)
{
	struct loop *loop = worker_of(u)->loop;

	if (!conn_out_empty(&u->uc->conn))
		timer_set(loop, &u->timer, u->settings->send_timeout_ms);
	else if (u->pending.n > 0 || (!u->request_done && u->phase == PHASE_HEAD))
		timer_clear(&u->timer); /* the client is who keeps us waiting */
	else
		timer_set(loop, &u->timer, u->settings->read_timeout_ms);
}

static void
on_expire(struct timer *t)
{
	struct upstream_http *u =
	    (struct upstream_http *)((char *)t - offsetof(struct upstream_http, timer));

	attempt_failed(u, FAILURE_TIMEOUT, "upstream timed out", ETIMEDOUT);
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

	while (!u->request_done && !c->failed) {
		struct span bytes;
		size_t used = 0;

		switch (request_body_peek(r, &bytes)) {
		case BODY_WAIT:
			arm_timer(u);
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
				arm_timer(u);
				return;
			}
			break;
		}
	}
	arm_timer(u);
}

static void
response_finished(struct upstream_http *u)
{
	struct request *r = u->r;
	bool keep = u->peer_keeps && u->request_done && (!u->in || chunk_filled(u->in) == 0) &&
		    u->framing != BODY_UNTIL_CLOSE;

	balance_report(u->uc->peer, true, loop_now_ms(worker_of(u)->loop));
	end_attempt(u, keep);
	u->phase = PHASE_DONE;
	request_send_end(r);
}

/*
 * The next run of body bytes out of what was read: 1 pending has some, 0 more must be read, -1 the framing is
 * broken. Sets *end at the body's end.
 */
static int
decode_body(struct upstream_http *u, bool *end)
{
	struct span have = span_of(u->in->data + u->in->start, chunk_filled(u->in));
	const char *why = NULL;
	size_t used = 0;

	switch (u->framing) {
	case BODY_NONE:
		*end = true;
		return 0;
	case BODY_LENGTH:
		if (have.n > u->left)
			have.n = u->left;
		u->left -= have.n;
		u->in->start += (unsigned)have.n;
		u->pending = have;
		*end = u->left == 0;
		return have.n > 0;
	case BODY_UNTIL_CLOSE:
		u->in->start += (unsigned)have.n;
		u->pending = have;
		return have.n > 0;
	case BODY_CHUNKED:
		break;
	}
	switch (http1_chunked_read(&u->chunked, have, &used, &u->pending, NULL, &why)) {
	case PARSE_OK:
		*end = true;
		break;
	case PARSE_MORE:
		break;
	case PARSE_BAD:
		u->pending.n = 0;
		attempt_failed(u, FAILURE_INVALID, "upstream sent invalid chunked response", 0);
		return -1;
	}
	u->in->start += (unsigned)used;
	return u->pending.n > 0 || used > 0;
}

/* 1 read some, 0 nothing now, -1 the response is over, one way or the other. */
static int
read_more(struct upstream_http *u, size_t limit)
{
	struct worker *w = worker_of(u);
	struct conn *c = &u->uc->conn;
	ssize_t n;

	if (!u->in)
		u->in = bufpool_borrow(w->pool, BUFPOOL_LARGE);
	if (chunk_filled(u->in) == 0)
		u->in->start = u->in->end = 0;
	if (limit > chunk_room(u->in))
		limit = chunk_room(u->in);
	n = conn_read(c, u->in->data + u->in->end, limit);
	if (n > 0) {
		u->in->end += (unsigned)n;
		return 1;
	}
	if (n == CONN_AGAIN)
		return 0;
	if (n == CONN_ERROR) {
		attempt_failed(u, FAILURE_ERROR, c->reason, c->saved_errno);
	} else if (u->phase == PHASE_BODY && u->framing == BODY_UNTIL_CLOSE) {
		response_finished(u);
	} else {
		attempt_failed(u, FAILURE_ERROR, "upstream prematurely closed connection", 0);
	}
	return -1;
}

static void
pump_body(struct upstream_http *u)
{
	bool end = u->framing == BODY_NONE || (u->framing == BODY_LENGTH && u->left == 0);

	for (;;) {
		if (u->pending.n > 0) {
			size_t taken = request_send_body(u->r, u->pending);

			if (u->phase == PHASE_DONE)
				return;
			u->attempt->response_length += taken;
			u->pending = span_after(u->pending, taken);
			if (u->pending.n > 0)
				break; /* on_writable goes on */
		}
		if (end) {
			response_finished(u);
			return;
		}
		if (u->in && chunk_filled(u->in) > 0) {
			int r = decode_body(u, &end);

			if (r < 0)
				return;
			if (r > 0 || end)
				continue;
		}
		if (!conn_may_read(&u->uc->conn)) {
			if (!u->in || chunk_filled(u->in) == 0)
				drop_input(u);
			break;
		}
		switch (read_more(u, BUFPOOL_LARGE)) {
		case -1:
			return;
		case 0:
			if (chunk_filled(u->in) == 0)
				drop_input(u);
			arm_timer(u);
			return;
		}
	}
	arm_timer(u);
}

/* The head is whole: hand it to the client. False: it was refused. */
static bool
take_head(struct upstream_http *u, size_t length)
{
	struct request *r = u->r;
	struct http1_response_head *head = arena_zalloc(r->arena, sizeof(*head));
	struct span bytes = arena_dup(r->arena, span_of(u->in->data + u->in->start, length));
	const char *why = "malformed header";

	u->in->start += (unsigned)length;
	memset(&u->scan, 0, sizeof(u->scan));
	if (http1_parse_response(bytes, r->arena, head, &why) != PARSE_OK) {
		request_log(r, LOG_LEVEL_ERROR, "upstream sent invalid header: %s", why);
		attempt_failed(u, FAILURE_INVALID, "upstream sent invalid header", 0);
		return false;
	}
	if (head->status < 200 && head->status != 101) {
		if (++u->interims > INTERIM_MAX) {
			attempt_failed(u, FAILURE_INVALID,
			    "upstream sent too many interim responses", 0);
			return false;
		}
		return true;
	}
	if (head->status == 101) {
		attempt_failed(u, FAILURE_INVALID, "upstream switched protocols unasked", 0);
		return false;
	}
	u->attempt->status = head->status;
	u->attempt->header_ms = attempt_age(u);
	u->framing = http1_response_body(head, r->method);
	u->left = u->framing == BODY_LENGTH ? head->content_length : 0;
	u->peer_keeps = head->keep_alive;
	u->phase = PHASE_BODY;
	upstream_message_response(r, head);
	request_send_head(r);
	return true;
}

static void
pump_head(struct upstream_http *u)
{
	size_t limit = u->settings->buffer_size;

	while (u->phase == PHASE_HEAD) {
		struct span have = u->in ? span_of(u->in->data + u->in->start, chunk_filled(u->in))
					 : span_of(NULL, 0);
		const char *why = "";
		size_t length = 0;

		switch (http1_head_end(&u->scan, have, &length, &why)) {
		case PARSE_OK:
			if (!take_head(u, length))
				return;
			continue;
		case PARSE_BAD:
			request_log(u->r, LOG_LEVEL_ERROR, "upstream sent invalid header: %s", why);
			attempt_failed(u, FAILURE_INVALID, "upstream sent invalid header", 0);
			return;
		case PARSE_MORE:
			break;
		}
		if (have.n >= limit) {
			attempt_failed(u, FAILURE_INVALID, "upstream sent too big header", 0);
			return;
		}
		if (!conn_may_read(&u->uc->conn)) {
			arm_timer(u);
			return;
		}
		if (!u->in)
			u->in = bufpool_borrow(worker_of(u)->pool,
			    limit > BUFPOOL_LARGE ? limit : BUFPOOL_LARGE);
		if (u->in->start > 0) {
			memmove(u->in->data, have.p, have.n);
			u->in->start = 0;
			u->in->end = (unsigned)have.n;
		}
		switch (read_more(u, chunk_room(u->in))) {
		case -1:
			return;
		case 0:
			if (chunk_filled(u->in) == 0)
				drop_input(u);
			arm_timer(u);
			return;
		}
	}
}

static void
pump_response(struct upstream_http *u)
{
	if (u->phase == PHASE_HEAD)
		pump_head(u);
	if (u->phase == PHASE_BODY && u->uc)
		pump_body(u);
}

static void
begin_request(struct upstream_http *u)
{
	u->phase = PHASE_HEAD;
	u->attempt->connect_ms = u->reused ? 0 : attempt_age(u);
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
	pump_response(u);
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

	attempt_failed(u, FAILURE_ERROR, c->reason, c->saved_errno);
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
	u->attempt_started_ms = loop_now_ms(worker_of(u)->loop);
	upstream_message_trace(r, p ? p->address.text : upstream_group_name(u->group));
}

/* Next peer, next connection; ends in a request under way or an error page. */
static void
start_attempt(struct upstream_http *u)
{
	struct worker *w = worker_of(u);
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
		balance_report(p, false, loop_now_ms(w->loop));
		attempt_failed(u, FAILURE_ERROR, "connect() failed", errno);
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
	u->group = upstream_groups_get(r->generation->upstreams, r->location->proxy->upstream);
	if (u->settings->http_1_0 && r->body_framing == BODY_CHUNKED) {
		request_log(r, LOG_LEVEL_ERROR,
		    "a body of unknown length cannot go to an HTTP/1.0 upstream");
		u->phase = PHASE_DONE;
		request_fail(r, 411);
		return;
	}
	u->attempts_max = upstream_group_peer_count(u->group);
	u->timer.on_expire = on_expire;
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
		pump_body(u);
}

static void
handler_release(struct request *r)
{
	struct upstream_http *u = r->handler_state;

	u->phase = PHASE_DONE;
	end_attempt(u, false);
}

const struct handler upstream_http_handler = {
	.name = "proxy",
	.start = handler_start,
	.on_body = handler_body,
	.on_writable = handler_writable,
	.release = handler_release,
};
