/* SPDX-License-Identifier: ISC */
/* h2_stream: one request on an HTTP/2 connection: its life, its body, and what its handler says; see h2_conn.h. */
#include "proxy/http/error_page.h"
#include "proxy/http/h2_session.h"
#include "proxy/http/request_life.h"

#include <string.h>

/* Response bytes a stream holds before its handler has to wait; it goes on when half of them are sent. */
#define STREAM_OUT_MAX 32768
/* A stream's window once its handler has asked for the body, if it began with less. */
#define BODY_WINDOW_MIN 65536

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static struct bufpool *
pool_of(const struct h2_stream *s)
{
	return s->h2->cc->client.worker->pool;
}

/* ---- queues ---------------------------------------------------------------------------------------- */

void
h2_queue_add(struct h2_queue *q, struct bufpool *pool, struct span bytes)
{
	q->bytes += bytes.n;
	while (bytes.n > 0) {
		size_t n;

		if (!q->last || chunk_room(q->last) == 0) {
			struct chunk *k = bufpool_borrow(pool,
			    bytes.n > BUFPOOL_SMALL || q->last ? BUFPOOL_LARGE : BUFPOOL_SMALL);

			if (q->last)
				q->last->next = k;
			else
				q->first = k;
			q->last = k;
		}
		n = chunk_room(q->last);
		if (n > bytes.n)
			n = bytes.n;
		memcpy(q->last->data + q->last->end, bytes.p, n);
		q->last->end += (unsigned)n;
		bytes = span_after(bytes, n);
	}
}

struct span
h2_queue_peek(const struct h2_queue *q)
{
	return span_of(q->first->data + q->first->start, chunk_filled(q->first));
}

void
h2_queue_consume(struct h2_queue *q, struct bufpool *pool, size_t n)
{
	q->bytes -= n;
	while (n > 0) {
		struct chunk *k = q->first;
		size_t part = chunk_filled(k) < n ? chunk_filled(k) : n;

		k->start += (unsigned)part;
		n -= part;
		if (chunk_filled(k) > 0)
			continue;
		q->first = k->next;
		if (!q->first)
			q->last = NULL;
		bufpool_return(pool, k);
	}
}

void
h2_queue_clear(struct h2_queue *q, struct bufpool *pool)
{
	h2_queue_consume(q, pool, q->bytes);
}

/* ---- the request's body ---------------------------------------------------------------------------- */

/* What broke the body is said outside of its handler's stack. */
static void
news_run(struct deferred *d)
{
	struct h2_stream *s = from_member(d, struct h2_stream, news);
	struct request *r = &s->request;

	if (s->closed && s->ended) {
		h2_stream_over(s);
		return;
	}
	if (s->ended)
		return;
	if (r->response.head_sent)
		request_abort(r, "invalid request body");
	else
		request_fail(r, s->body_status);
}

static void
body_fail(struct h2_stream *s, unsigned status)
{
	if (s->body_failed)
		return;
	s->body_failed = true;
	s->body_status = status;
	loop_defer(h2_loop(s->h2), &s->news);
}

static void
body_expired(struct timer *t)
{
	struct h2_stream *s = from_member(t, struct h2_stream, body_timer);

	request_log(&s->request, LOG_LEVEL_INFO, "client timed out");
	body_fail(s, 408);
}

/* The client was told of a small window before anybody wanted the body. */
static void
open_window(struct h2_stream *s)
{
	struct h2 *h = s->h2;

	if (h->body_window >= BODY_WINDOW_MIN)
		return;
	nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, s->id,
	    BODY_WINDOW_MIN);
	h2_want_output(h);
}

static enum body_state
body_peek(struct request *r, struct span *bytes)
{
	struct h2_stream *s = h2_stream_of(r);

	if (s->body_failed)
		return BODY_FAILED;
	if (s->in.bytes > 0 && !s->extended) {
		/* Now it is not the client who keeps us waiting. */
		timer_clear(&s->body_timer);
		*bytes = h2_queue_peek(&s->in);
		return BODY_DATA;
	}
	if (s->body_end || s->extended) {
		timer_clear(&s->body_timer);
		return BODY_END;
	}
	if (!s->body_wanted && !s->ended) {
		s->body_wanted = true;
		if (s->want_continue && !r->response.head_sent)
			h2_send_interim(r, 100, NULL);
		open_window(s);
	}
	timer_set(h2_loop(s->h2), &s->body_timer, r->settings->client_body_timeout_ms);
	return BODY_WAIT;
}

static void
body_consume(struct request *r, size_t n)
{
	struct h2_stream *s = h2_stream_of(r);
	uint64_t max = r->settings->client_max_body_size;

	if (n == 0)
		return;
	h2_queue_consume(&s->in, pool_of(s), n);
	r->body_received += n;
	nghttp2_session_consume_stream(s->h2->session, s->id, n);
	h2_want_output(s->h2);
	if (max && r->body_received > max && !s->body_failed) {
		request_log(r, LOG_LEVEL_ERROR,
		    "client intended to send too large chunked body: %llu bytes",
		    (unsigned long long)r->body_received);
		body_fail(s, 413);
	}
}

static void
tell_handler(struct h2_stream *s)
{
	struct request *r = &s->request;

	if (s->started && !s->ended && s->extended == s->tunnel && !s->body_failed && r->handler &&
	    r->handler->on_body)
		r->handler->on_body(r);
}

bool
h2_stream_take_body(struct h2_stream *s, struct span bytes)
{
	struct request *r = &s->request;

	s->received += bytes.n;
	if (s->ended) {
		nghttp2_session_consume_stream(s->h2->session, s->id, bytes.n);
		return true;
	}
	if (r->body_framing == BODY_LENGTH && s->received > r->content_length)
		return false;
	h2_queue_add(&s->in, pool_of(s), bytes);
	tell_handler(s);
	return true;
}

bool
h2_stream_take_end(struct h2_stream *s)
{
	struct request *r = &s->request;

	if (!s->ended && r->body_framing == BODY_LENGTH && s->received < r->content_length)
		return false;
	s->body_end = true;
	tell_handler(s);
	return true;
}

/* ---- the response ----------------------------------------------------------------------------------- */

static void
arm_send_timer(struct h2_stream *s)
{
	s->sent_before = s->h2->data_sent;
	timer_set(h2_loop(s->h2), &s->send_timer, s->request.settings->send_timeout_ms);
}

/* Does no stream but this one wait for anything else than the client's windows? */
static bool
all_wait_for_client(const struct h2_stream *s)
{
	for (const struct h2_stream *o = s->h2->streams; o; o = o->next) {
		if (o != s && !timer_active(&o->send_timer))
			return false;
	}
	return true;
}

/* The client's window stays shut. Who has others under way, or lets their bytes through, may go on with them. */
static void
send_expired(struct timer *t)
{
	struct h2_stream *s = from_member(t, struct h2_stream, send_timer);

	if (s->h2->data_sent == s->sent_before && all_wait_for_client(s)) {
		h2_condemn(s->h2, "client timed out: it opens no window");
		return;
	}
	request_log(&s->request, LOG_LEVEL_INFO, "client timed out");
	s->ended = s->aborted = true;
	h2_reset(s, NGHTTP2_CANCEL, true);
}

static bool
has_no_body(const struct request *r)
{
	unsigned status = r->response.status;

	return r->is_head || status == 204 || status == 304 || status < 200;
}

static void
send_head(struct request *r)
{
	struct h2_stream *s = h2_stream_of(r);
	struct h2 *h = s->h2;
	struct response *res = &r->response;

	res->no_body = has_no_body(r);
	s->out_left = res->no_body ? -1 : res->content_length;
	if (s->aborted)
		return;
	if (!request_keeps_connection(r))
		h2_leave(h);
	if (s->extended)
		h2_tunnel_denied(s);
	h2_stream_queue_head(s);
}

void
h2_stream_queue_head(struct h2_stream *s)
{
	struct h2 *h = s->h2;

	s->head_queued = true;
	*h->heads_tail = s;
	h->heads_tail = &s->next_head;
	h2_want_output(h);
}

void
h2_stream_go_on(struct h2_stream *s)
{
	if (s->deferred) {
		s->deferred = false;
		nghttp2_session_resume_data(s->h2->session, s->id);
	}
	h2_want_output(s->h2);
}

size_t
h2_send_body(struct request *r, struct span bytes)
{
	struct h2_stream *s = h2_stream_of(r);
	size_t offered = bytes.n, room;

	if (r->response.no_body || s->ended)
		return offered;
	/* Never more than was announced. */
	if (s->out_left >= 0 && bytes.n > (uint64_t)s->out_left)
		bytes.n = (size_t)s->out_left;
	room = s->out.bytes < STREAM_OUT_MAX ? STREAM_OUT_MAX - s->out.bytes : 0;
	if (room > bytes.n)
		room = bytes.n;
	if (room > 0) {
		h2_queue_add(&s->out, pool_of(s), span_of(bytes.p, room));
		if (s->out_left >= 0)
			s->out_left -= (int64_t)room;
		if (!timer_active(&s->send_timer))
			arm_send_timer(s);
		h2_stream_go_on(s);
	}
	if (room == bytes.n)
		return offered;
	s->want_room = true;
	return room;
}

/* A tunnel's end is one of TCP (RFC 8441, 5). */
void
h2_stream_cut(struct h2_stream *s)
{
	h2_reset(s, s->tunnel ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR, true);
}

/* Whatever it was that came to its end: never a whole response (RFC 9113, 8.1). */
void
h2_abort(struct request *r, const char *reason)
{
	struct h2_stream *s = h2_stream_of(r);

	if (s->ended)
		return;
	request_log(r, LOG_LEVEL_INFO, "response cut: %s", reason);
	s->ended = s->cut = true;
	timer_clear(&s->body_timer);
	if (s->closed)
		loop_defer(h2_loop(s->h2), &s->news);
	else if (!s->head_queued || (s->submitted && s->out.bytes == 0))
		h2_stream_cut(s);
	else
		h2_stream_go_on(s);
}

void
h2_send_end(struct request *r)
{
	struct h2_stream *s = h2_stream_of(r);

	if (s->ended)
		return;
	if (s->closed)
		loop_defer(h2_loop(s->h2), &s->news);
	if (s->out_left > 0) {
		h2_abort(r, "response shorter than announced");
		return;
	}
	s->ended = true;
	timer_clear(&s->body_timer);
	h2_queue_clear(&s->in, pool_of(s));
	/* Without a byte nghttp2 waits for the window all the same. */
	if (s->submitted && s->out.bytes == 0 && !s->closed)
		arm_send_timer(s);
	h2_stream_go_on(s);
}

void
h2_stream_sent(struct h2_stream *s, size_t n)
{
	h2_queue_consume(&s->out, pool_of(s), n);
	s->request.response.body_bytes += n;
	s->h2->data_sent += n;
	if (s->out.bytes == 0) {
		timer_clear(&s->send_timer);
		if (s->cut)
			h2_stream_cut(s);
	} else if (n > 0) {
		arm_send_timer(s);
	}
	if (s->want_room && !s->in_roomy && s->out.bytes <= STREAM_OUT_MAX / 2) {
		s->in_roomy = true;
		s->next_roomy = s->h2->roomy;
		s->h2->roomy = s;
	}
}

void
h2_stream_refuse(struct h2_stream *s, unsigned status, const char *why)
{
	request_log(&s->request, LOG_LEVEL_INFO, "client sent invalid request: %s", why);
	request_fail(&s->request, status);
}

const struct codec h2_codec = {
	.send_head = send_head,
	.send_body = h2_send_body,
	.send_end = h2_send_end,
	.send_interim = h2_send_interim,
	.abort = h2_abort,
	.body_peek = body_peek,
	.body_consume = body_consume,
	.begin_tunnel = h2_begin_tunnel,
};

/* ---- its life ----------------------------------------------------------------------------------------- */

struct h2_stream *
h2_stream_new(struct h2 *h, int32_t id)
{
	struct arena *arena = request_arena(h->cc->client.worker);
	struct h2_stream *s = arena_zalloc(arena, sizeof(*s));

	request_init(&s->request, arena, &h->cc->client, &h2_codec);
	request_set_server(&s->request, client_conn_first_server(h->cc));
	s->request.http_major = 2;
	s->h2 = h;
	s->id = id;
	s->out_left = -1;
	s->body_timer.on_expire = body_expired;
	s->send_timer.on_expire = send_expired;
	s->news.run = news_run;
	s->next = h->streams;
	s->prev = &h->streams;
	if (s->next)
		s->next->prev = &s->next;
	h->streams = s;
	h->stream_count++;
	return s;
}

/* Out of the lists that the end of the turn would look at. */
static void
unlist(struct h2_stream *s)
{
	struct h2 *h = s->h2;
	struct h2_stream **p;

	if (s->head_queued && !s->submitted) {
		for (p = &h->heads; *p && *p != s; p = &(*p)->next_head)
			;
		if (*p)
			*p = s->next_head;
		if (h->heads_tail == &s->next_head)
			h->heads_tail = p;
	}
	if (s->in_roomy) {
		for (p = &h->roomy; *p && *p != s; p = &(*p)->next_roomy)
			;
		if (*p)
			*p = s->next_roomy;
	}
}

void
h2_stream_free(struct h2_stream *s)
{
	struct h2 *h = s->h2;
	struct request *r = &s->request;
	struct response *res = &r->response;

	unlist(s);
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	h->stream_count--;
	http1_remember(h->cc, r->settings);
	timer_clear(&s->body_timer);
	timer_clear(&s->send_timer);
	/* It may still have a use for what came in. */
	if (r->handler && r->handler->release)
		r->handler->release(r);
	r->handler = NULL;
	loop_undefer(h2_loop(h), &s->news);
	h2_queue_clear(&s->in, pool_of(s));
	h2_queue_clear(&s->out, pool_of(s));
	/* Cut on purpose it has a status of its own. */
	if (!res->head_sent && !((s->aborted || s->cut) && res->status))
		res->status = 499;
	request_finish(r);
}

void
h2_stream_over(struct h2_stream *s)
{
	struct h2 *h = s->h2;

	h2_stream_free(s);
	h2_want_output(h);
	if (h->stream_count == 0)
		timer_set(h2_loop(h), &h->cc->timer, h->cc->http1.keepalive_timeout_ms);
}
