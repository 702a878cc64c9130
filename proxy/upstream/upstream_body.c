/* SPDX-License-Identifier: ISC */
/*
 * upstream_body: the body of the upstream's answer, decoded and passed on to the client.
 *
 *	read -> decode -> client, while it takes what it gets
 *	               -> spool, when it does not and buffering is on; then the spool comes first
 *
 * At most one buffer is read ahead of the spool or, without it, of the client. A body that ends before its framing
 * says so is a failed attempt, whatever was passed on by then.
 */
#include "proxy/upstream/upstream_exchange.h"

/* Trailer fields together. */
#define TRAILER_MAX 16384
/* Bytes that a client must have taken before memory is spent on doing it faster. */
#define BULK_AFTER (256 << 10)
/* A client that has not taken all of it by then is a slow one. */
#define SPOOL_PATIENCE_MS 50

/* Trailer fields of a chunked response go to the client's. */
static void
take_trailer(struct upstream_http *u)
{
	struct request *r = u->r;
	struct header_list *trailers;
	const char *why;

	if (u->trailer.len == 0)
		return;
	trailers = arena_zalloc(r->arena, sizeof(*trailers));
	header_list_init(trailers, r->arena);
	if (http1_parse_trailer(arena_dup(r->arena, buf_span(&u->trailer)), trailers, &why) !=
	    PARSE_OK)
		request_log(r, LOG_LEVEL_ERROR, "upstream sent invalid trailer: %s", why);
	r->upstream->trailers = trailers;
	upstream_message_trailers(r, trailers);
}

/* All of the response was read: the upstream is done with, the client maybe not. */
static void
response_read(struct upstream_http *u)
{
	bool keep = u->peer_keeps && u->request_done && (!u->in || chunk_filled(u->in) == 0) &&
		    u->framing != BODY_UNTIL_CLOSE;

	if (u->in && chunk_filled(u->in) > 0)
		request_log(u->r, LOG_LEVEL_WARN,
		    "upstream sent more data than %s while reading upstream",
		    u->framing == BODY_LENGTH ? "specified in \"Content-Length\" header"
					      : "its response has");
	take_trailer(u);
	balance_report(u->uc->peer, true, loop_now_ms(upstream_worker(u)->loop));
	upstream_end_attempt(u, keep);
	u->phase = PHASE_DRAIN;
	upstream_drain(u);
}

/*
 * The next run of body bytes out of what was read: 1 pending has some, or the end was met, 0 more must be read, -1
 * the framing is broken.
 */
static int
decode_body(struct upstream_http *u)
{
	struct span have = span_of(u->in->data + u->in->start, chunk_filled(u->in));
	const char *why = NULL;
	size_t used = 0;

	switch (u->framing) {
	case BODY_NONE:
		u->body_end = true;
		return 1;
	case BODY_LENGTH:
		if (have.n > u->left)
			have.n = u->left;
		u->left -= have.n;
		u->in->start += (unsigned)have.n;
		u->pending = have;
		u->body_end = u->left == 0;
		return have.n > 0;
	case BODY_UNTIL_CLOSE:
		u->in->start += (unsigned)have.n;
		u->pending = have;
		return have.n > 0;
	case BODY_CHUNKED:
		break;
	}
	if (!u->trailer.max)
		buf_init(&u->trailer, TRAILER_MAX);
	switch (http1_chunked_read(&u->chunked, have, &used, &u->pending, &u->trailer, &why)) {
	case PARSE_OK:
		u->body_end = true;
		break;
	case PARSE_MORE:
		break;
	case PARSE_BAD:
		u->pending.n = 0;
		upstream_attempt_failed(u, NEXT_INVALID_HEADER,
		    "upstream sent invalid chunked response", 0);
		return -1;
	}
	u->in->start += (unsigned)used;
	return u->pending.n > 0 || used > 0 || u->body_end;
}

int
upstream_read(struct upstream_http *u, size_t limit)
{
	struct worker *w = upstream_worker(u);
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
		upstream_attempt_failed(u, NEXT_ERROR, c->reason, c->saved_errno);
	} else if (u->phase == PHASE_BODY && u->framing == BODY_UNTIL_CLOSE) {
		response_read(u);
	} else {
		upstream_attempt_failed(u, NEXT_ERROR, "upstream prematurely closed connection", 0);
	}
	return -1;
}

/* Our own disk failed: the client must not take what it has for the whole. */
static void
give_up(struct upstream_http *u)
{
	if (u->uc)
		upstream_end_attempt(u, false);
	u->phase = PHASE_DONE;
	request_abort(u->r, "response could not be buffered");
}

/* proxy_busy_buffers_size: no more than that is handed to the client's connection at a time. */
static struct span
share(const struct upstream_http *u, struct span bytes)
{
	size_t most = u->settings->busy_size;

	if (u->buffering && most && bytes.n > most)
		bytes.n = most;
	return bytes;
}

/* Offer bytes; how many were taken. All of them: it may take more. */
static size_t
offer(struct upstream_http *u, struct span bytes)
{
	size_t taken = 0;

	while (taken < bytes.n) {
		struct span some = share(u, span_after(bytes, taken));
		size_t n = request_send_body(u->r, some);

		taken += n;
		if (n < some.n)
			break;
	}
	return taken;
}

/*
 * What is in the spool, as far as the client takes it. False: the exchange is over, or the client may take more yet. Until
 * it has had all, or is full again, nothing is read to go behind: else a spool that once began would never end.
 */
static bool
feed_from_spool(struct upstream_http *u)
{
	struct span bytes;
	size_t fed = 0;

	while (!response_spool_empty(&u->spool)) {
		size_t taken;

		if (fed >= (size_t)UPSTREAM_BUFFERS_AT_ONCE * BUFPOOL_LARGE) {
			loop_defer(upstream_worker(u)->loop, &u->more);
			return false;
		}
		if (response_spool_peek(&u->spool, &bytes) < 0) {
			give_up(u);
			return false;
		}
		taken = offer(u, bytes);
		if (u->phase == PHASE_DONE)
			return false;
		fed += taken;
		response_spool_consume(&u->spool, taken);
		if (taken < bytes.n)
			break; /* on_writable goes on */
	}
	return true;
}

void
upstream_drain(struct upstream_http *u)
{
	if (!feed_from_spool(u) || !response_spool_empty(&u->spool))
		return;
	u->phase = PHASE_DONE;
	request_send_end(u->r);
}

/*
 * Most clients are only busy for a moment with what they have got: to read on for them at once would send the whole
 * response through the spool and the disk.
 */
static bool
client_may_catch_up(struct upstream_http *u)
{
	struct loop *loop = upstream_worker(u)->loop;
	int64_t left_ms;

	if (u->full_since_ms == 0)
		u->full_since_ms = loop_now_ms(loop);
	left_ms = u->full_since_ms + SPOOL_PATIENCE_MS - loop_now_ms(loop);
	if (left_ms > 0)
		timer_set(loop, &u->pause, left_ms);
	return left_ms > 0;
}

/* Pending bytes go to the client or, behind others or when it takes no more, to the spool. False: no further now. */
static bool
move_pending(struct upstream_http *u)
{
	ssize_t kept;

	if (response_spool_empty(&u->spool)) {
		u->pending = span_after(u->pending, offer(u, u->pending));
		if (u->phase == PHASE_DONE)
			return false;
		if (u->pending.n == 0) {
			u->full_since_ms = 0;
			timer_clear(&u->pause);
			return true;
		}
		if (!u->buffering || client_may_catch_up(u))
			return false;
	}
	kept = response_spool_add(&u->spool, u->pending);
	if (kept < 0) {
		give_up(u);
		return false;
	}
	u->pending = span_after(u->pending, (size_t)kept);
	return u->pending.n == 0;
}

/* proxy_limit_rate: so much may have been read by now (nginx: counted in whole seconds). */
static bool
is_too_fast(struct upstream_http *u)
{
	uint64_t rate = u->settings->limit_rate, got, allowed;

	if (!rate || !u->buffering)
		return false;
	got = u->uc->conn.bytes_in - u->bytes_in_before;
	allowed = rate * (uint64_t)(upstream_attempt_age(u) / 1000 + 1);
	if (got < allowed)
		return false;
	timer_clear(&u->timer);
	timer_set(upstream_worker(u)->loop, &u->pause,
	    (int64_t)((got - allowed) * 1000 / rate) + 1);
	return true;
}

/* Larger runs once the client has shown that it takes much, and the upstream, by a full buffer, that it has more. */
static int
read_on(struct upstream_http *u)
{
	if (u->buffering && u->in && u->in->size == BUFPOOL_LARGE && chunk_room(u->in) == 0 &&
	    chunk_filled(u->in) == 0 && u->r->response.body_bytes >= BULK_AFTER) {
		u->flows = true;
		upstream_drop_input(u);
	}
	if (u->flows && !u->in)
		u->in = bufpool_borrow(upstream_worker(u)->pool, BUFPOOL_BULK);
	return upstream_read(u, BUFPOOL_BULK);
}

/* More from the upstream, until it has sent enough in all: 1 there is, 0 not now, -1 the response is over, one way or the other. */
static int
fetch(struct upstream_http *u, uint64_t enough)
{
	int got = 0;

	if (conn_may_read(&u->uc->conn)) {
		if (u->uc->conn.bytes_in >= enough)
			loop_defer(upstream_worker(u)->loop, &u->more);
		else if (is_too_fast(u))
			return 0;
		else
			got = read_on(u);
	}
	if (got == 0) {
		if (u->in && chunk_filled(u->in) == 0)
			upstream_drop_input(u);
		upstream_arm_timer(u);
	}
	return got;
}

void
upstream_pump_body(struct upstream_http *u)
{
	uint64_t enough = u->uc->conn.bytes_in + (uint64_t)UPSTREAM_BUFFERS_AT_ONCE * BUFPOOL_LARGE;

	if (u->framing == BODY_NONE || (u->framing == BODY_LENGTH && u->left == 0))
		u->body_end = true;
	if (!feed_from_spool(u))
		return;
	for (;;) {
		if (u->pending.n > 0 && !move_pending(u)) {
			if (u->phase == PHASE_BODY)
				upstream_arm_timer(u);
			return;
		}
		if (u->body_end) {
			response_read(u);
			return;
		}
		if (u->in && chunk_filled(u->in) > 0) {
			int r = decode_body(u);

			u->attempt->response_length += r > 0 ? u->pending.n : 0;
			if (r < 0)
				return;
			if (r > 0)
				continue;
		}
		if (fetch(u, enough) <= 0)
			return;
	}
}
