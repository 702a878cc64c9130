/* SPDX-License-Identifier: ISC */
/*
 * upstream_request: the request on its way to the upstream: what it says, and its body.
 *
 * The body is one of three: proxy_set_body's, what was read whole before (both can be sent again), or
 * the client's as it comes.
 */
#include "proxy/http/body_buffer.h"
#include "proxy/http/http1_put.h"
#include "proxy/upstream/upstream_exchange.h"

#include <errno.h>

/* Chunk-coded request bytes waiting for the socket before the client is asked for no more. */
#define REQUEST_QUEUE_MAX 16384

/* A method of variables must be a word: anything else would be another request. */
static bool
is_word(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f)
			return false;
	}
	return s.n > 0;
}

/*
 * A field behind the body that counts before it: what the configuration says of the client must not be said again by the
 * client, where a backend may read both alike.
 */
static bool
counts_in_head(const struct upstream_http *u, struct span name)
{
	static const struct span names[] = { SPAN_INIT("Forwarded"), SPAN_INIT("X-Real-IP"),
		SPAN_INIT("Authorization"), SPAN_INIT("Cookie") };

	for (const struct header_field *f = u->settings->set_headers; f; f = f->next) {
		if (span_eq_nocase(f->name, name))
			return true;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_eq_nocase(names[i], name))
			return true;
	}
	return name.n >= 12 && span_eq_nocase(span_of(name.p, 12), SPAN("X-Forwarded-"));
}

static bool
has_trailer(const struct upstream_http *u)
{
	const struct header_list *trailers = &u->r->trailers;

	for (unsigned i = 0; i < trailers->count; i++) {
		if (!counts_in_head(u, trailers->rows[i].name))
			return true;
	}
	return false;
}

static void
choose_body(struct upstream_http *u)
{
	struct request *r = u->r;

	u->request.framing = r->body_framing;
	u->request.content_length = r->content_length;
	if (u->settings->body) {
		u->own_body = template_eval(u->settings->body, r, r->arena);
		u->has_own_body = true;
		u->request.framing = BODY_LENGTH;
		u->request.content_length = u->own_body.n;
	} else if (r->body_dropped) {
		u->has_own_body = true;
	} else if (!u->settings->pass_request_body) {
		u->has_own_body = true;
		u->request.framing = BODY_NONE;
	} else if (r->body_buffer && has_trailer(u) && !u->settings->http_1_0) {
		/* Only chunks have room for fields behind them. */
		u->request.framing = BODY_CHUNKED;
	} else if (r->body_buffer && r->body_framing != BODY_NONE) {
		u->request.framing = BODY_LENGTH;
		u->request.content_length = body_buffer_size(r->body_buffer);
	}
}

int
upstream_request_prepare(struct upstream_http *u)
{
	struct request *r = u->r;

	u->request.uri = u->target.uri;
	u->request.host_header = u->target.host_header;
	u->request.method =
	    u->settings->method ? template_eval(u->settings->method, r, r->arena) : r->method;
	choose_body(u);
	if (is_word(u->request.method))
		return 0;
	request_log(r, LOG_LEVEL_ERROR, "invalid method in \"proxy_method\"");
	return -1;
}

/* The next bytes of the body, whichever it is. */
static enum body_state
peek(struct upstream_http *u, struct span *bytes)
{
	struct request *r = u->r;

	if (!u->has_own_body && !r->body_buffer)
		return request_body_peek(r, bytes);
	*bytes = span_of(NULL, 0);
	if (u->has_own_body) {
		*bytes = span_after(u->own_body, (size_t)u->body_offset);
	} else if (body_buffer_read(r->body_buffer, u->body_offset, bytes) < 0) {
		request_log(r, LOG_LEVEL_CRIT, "cannot read the buffered request body (%d: %s)",
		    errno, strerrordesc_np(errno));
		upstream_end_attempt(u, false);
		u->phase = PHASE_DONE;
		request_fail(r, 500);
		return BODY_FAILED;
	}
	return bytes->n > 0 ? BODY_DATA : BODY_END;
}

static void
consume(struct upstream_http *u, size_t n)
{
	if (u->has_own_body || u->r->body_buffer) {
		u->body_offset += n;
	} else {
		u->request_body_used = true;
		request_body_consume(u->r, n);
	}
}

/* Chunk-code one run of the body. 0: the socket has to drain first. */
static size_t
send_chunk(struct upstream_http *u, struct span bytes)
{
	struct conn *c = &u->uc->conn;
	char *start, *end;

	if (c->out_bytes >= REQUEST_QUEUE_MAX) {
		conn_want_drain(c);
		return 0;
	}
	if (bytes.n > REQUEST_QUEUE_MAX)
		bytes.n = REQUEST_QUEUE_MAX;
	start = conn_queue_reserve(c, HTTP1_CHUNK_SIZE_MAX);
	end = http1_put_chunk_size(start, bytes.n);
	conn_queue_commit(c, (size_t)(end - start));
	conn_queue(c, bytes);
	conn_queue(c, SPAN("\r\n"));
	return bytes.n;
}

/* Move one run. True: there may be more to move now. */
static bool
send_run(struct upstream_http *u, struct span bytes, size_t *moved)
{
	bool chunked = u->request.framing == BODY_CHUNKED;
	size_t used = chunked ? send_chunk(u, bytes) : conn_write(&u->uc->conn, bytes);

	consume(u, used);
	*moved += used;
	if (used == 0 || (!chunked && used < bytes.n))
		return false;
	if (*moved < (size_t)UPSTREAM_BUFFERS_AT_ONCE * BUFPOOL_LARGE)
		return true;
	loop_defer(upstream_worker(u)->loop, &u->more);
	return false;
}

/* The last chunk and the client's trailer. */
static void
send_last_chunk(struct upstream_http *u)
{
	const struct header_list *trailers = &u->r->trailers;
	struct conn *c = &u->uc->conn;

	conn_queue(c, SPAN("0\r\n"));
	for (unsigned i = 0; i < trailers->count; i++) {
		if (counts_in_head(u, trailers->rows[i].name))
			continue;
		conn_queue(c, trailers->rows[i].name);
		conn_queue(c, SPAN(": "));
		conn_queue(c, trailers->rows[i].value);
		conn_queue(c, SPAN("\r\n"));
	}
	conn_queue(c, SPAN("\r\n"));
}

void
upstream_request_pump(struct upstream_http *u)
{
	struct conn *c = &u->uc->conn;
	size_t moved = 0;

	while (!u->request_done && !c->failed) {
		struct span bytes;

		switch (peek(u, &bytes)) {
		case BODY_WAIT:
			upstream_arm_timer(u);
			return;
		case BODY_FAILED:
			return; /* the request is being ended */
		case BODY_END:
			if (u->request.framing == BODY_CHUNKED)
				send_last_chunk(u);
			u->request_done = true;
			break;
		case BODY_DATA:
			if (!send_run(u, bytes, &moved)) {
				upstream_arm_timer(u);
				return;
			}
			break;
		}
	}
	upstream_arm_timer(u);
}

void
upstream_request_begin(struct upstream_http *u)
{
	u->phase = PHASE_HEAD;
	u->attempt->connect_ms = u->reused ? 0 : upstream_attempt_age(u);
	u->uc->requests++;
	upstream_message_request(u->r, &u->request, &u->uc->conn);
	upstream_request_pump(u);
}
