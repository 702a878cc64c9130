/* SPDX-License-Identifier: ISC */
/* http1_conn: the reading side and the turn from one request to the next; see http1_conn.h. */
#include "proxy/http/http1_conn.h"

#include "proxy/http/client_conn.h"
#include "proxy/http/h2_conn.h"
#include "proxy/http/request_life.h"
#include "proxy/worker/listen_slot.h"

#include <string.h>

/* For a new connection's first request, once no more are wanted. */
#define RETIRE_MS 1000
/* Room kept for the rest of a head that comes slowly. */
#define PARK_ROOM 256

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static const char client_gone[] = "client prematurely closed connection";

static const struct codec http1_codec = {
	.send_head = http1_send_head,
	.send_body = http1_send_body,
	.send_file = http1_send_file,
	.send_end = http1_send_end,
	.send_interim = http1_send_interim,
	.abort = http1_abort,
	.begin_tunnel = http1_begin_tunnel,
	.body_peek = http1_body_peek,
	.body_consume = http1_body_consume,
};

static void read_heads(struct client_conn *cc);

static struct loop *
loop_of(const struct client_conn *cc)
{
	return cc->client.worker->loop;
}

static void
drop_input(struct client_conn *cc)
{
	bufpool_return(cc->client.worker->pool, cc->http1.in);
	cc->http1.in = NULL;
}

static void
end_request(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;
	struct request *r = h->request;

	h->request = NULL;
	http1_remember(cc, r->settings);
	request_finish(r);
}

static void
next_request(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;

	h->state = HTTP1_WAIT;
	memset(&h->scan, 0, sizeof(h->scan));
	if (cc->client.slot->gone || cc->client.worker->draining) {
		http1_start_closing(cc, false);
		return;
	}
	timer_set(loop_of(cc), &cc->timer, h->keepalive_timeout_ms);
	read_heads(cc);
}

static void
finish_run(struct deferred *d)
{
	struct http1 *h = from_member(d, struct http1, finish);
	struct client_conn *cc = from_member(h, struct client_conn, http1);
	bool unread_input;
	enum body_state body;

	if (h->aborted) {
		client_conn_close(cc, NULL);
		return;
	}
	if (h->state == HTTP1_TUNNEL) {
		end_request(cc);
		http1_start_closing(cc, !h->body_end);
		return;
	}
	body = http1_body_skip(cc);
	if (body == BODY_WAIT && h->keep_alive) {
		/* request_readable comes back here. */
		if (h->in || conn_may_read(&cc->conn))
			loop_defer(loop_of(cc), &h->finish);
		return;
	}
	unread_input = h->in && chunk_filled(h->in) > 0;
	end_request(cc);
	if (!h->keep_alive || body != BODY_END) {
		http1_start_closing(cc, body != BODY_END || unread_input);
	} else if (!conn_out_empty(&cc->conn)) {
		h->state = HTTP1_DRAINING;
		timer_clear(&cc->timer);
		conn_want_drain(&cc->conn);
		client_conn_wait_drain(cc, h->send_timeout_ms);
	} else {
		next_request(cc);
	}
}

/* The body broke while its handler was looking elsewhere, or there is more to drop. */
static void
input_news_run(struct deferred *d)
{
	struct http1 *h = from_member(d, struct http1, input_news);
	struct client_conn *cc = from_member(h, struct client_conn, http1);
	struct request *r = h->request;

	if (h->state == HTTP1_LINGERING) {
		http1_discard(cc);
		return;
	}

	if (!r || h->ended)
		return;
	h->keep_alive = false;
	if (!h->body_status)
		client_conn_close(cc, client_gone);
	else if (r->response.head_sent)
		request_abort(r, "invalid request body");
	else
		request_fail(r, h->body_status);
}

static struct request *
begin_request(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;
	struct arena *arena = request_arena(cc->client.worker);

	timer_clear(&cc->timer);
	h->request = arena_zalloc(arena, sizeof(*h->request));
	request_init(h->request, arena, &cc->client, &http1_codec);
	request_set_server(h->request, client_conn_first_server(cc));
	h->request->http_major = 1;
	h->state = HTTP1_REQUEST;
	h->ended = h->aborted = h->body_failed = false;
	h->body_end = true;
	h->body = NULL;
	h->out_left = -1;
	h->keep_alive = false;
	return h->request;
}

/* For the logs: the request line as far as there is one. */
static void
note_request_line(struct client_conn *cc, struct request *r)
{
	struct chunk *in = cc->http1.in;
	struct span line = in ? span_of(in->data + in->start, chunk_filled(in)) : span_of(NULL, 0);
	ptrdiff_t end = span_find(line, '\n');

	if (end >= 0)
		line.n = (size_t)end;
	if (r->request_line.n == 0 && line.n > 0)
		r->request_line = arena_dup(r->arena, span_trim(line));
}

/* The head cannot be used: answer and close. */
static void
refuse(struct client_conn *cc, unsigned status, const char *why)
{
	struct request *r = cc->http1.request ? cc->http1.request : begin_request(cc);

	cc->http1.keep_alive = false;
	cc->http1.body_failed = true; /* where the message ends is not known */
	note_request_line(cc, r);
	r->is_head = span_starts(r->request_line, SPAN("HEAD "));
	request_log(r, LOG_LEVEL_INFO, "client sent invalid request: %s", why);
	request_fail(r, status);
}

/*
 * Nobody will read the response: as in nginx, who ends its side early has left too (a body may be still to read), unless
 * the configuration does not mind: then it may be there yet, and if not the response will show.
 */
static bool
is_gone(const struct client_conn *cc)
{
	const struct request *r = cc->http1.request;

	if (r->handler == &upstream_http_handler && r->settings->proxy.ignore_client_abort)
		return cc->conn.hung_up;
	return cc->conn.hung_up || (cc->http1.body_end && cc->conn.peer_closed);
}

static void
start_request(struct client_conn *cc, struct span bytes)
{
	struct http1 *h = &cc->http1;
	struct request *r = begin_request(cc);
	const struct server *first = r->server;
	const struct http1_limits limits = http1_limits_of(first);
	struct http1_request_head *head = arena_zalloc(r->arena, sizeof(*head));
	struct span copy = arena_dup(r->arena, bytes);
	const char *why = "malformed header";
	enum parse_result result;

	r->head_bytes = bytes.n;
	result = http1_parse_request(copy, &limits, r->arena, head, &why);
	r->request_line = head->request_line;
	if (result != PARSE_OK) {
		refuse(cc, head->status ? head->status : 400, why);
		return;
	}
	r->method = head->method;
	r->target = head->target;
	r->http_minor = head->minor;
	r->is_head = span_eq(head->method, SPAN("HEAD"));
	why = request_take_target(r, head->path_query, head->host);
	if (why || http1_read_names_again(r, first, copy, head, &why) != PARSE_OK) {
		refuse(cc, 400, why);
		return;
	}
	r->headers = head->headers;
	r->upgrade = head->upgrade;
	r->expect_continue = head->expect_continue;
	r->body_framing = head->framing;
	r->content_length = head->content_length;
	h->keep_alive = head->keep_alive; /* its location has a say when the response begins */
	if (chunk_filled(h->in) == 0)
		drop_input(cc);
	http1_body_begin(cc, head);
	request_route(r);
	/* An end that came along with the head makes no further event. */
	if (!h->ended && is_gone(cc))
		client_conn_close(cc, client_gone);
}

/* Room to read into: the chunk grows with what it holds. */
static struct chunk *
input_room(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;
	struct bufpool *pool = cc->client.worker->pool;
	struct chunk *bigger;
	size_t n;

	if (!h->in)
		h->in = bufpool_borrow(pool, BUFPOOL_SMALL);
	n = chunk_filled(h->in);
	if (h->in->start > 0) {
		memmove(h->in->data, h->in->data + h->in->start, n);
		h->in->start = 0;
		h->in->end = (unsigned)n;
	}
	if (chunk_room(h->in) > 0)
		return h->in;
	bigger = bufpool_borrow(pool, (size_t)h->in->size * 2);
	memcpy(bigger->data, h->in->data, n);
	bigger->end = (unsigned)n;
	bufpool_return(pool, h->in);
	h->in = bigger;
	return bigger;
}

/* false: the head in hand was dealt with, or there is nothing more to read now. */
static bool
read_some(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;
	struct chunk *in;
	ssize_t n;

	if (!conn_may_read(&cc->conn))
		n = CONN_AGAIN;
	else {
		in = input_room(cc);
		n = conn_read(&cc->conn, in->data + in->end, chunk_room(in));
	}
	if (n > 0) {
		h->in->end += (unsigned)n;
		return true;
	}
	if (n == CONN_AGAIN) {
		if (h->in && chunk_filled(h->in) == 0)
			drop_input(cc);
		else if (h->in) /* a head that comes slowly */
			h->in = bufpool_fit(cc->client.worker->pool, h->in, PARK_ROOM);
		return false;
	}
	if (n == CONN_EOF)
		client_conn_close(cc, h->in && chunk_filled(h->in) > 0 ? client_gone : NULL);
	return false; /* CONN_ERROR: on_error follows */
}

/* "listen ... http2" without TLS: whoever knows says so by the preface. True: it is HTTP/2, or may be still. */
static bool
became_h2(struct client_conn *cc, struct span have)
{
	struct http1 *h = &cc->http1;
	struct chunk *in = h->in;
	enum parse_result result = h2_preface(have);

	h->may_be_h2 = result == PARSE_MORE;
	if (result == PARSE_OK) {
		h->in = NULL;
		h->state = HTTP1_WAIT;
		h2_start(cc, have);
		bufpool_return(cc->client.worker->pool, in);
	}
	return result != PARSE_BAD;
}

/* From WAIT or HEAD: gather a head and start its request. */
static void
read_heads(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;

	for (;;) {
		struct span have = h->in ? span_of(h->in->data + h->in->start, chunk_filled(h->in))
					 : span_of(NULL, 0);
		enum parse_result result = PARSE_MORE;
		const char *why = "malformed header";
		size_t length = 0;
		unsigned status;

		if (have.n > 0) {
			if (h->state == HTTP1_WAIT) {
				h->state = HTTP1_HEAD;
				timer_set(loop_of(cc), &cc->timer,
				    client_conn_first_server(cc)
					->settings->client_header_timeout_ms);
			}
			if (h->may_be_h2 && became_h2(cc, have)) {
				if (cc->wire == &http1_wire && read_some(cc))
					continue;
				return;
			}
			result = http1_head_end(&h->scan, have, &length, &why);
			status = http1_head_too_large(cc,
			    result == PARSE_OK ? span_of(have.p, length) : have);
			if (status && result != PARSE_BAD) {
				refuse(cc, status,
				    status == 414 ? "too long URI" : "too large header");
				return;
			}
		}
		switch (result) {
		case PARSE_OK:
			h->in->start += (unsigned)length;
			start_request(cc, span_of(have.p, length));
			return;
		case PARSE_BAD:
			refuse(cc, 400, why);
			return;
		case PARSE_MORE:
			break;
		}
		if (!read_some(cc))
			return;
	}
}

void
http1_start(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;

	h->finish.run = finish_run;
	h->input_news.run = input_news_run;
	h->state = HTTP1_WAIT;
	h->may_be_h2 = !cc->client.tls.facts && client_conn_allows_h2(cc);
	http1_remember(cc, client_conn_first_server(cc)->location_settings);
	timer_set(loop_of(cc), &cc->timer,
	    client_conn_first_server(cc)->settings->client_header_timeout_ms);
}

static void
request_readable(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;
	struct request *r = h->request;

	if (h->ended)
		loop_defer(loop_of(cc), &h->finish);
	else if (is_gone(cc))
		client_conn_close(cc, client_gone);
	else if (!h->body_end && !h->body_failed && r->handler && r->handler->on_body)
		r->handler->on_body(r);
}

static void
wire_readable(struct client_conn *cc)
{
	switch (cc->http1.state) {
	case HTTP1_WAIT:
	case HTTP1_HEAD:
		read_heads(cc);
		break;
	case HTTP1_REQUEST:
		request_readable(cc);
		break;
	case HTTP1_TUNNEL:
		if (!cc->http1.ended)
			cc->http1.request->handler->on_body(cc->http1.request);
		break;
	case HTTP1_DRAINING:
	case HTTP1_CLOSING:
		break; /* looked at when the queue has drained */
	case HTTP1_LINGERING:
		http1_discard(cc);
		break;
	}
}

static void
wire_writable(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;
	struct request *r = h->request;

	timer_clear(&cc->send_timer);
	switch (h->state) {
	case HTTP1_REQUEST:
	case HTTP1_TUNNEL:
		if (h->ended)
			break;
		if (r->handler && r->handler->on_writable)
			r->handler->on_writable(r);
		break;
	case HTTP1_DRAINING:
		next_request(cc);
		break;
	case HTTP1_CLOSING:
		http1_linger(cc);
		break;
	default:
		break;
	}
}

static void
wire_expired(struct client_conn *cc)
{
	switch (cc->http1.state) {
	case HTTP1_HEAD:
		refuse(cc, 408, "client timed out");
		break;
	case HTTP1_REQUEST:
		if (!cc->http1.body_end && !cc->http1.request->response.head_sent)
			refuse(cc, 408, "client timed out sending the request body");
		else
			client_conn_time_out(cc, "client timed out");
		break;
	case HTTP1_WAIT:
		http1_start_closing(cc, false);
		break;
	default:
		client_conn_time_out(cc, NULL);
		break;
	}
}

static void
wire_release(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;

	loop_undefer(loop_of(cc), &h->finish);
	loop_undefer(loop_of(cc), &h->input_news);
	if (h->request) {
		struct response *res = &h->request->response;

		/* Cut on purpose it has a status of its own. */
		if (!res->head_sent && !(h->aborted && res->status))
			res->status = 499;
		end_request(cc);
	}
	drop_input(cc);
}

static bool
wire_idle(const struct client_conn *cc)
{
	return cc->http1.state == HTTP1_WAIT;
}

static void
wire_retire(struct client_conn *cc)
{
	/* A request under way asks when it ends. */
	if (!wire_idle(cc))
		return;
	/* Whoever has just come is about to say something: its first request is still answered. */
	if (cc->client.requests == 0)
		timer_set(loop_of(cc), &cc->timer, RETIRE_MS);
	else
		http1_start_closing(cc, false);
}

static struct request *
wire_next_request(const struct client_conn *cc, const struct request *after)
{
	return after ? NULL : cc->http1.request;
}

static void
wire_cut(struct client_conn *cc, struct request *r, const char *why)
{
	(void)r;
	client_conn_close(cc, why);
}

static const char *
wire_doing(const struct client_conn *cc)
{
	switch (cc->http1.state) {
	case HTTP1_WAIT:
		return cc->client.requests ? " while keepalive" : " while waiting for request";
	case HTTP1_HEAD:
		return " while reading client request headers";
	case HTTP1_REQUEST:
		return " while processing request";
	case HTTP1_TUNNEL:
		return " while proxying upgraded connection";
	default:
		return " while sending to client";
	}
}

const struct wire http1_wire = {
	.readable = wire_readable,
	.writable = wire_writable,
	.expired = wire_expired,
	.release = wire_release,
	.idle = wire_idle,
	.retire = wire_retire,
	.next_request = wire_next_request,
	.cut = wire_cut,
	.doing = wire_doing,
};
