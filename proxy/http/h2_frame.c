/* SPDX-License-Identifier: ISC */
/* h2_frame: what nghttp2 tells of each frame that comes and goes: requests begin and end here; see h2_conn.h. */
#include "proxy/http/h2_session.h"
#include "proxy/http/request_life.h"

/* ---- requests ------------------------------------------------------------------------------------------- */

/* Responses without a wish share the connection evenly: else a long one would hold up all that were asked for after it. */
static void
set_priority(struct h2_stream *s)
{
	const struct header *h = header_find_name(&s->request.headers, SPAN("priority"));
	nghttp2_extpri wish = { .urgency = 3, .inc = 1 };
	bool incremental;

	if (h) {
		h2_priority_parse(h->value, &wish.urgency, &incremental);
		wish.inc = incremental;
	}
	nghttp2_session_change_extpri_stream_priority(s->h2->session, s->id, &wish, 1);
}

static void
start_request(struct h2_stream *s, const struct http1_request_head *head)
{
	struct request *r = &s->request;
	const char *why;

	r->target = head->target;
	r->request_line = head->request_line;
	r->expect_continue = s->want_continue = head->expect_continue;
	r->body_framing = head->framing;
	r->content_length = head->content_length;
	r->upgrade = head->upgrade;
	if (r->upgrade)
		h2_tunnel_prepare(s);
	set_priority(s);
	why = request_take_target(r, head->path_query, head->host);
	if (why)
		h2_stream_refuse(s, 400, why);
	else
		request_route(r);
}

static void
take_request(struct h2_stream *s, bool end)
{
	struct request *r = &s->request;
	struct h2_fields *f = s->fields;
	struct http1_request_head head;
	enum parse_result result;

	s->fields = NULL;
	if (s->ended)
		return; /* cut while its head came */
	s->started = true;
	s->body_end = end;
	result = h2_fields_finish(f, end, &head);
	r->method = head.method;
	r->is_head = span_eq(head.method, SPAN("HEAD"));
	if (result == PARSE_OK) {
		start_request(s, &head);
		return;
	}
	r->request_line = head.request_line;
	if (!f->malformed) {
		h2_stream_refuse(s, f->status, f->why);
		return;
	}
	request_log(r, LOG_LEVEL_INFO, "client sent invalid request: %s", f->why);
	r->response.status = 400;
	s->ended = s->aborted = true;
	h2_reset(s, NGHTTP2_PROTOCOL_ERROR, false);
}

/* What came is not what was announced, or no trailer: nothing more is believed of it (RFC 9113, 8.1.1). */
static void
malformed_body(struct h2_stream *s, const char *why)
{
	request_log(&s->request, LOG_LEVEL_INFO, "client sent invalid request body: %s", why);
	if (!s->request.response.head_sent)
		s->request.response.status = 400;
	s->ended = s->aborted = true;
	h2_reset(s, NGHTTP2_PROTOCOL_ERROR, false);
}

static void
take_trailer(struct h2_stream *s, bool end)
{
	const struct h2_fields *f = s->fields;

	s->fields = NULL;
	if (s->extended)
		malformed_body(s, "a field list in a tunnel"); /* RFC 9113, 8.5 */
	else if (f->why)
		malformed_body(s, f->why);
	else if (!end)
		malformed_body(s, "a trailer that is not the end");
	else if (!h2_stream_take_end(s))
		malformed_body(s, "shorter than announced");
}

/* ---- what nghttp2 tells while it takes in ------------------------------------------------------------- */

/*
 * RFC 9113, 5.1 and 5.1.1. Not of a stream that we have reset: the client may not have heard of it yet, and nghttp2
 * passes over all that comes.
 */
static bool
is_on_closed_stream(const struct h2 *h, int32_t id)
{
	return !h->reset_any && id > 0 && (id & 1) &&
	       id <= nghttp2_session_get_last_proc_stream_id(h->session) &&
	       !nghttp2_session_find_stream(h->session, id);
}

static int
on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	struct h2 *h = user;

	switch (hd->type) {
	case NGHTTP2_HEADERS:
		h2_guard_headers(&h->guard, hd->length);
		if (is_on_closed_stream(h, hd->stream_id))
			h2_break_off(h, NGHTTP2_STREAM_CLOSED,
			    "client sent HEADERS on a closed stream");
		break;
	case NGHTTP2_CONTINUATION:
		h2_condemn_if(h, h2_guard_continuation(&h->guard, hd->length));
		if (h->heading)
			h->heading->request.head_bytes += hd->length + H2_FRAME_HEAD;
		break;
	case NGHTTP2_DATA:
		h->frame_data = 0;
		h->data_told += hd->length;
		h2_guard_body(&h->guard, hd->length);
		if (hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM))
			h2_condemn_if(h, h2_guard_idle_frame(&h->guard, h2_now_ms(h)));
		break;
	case NGHTTP2_PRIORITY:
		/* Nothing is made of them: nobody else would notice. */
		if (hd->stream_id == 0)
			h2_break_off(h, NGHTTP2_PROTOCOL_ERROR, "client sent PRIORITY on stream 0");
		h2_condemn_if(h, h2_guard_idle_frame(&h->guard, h2_now_ms(h)));
		break;
	case NGHTTP2_RST_STREAM:
		h2_condemn_if(h, h2_guard_reset(&h->guard, h2_now_ms(h)));
		break;
	default:
		h2_condemn_if(h, h2_guard_idle_frame(&h->guard, h2_now_ms(h)));
		break;
	}
	return 0;
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;
	struct h2_stream *s;

	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		s = h2_stream_new(h, frame->hd.stream_id);
		nghttp2_session_set_stream_user_data(session, s->id, s);
	} else {
		s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	}
	h->heading = s;
	if (!s)
		return 0;
	s->request.head_bytes += frame->hd.length + H2_FRAME_HEAD;
	s->fields = arena_zalloc(s->request.arena, sizeof(*s->fields));
	s->fields->arena = s->request.arena;
	s->fields->limits = &h->limits;
	s->fields->headers = &s->request.headers;
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
		s->fields->trailer = true;
		s->fields->headers = &s->request.trailers;
	}
	timer_set(h2_loop(h), &h->cc->timer, s->request.server->settings->client_header_timeout_ms);
	return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags, void *user)
{
	struct h2 *h = user;
	struct h2_fields *f = h->heading ? h->heading->fields : NULL;

	if (!f)
		return 0;
	h2_fields_add(f, span_of(name, name_length), span_of(value, value_length));
	if (f->size > h->header_list_max)
		h2_condemn(h, "client sends a field list that grows beyond all bounds");
	return 0;
}

static void
headers_received(struct h2 *h, bool end)
{
	struct h2_stream *s = h->heading;

	h->heading = NULL;
	timer_clear(&h->cc->timer);
	if (!s || !s->fields || h->phase == H2_BROKEN)
		return;
	if (s->fields->trailer)
		take_trailer(s, end);
	else
		take_request(s, end);
}

static void
data_received(struct h2 *h, const nghttp2_frame *frame)
{
	bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct h2_stream *s;

	if (h->frame_data > 0)
		h2_guard_used_data(&h->guard);
	else if (!end && frame->hd.length > 0)
		h2_condemn_if(h, h2_guard_idle_frame(&h->guard, h2_now_ms(h)));
	if (!end)
		return;
	s = nghttp2_session_get_stream_user_data(h->session, frame->hd.stream_id);
	if (s && !s->aborted && !h2_stream_take_end(s))
		malformed_body(s, "shorter than announced");
}

static int
on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		headers_received(h, frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
		break;
	case NGHTTP2_DATA:
		data_received(h, frame);
		break;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && h->phase == H2_LEAVING)
			h2_leave_for_good(h);
		break;
	default:
		break;
	}
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t n,
    void *user)
{
	struct h2 *h = user;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	h->frame_data += n;
	/* What a stream may hold is bounded by its own window. */
	nghttp2_session_consume_connection(session, n);
	if (s && !s->aborted && !h2_stream_take_body(s, span_of(data, n)))
		malformed_body(s, "longer than announced");
	return 0;
}

/* ---- what it tells while it makes frames ----------------------------------------------------------------- */

static void
goaway_sent(struct h2 *h, const nghttp2_goaway *frame)
{
	struct span text = span_of(frame->opaque_data, frame->opaque_data_len);

	/* A PING overtakes what is queued: it may follow only now. */
	if (h->phase == H2_LEAVING)
		nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
	if (frame->error_code == NGHTTP2_NO_ERROR || h->phase == H2_BROKEN)
		return;
	/* nghttp2 has found the mistake. */
	h->phase = H2_BROKEN;
	client_conn_log(h->cc, "client broke the protocol: %s%s" SPAN_FMT,
	    nghttp2_http2_strerror(frame->error_code), text.n > 0 ? ": " : "", SPAN_ARG(text));
}

/* END_STREAM is out. Whoever still sends a body need not. */
static void
response_sent(struct h2_stream *s)
{
	s->request.complete = true;
	h2_guard_answered(&s->h2->guard);
	if (!s->body_end && (!s->tunnel || s->ended))
		h2_reset(s, NGHTTP2_NO_ERROR, true);
}

static int
on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;
	struct h2_stream *s = NULL;

	if (frame->hd.stream_id)
		s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		h2_guard_sent_data(&h->guard);
		/* fall through */
	case NGHTTP2_HEADERS:
		if (!s)
			break;
		s->request.response.wire_bytes += frame->hd.length + H2_FRAME_HEAD;
		if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
			response_sent(s);
		break;
	case NGHTTP2_RST_STREAM:
		h->reset_any = true;
		if (!s || !s->own_reset)
			h2_condemn_if(h, h2_guard_provoked(&h->guard, h2_now_ms(h)));
		break;
	case NGHTTP2_GOAWAY:
		goaway_sent(h, &frame->goaway);
		break;
	default:
		break;
	}
	return 0;
}

/* A stream that is refused is closed before we hear of it. */
static int
on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *user)
{
	struct h2 *h = user;

	h->reset_any = true;
	return 0;
}

/* Each side has sent END_STREAM; a reset without an error is a reset all the same. */
static bool
both_ended(const struct h2_stream *s)
{
	return s->body_end && s->eof && s->out.bytes == 0;
}

static int
on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2 *h = user;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	if (!s)
		return 0;
	if (h->heading == s)
		h->heading = NULL;
	if (s->tunnel && !s->ended && code == NGHTTP2_NO_ERROR && both_ended(s)) {
		/* What the client said last may still be on its way to the upstream. */
		s->closed = true;
		return 0;
	}
	h2_stream_over(s);
	return 0;
}

/* Made once per process, immutable after. */
const nghttp2_session_callbacks *
h2_callbacks(void)
{
	static nghttp2_session_callbacks *c;

	if (c || nghttp2_session_callbacks_new(&c) != 0)
		return c;
	nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
	nghttp2_session_callbacks_set_send_data_callback(c, h2_write_data);
	return c;
}
