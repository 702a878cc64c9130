/* SPDX-License-Identifier: ISC */
/* tunnel: see tunnel.h. */
#include "proxy/upstream/tunnel.h"

#include "proxy/upstream/orphan.h"

#include <errno.h>
#include <string.h>

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Idle time when the configuration names none; proxy_read_timeout, which nginx goes by, may make it longer. */
#define IDLE_MS (INT64_C(3600) * 1000)

struct tunnel {
	struct request *r;
	struct upstream_conn *uc; /* NULL: over */
	struct upstream_attempt *attempt;
	int64_t started_ms;
	uint64_t bytes_in_before, bytes_out_before;
	struct chunk *in;    /* from the upstream, not taken by the client yet */
	bool client_ended;   /* and the upstream was told */
	bool upstream_ended; /* and the client was told */
	struct timer idle;
	struct timer send; /* that the upstream takes what waits for it */
	uint64_t sent_before;
	struct deferred more; /* another share of work, when others had theirs */
};

static struct worker *
worker_of(const struct tunnel *t)
{
	return t->r->client->worker;
}

static void
drop_input(struct tunnel *t)
{
	bufpool_return(worker_of(t)->pool, t->in);
	t->in = NULL;
}

static void
note_cost(struct tunnel *t)
{
	const struct conn *c = &t->uc->conn;

	t->attempt->response_ms = loop_now_ms(worker_of(t)->loop) - t->started_ms;
	t->attempt->bytes_sent = c->bytes_out - t->bytes_out_before;
	t->attempt->bytes_received = c->bytes_in - t->bytes_in_before;
}

static void
drop_upstream(struct tunnel *t)
{
	struct upstream_conn *uc = t->uc;

	timer_clear(&t->idle);
	timer_clear(&t->send);
	loop_undefer(worker_of(t)->loop, &t->more);
	drop_input(t);
	if (!uc)
		return;
	note_cost(t);
	t->uc = NULL;
	upstream_conn_close(uc);
}

/* The client gets what is queued for it, then the end. */
static void
end(struct tunnel *t)
{
	drop_upstream(t);
	request_send_end(t->r);
}

/* The same, and the client can tell that it was no orderly end. */
static void
cut(struct tunnel *t)
{
	drop_upstream(t);
	request_send_cut(t->r);
}

/* Something has moved: start the idle time anew. */
static void
note_activity(struct tunnel *t)
{
	const struct proxy_settings *p = &t->r->settings->proxy;
	int64_t ms = p->tunnel_timeout_ms;

	if (!ms)
		ms = p->read_timeout_ms > IDLE_MS ? p->read_timeout_ms : IDLE_MS;
	if ((t->client_ended || t->upstream_ended) && ms > p->read_timeout_ms)
		ms = p->read_timeout_ms;
	timer_set(worker_of(t)->loop, &t->idle, ms);
}

static void
on_idle(struct timer *timer)
{
	struct tunnel *t = from_member(timer, struct tunnel, idle);

	request_log(t->r, LOG_LEVEL_INFO, "upgraded connection timed out: nothing was sent on it");
	end(t);
}

/* Wait for the upstream to take what is queued for it. */
static void
wait_for_upstream(struct tunnel *t)
{
	t->sent_before = t->uc->conn.bytes_out;
	timer_set(worker_of(t)->loop, &t->send, t->r->settings->proxy.send_timeout_ms);
	conn_want_drain(&t->uc->conn);
}

/* A peer that takes something now and then is slow, not gone. */
static void
on_send_expired(struct timer *timer)
{
	struct tunnel *t = from_member(timer, struct tunnel, send);

	if (t->uc->conn.bytes_out != t->sent_before) {
		wait_for_upstream(t);
		return;
	}
	request_log(t->r, LOG_LEVEL_ERROR,
	    "upstream timed out (%d: %s) while proxying upgraded connection", ETIMEDOUT,
	    strerrordesc_np(ETIMEDOUT));
	end(t);
}

/* Both ways are over, and the upstream has all the client said? */
static bool
end_if_over(struct tunnel *t)
{
	const struct conn *c = &t->uc->conn;

	if (!t->upstream_ended || !(c->write_failed || (t->client_ended && c->shut_done)))
		return false;
	end(t);
	return true;
}

/* Both shares of work are bounded: false when this one is used up. */
static bool
has_share(struct tunnel *t, size_t moved)
{
	if (moved < (size_t)UPSTREAM_BUFFERS_AT_ONCE * BUFPOOL_LARGE)
		return true;
	loop_defer(worker_of(t)->loop, &t->more);
	return false;
}

/* From the client to the upstream, as far as both allow. */
static void
pump_up(struct tunnel *t)
{
	struct conn *c = &t->uc->conn;
	struct span bytes;
	size_t moved = 0, used;

	while (!t->client_ended && has_share(t, moved)) {
		switch (request_body_peek(t->r, &bytes)) {
		case BODY_WAIT:
		case BODY_FAILED: /* the codec ends the request */
			return;
		case BODY_END:
			t->client_ended = true;
			note_activity(t);
			conn_shutdown_write(c);
			wait_for_upstream(t);
			return;
		case BODY_DATA:
			break;
		}
		note_activity(t);
		used = conn_write(c, bytes);
		request_body_consume(t->r, used);
		if (used < bytes.n) {
			wait_for_upstream(t);
			return;
		}
		moved += used;
	}
}

/* 1 there are bytes in t->in, 0 none now, -1 the end, however it came. */
static int
read_upstream(struct tunnel *t)
{
	struct conn *c = &t->uc->conn;
	ssize_t n = CONN_AGAIN;

	if (t->in && chunk_filled(t->in) > 0)
		return 1;
	if (conn_may_read(c)) {
		if (!t->in)
			t->in = bufpool_borrow(worker_of(t)->pool, BUFPOOL_LARGE);
		t->in->start = t->in->end = 0;
		n = conn_read(c, t->in->data, t->in->size);
	}
	if (n > 0) {
		t->in->end = (unsigned)n;
		note_activity(t);
		return 1;
	}
	drop_input(t);
	if (n == CONN_AGAIN)
		return 0;
	if (n == CONN_ERROR)
		request_log(t->r, LOG_LEVEL_ERROR, "%s (%d: %s) while proxying upgraded connection",
		    c->reason, c->saved_errno, strerrordesc_np(c->saved_errno));
	return -1;
}

/* The upstream says no more. */
static void
take_end(struct tunnel *t)
{
	t->upstream_ended = true;
	if (t->uc->conn.failed) {
		cut(t);
		return;
	}
	if (end_if_over(t))
		return;
	note_activity(t);
	request_send_eof(t->r);
}

/* From the upstream to the client, as far as both allow. */
static void
pump_down(struct tunnel *t)
{
	size_t moved = 0, taken;

	while (!t->upstream_ended && has_share(t, moved)) {
		int r = read_upstream(t);

		if (r < 0)
			take_end(t);
		if (r <= 0)
			return;
		taken = request_send_body(t->r,
		    span_of(t->in->data + t->in->start, chunk_filled(t->in)));
		t->in->start += (unsigned)taken;
		t->attempt->response_length += taken;
		if (chunk_filled(t->in) > 0)
			return; /* on_writable goes on */
		moved += taken;
	}
}

static void
run_more(struct deferred *d)
{
	struct tunnel *t = from_member(d, struct tunnel, more);

	pump_up(t);
	if (t->uc)
		pump_down(t);
}

/* ---- the upstream's connection ---------------------------------------------------------------- */

static void
upstream_readable(struct conn *c)
{
	/* Its end may have come first, and then that it takes no more either. */
	if (!end_if_over(c->owner))
		pump_down(c->owner);
}

static void
upstream_writable(struct conn *c)
{
	struct tunnel *t = c->owner;

	timer_clear(&t->send);
	if (!end_if_over(t))
		pump_up(t);
}

static void
upstream_error(struct conn *c)
{
	struct tunnel *t = c->owner;

	if (t->upstream_ended) {
		end(t);
		return;
	}
	request_log(t->r, LOG_LEVEL_ERROR, "%s (%d: %s) while proxying upgraded connection",
	    c->reason, c->saved_errno, strerrordesc_np(c->saved_errno));
	cut(t);
}

static const struct conn_ops upstream_ops = {
	.on_readable = upstream_readable,
	.on_writable = upstream_writable,
	.on_error = upstream_error,
};

/* ---- the client's --------------------------------------------------------------------------------- */

static void
client_readable(struct request *r)
{
	struct tunnel *t = r->handler_state;

	if (t->uc)
		pump_up(t);
}

static void
client_writable(struct request *r)
{
	struct tunnel *t = r->handler_state;

	if (t->uc)
		pump_down(t);
}

/* The client's end, which came in order, waits for an upstream that is slow to take what is before it. */
static bool
has_rest(struct tunnel *t)
{
	struct conn *c = &t->uc->conn;
	struct span bytes;
	enum body_state state = BODY_END;

	/* What is in a socket has no bounds, and no known end. */
	if (!t->client_ended && t->r->http_major < 2)
		return false;
	while (!t->client_ended && (state = request_body_peek(t->r, &bytes)) == BODY_DATA) {
		conn_queue(c, bytes);
		request_body_consume(t->r, bytes.n);
	}
	if (state == BODY_END)
		conn_shutdown_write(c);
	return state == BODY_END && !conn_out_empty(c);
}

/* The client is gone. */
static void
release(struct request *r)
{
	struct tunnel *t = r->handler_state;
	struct upstream_conn *uc = t->uc;

	if (uc && !uc->conn.failed && !uc->conn.write_failed && has_rest(t)) {
		note_cost(t);
		t->uc = NULL;
		orphan_start_take(uc, r->settings->proxy.send_timeout_ms);
	}
	drop_upstream(t);
}

static const struct handler tunnel_handler = {
	.name = "tunnel",
	.on_body = client_readable,
	.on_writable = client_writable,
	.release = release,
};

void
tunnel_start(struct upstream_http *u)
{
	struct request *r = u->r;
	struct tunnel *t = arena_zalloc(r->arena, sizeof(*t));

	t->r = r;
	t->attempt = u->attempt;
	t->started_ms = u->attempt_started_ms;
	t->bytes_in_before = u->bytes_in_before;
	t->bytes_out_before = u->bytes_out_before;
	t->idle.on_expire = on_idle;
	t->send.on_expire = on_send_expired;
	t->more.run = run_more;
	t->uc = u->uc;
	u->uc = NULL;
	t->in = u->in;
	u->in = NULL;
	t->uc->conn.ops = &upstream_ops;
	t->uc->conn.owner = t;
	u->attempt = NULL;
	u->phase = PHASE_DONE;
	r->handler->release(r);
	r->handler = &tunnel_handler;
	r->handler_state = t;
	request_begin_tunnel(r);
	note_activity(t);
	/* Either side may have been early: no event will tell of what was read along with the heads. */
	loop_defer(worker_of(t)->loop, &t->more);
}
