/* SPDX-License-Identifier: ISC */
/* http1_body: the body of the request being answered, pulled by its handler; see http1_conn.h. */
#include "base/buf.h"
#include "proxy/http/client_conn.h"
#include "proxy/worker/worker_state.h"

/* Bytes of a body to drop in one go, so that a fast sender does not hold up all others. */
#define DROPPED_AT_ONCE 65536
/* Trailer fields together. */
#define TRAILER_MAX 16384

static void
release_trailer(void *arg)
{
	buf_release(arg);
}

static struct http1_body *
body_new(struct request *r, const struct http1_request_head *head)
{
	struct http1_body *b;

	if (head->framing == BODY_NONE)
		return NULL;
	b = arena_zalloc(r->arena, sizeof(*b));
	if (head->framing == BODY_LENGTH) {
		b->left = head->content_length;
		return b;
	}
	buf_init(&b->trailer, TRAILER_MAX);
	arena_on_free(r->arena, release_trailer, &b->trailer);
	return b;
}

/* Its fields were checked as they came. */
static void
take_trailer(struct request *r, const struct buf *trailer)
{
	const char *why;

	if (trailer->len > 0)
		(void)!http1_parse_trailer(arena_dup(r->arena, buf_span(trailer)), &r->trailers,
		    &why);
}

void
http1_body_begin(struct client_conn *cc, const struct http1_request_head *head)
{
	struct http1 *h = &cc->http1;

	h->body = body_new(h->request, head);
	h->body_end = !h->body || (head->framing == BODY_LENGTH && h->body->left == 0);
	h->body_failed = h->body_wanted = false;
	h->body_status = 0;
	h->want_continue = head->expect_continue && !h->body_end;
}

/* status: what to answer; 0 = the client is gone. */
static enum body_state
body_fail(struct client_conn *cc, unsigned status)
{
	struct http1 *h = &cc->http1;

	h->body_failed = true;
	h->body_status = status;
	loop_defer(cc->client.worker->loop, &h->input_news);
	return BODY_FAILED;
}

/* Bytes out of what was read already. BODY_WAIT: none there. */
static enum body_state
body_at_hand(struct client_conn *cc, struct span *bytes)
{
	struct http1 *h = &cc->http1;
	struct http1_body *b = h->body;
	const char *why;

	for (;;) {
		struct span have = h->in ? span_of(h->in->data + h->in->start, chunk_filled(h->in))
					 : span_of(NULL, 0);
		size_t used = 0;

		if (b && b->run.n > 0) {
			*bytes = b->run;
			return BODY_DATA;
		}
		if (h->body_end)
			return BODY_END;
		if (have.n == 0)
			return BODY_WAIT;
		if (h->request->body_framing == BODY_LENGTH) {
			b->run = span_of(have.p, have.n < b->left ? have.n : b->left);
			h->in->start += (unsigned)b->run.n;
			b->left -= b->run.n;
			h->body_end = b->left == 0;
			continue;
		}
		switch (http1_chunked_read(&b->chunked, have, &used, &b->run, &b->trailer, &why)) {
		case PARSE_OK:
			h->body_end = true;
			take_trailer(h->request, &b->trailer);
			break;
		case PARSE_MORE:
			break;
		case PARSE_BAD:
			request_log(h->request, LOG_LEVEL_INFO,
			    "client sent invalid chunked body: %s", why);
			return body_fail(cc, 400);
		}
		h->in->start += (unsigned)used;
	}
}

enum body_state
http1_body_peek(struct request *r, struct span *bytes)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;
	struct bufpool *pool = r->client->worker->pool;
	ssize_t n;

	if (!h->ended)
		h->body_wanted = true;
	for (;;) {
		enum body_state state = h->body_failed ? BODY_FAILED : body_at_hand(cc, bytes);

		if (state != BODY_WAIT) {
			/* Now it is not the client who keeps us waiting. */
			timer_clear(&cc->timer);
			return state;
		}
		if (h->want_continue) {
			h->want_continue = false;
			if (!r->response.head_sent)
				http1_send_interim(r, 100, NULL);
		}
		if (!conn_may_read(&cc->conn)) {
			n = CONN_AGAIN;
		} else {
			if (!h->in || h->in->size < BUFPOOL_LARGE) {
				bufpool_return(pool, h->in);
				h->in = bufpool_borrow(pool, BUFPOOL_LARGE);
			}
			h->in->start = h->in->end = 0;
			n = conn_read(&cc->conn, h->in->data, h->in->size);
		}
		if (n > 0) {
			h->in->end = (unsigned)n;
			continue;
		}
		bufpool_return(pool, h->in);
		h->in = NULL;
		if (n == CONN_AGAIN) {
			timer_set(r->client->worker->loop, &cc->timer,
			    r->settings->client_body_timeout_ms);
			return BODY_WAIT;
		}
		return body_fail(cc, 0);
	}
}

void
http1_body_consume(struct request *r, size_t n)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;
	uint64_t max = r->settings->client_max_body_size;

	h->body->run = span_after(h->body->run, n);
	r->body_received += n;
	if (max && r->body_received > max && !h->body_failed) {
		request_log(r, LOG_LEVEL_ERROR,
		    "client intended to send too large chunked body: %llu bytes",
		    (unsigned long long)r->body_received);
		body_fail(cc, 413);
	}
}

enum body_state
http1_body_skip(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;
	struct span bytes;
	enum body_state state;

	for (size_t dropped = 0;; dropped += bytes.n) {
		if (h->body_failed)
			return BODY_FAILED;
		/* What the handler began to read, or the client waits to be asked for, is not waited for. */
		if (h->body_wanted || h->want_continue)
			state = body_at_hand(cc, &bytes);
		else
			state = http1_body_peek(h->request, &bytes);
		if (state == BODY_WAIT && (h->body_wanted || h->want_continue))
			return BODY_FAILED;
		if (state != BODY_DATA)
			return state;
		http1_body_consume(h->request, bytes.n);
		if (dropped >= DROPPED_AT_ONCE && !h->body_wanted)
			return BODY_WAIT;
	}
}
