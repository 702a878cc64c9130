/* SPDX-License-Identifier: ISC */
/* h2_conn: nghttp2's session, from bytes to streams and from streams to bytes; see h2_conn.h. */
#include "proxy/http/h2_conn.h"

#include "base/mem.h"
#include "proxy/config/route.h"
#include "proxy/http/h2_session.h"
#include "proxy/http/request_life.h"
#include "proxy/tls/tls_context.h"
#include "proxy/worker/listen_slot.h"

#include <stdlib.h>

/* Buffers read, and rounds of letting handlers go on, before other connections have their turn. */
#define READS_AT_ONCE 4
#define ROUNDS_AT_ONCE 8
/* Bytes of frames in such a round. */
#define ROUND_BYTES 16384
/* How long the PING may take behind which the client knows that we are leaving. */
#define FAREWELL_MS 1000
/* A field list so many times as long as may be answered is no mistake. */
#define BOMB_TIMES 4
/* RFC 9113, 6.5.2 */
#define ENTRY_COST 32

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static const char client_gone[] = "client prematurely closed connection";

void
h2_want_output(struct h2 *h)
{
	loop_defer(h2_loop(h), &h->output);
}

void
h2_break_off(struct h2 *h, uint32_t code, const char *why)
{
	if (h->phase == H2_BROKEN)
		return;
	h->phase = H2_BROKEN;
	client_conn_log(h->cc, "%s", why);
	nghttp2_session_terminate_session(h->session, code);
	h2_want_output(h);
}

void
h2_condemn(struct h2 *h, const char *why)
{
	h2_break_off(h, NGHTTP2_ENHANCE_YOUR_CALM, why);
}

void
h2_condemn_if(struct h2 *h, const char *why)
{
	if (why)
		h2_condemn(h, why);
}

void
h2_reset(struct h2_stream *s, uint32_t code, bool own)
{
	s->own_reset = own;
	nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id, code);
	h2_want_output(s->h2);
}

/* ---- leaving (RFC 9113, 6.8) -------------------------------------------------------------------------- */

void
h2_leave_for_good(struct h2 *h)
{
	if (h->phase > H2_LEAVING)
		return;
	h->phase = H2_LEFT;
	timer_clear(&h->farewell);
	nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL, 0);
	h2_want_output(h);
}

void
h2_leave(struct h2 *h)
{
	if (h->phase != H2_OPEN)
		return;
	h->phase = H2_LEAVING;
	nghttp2_submit_shutdown_notice(h->session);
	timer_set(h2_loop(h), &h->farewell, FAREWELL_MS);
	h2_want_output(h);
}

static void
farewell_expired(struct timer *t)
{
	h2_leave_for_good(from_member(t, struct h2, farewell));
}

/* ---- output ------------------------------------------------------------------------------------------------ */

static void
submit_heads(struct h2 *h)
{
	while (h->heads) {
		struct h2_stream *s = h->heads;

		h->heads = s->next_head;
		if (!s->aborted)
			h2_submit_head(s);
		s->submitted = true;
	}
	h->heads_tail = &h->heads;
}

/*
 * A round of frames into the connection's queue: no more than what is left in a stream when its handler goes on, so that
 * an urgent one never runs dry before one that can wait. -1: nghttp2 gives up.
 */
static int
make_frames(struct h2 *h)
{
	struct conn *c = &h->cc->conn;

	h->round_end = c->out_bytes + ROUND_BYTES;
	if (h->round_end > H2_QUEUE_MAX)
		h->round_end = H2_QUEUE_MAX;
	while (c->out_bytes < h->round_end) {
		const uint8_t *frame;
		ssize_t n = nghttp2_session_mem_send(h->session, &frame);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		conn_queue(c, span_of(frame, (size_t)n));
	}
	return 0;
}

static void
tell_roomy(struct h2 *h)
{
	while (h->roomy) {
		struct h2_stream *s = h->roomy;
		struct request *r = &s->request;

		h->roomy = s->next_roomy;
		s->in_roomy = s->want_room = false;
		if (!s->ended && r->handler && r->handler->on_writable)
			r->handler->on_writable(r);
	}
}

/* Nothing more will be said: send what is queued and close. Whoever may still be sending is listened to for a while. */
static void
finish(struct h2 *h)
{
	struct client_conn *cc = h->cc;
	bool linger = h->phase == H2_BROKEN;

	h2_wire.release(cc);
	cc->wire = &http1_wire;
	http1_start_closing(cc, linger);
}

static void
output_run(struct deferred *d)
{
	struct h2 *h = from_member(d, struct h2, output);
	struct client_conn *cc = h->cc;

	for (int round = 0;; round++) {
		submit_heads(h);
		if (make_frames(h) < 0) {
			client_conn_close(cc, "HTTP/2 session failed");
			return;
		}
		if (!h->roomy &&
		    (cc->conn.out_bytes < h->round_end || h->round_end == H2_QUEUE_MAX))
			break;
		if (round == ROUNDS_AT_ONCE) {
			h2_want_output(h);
			break;
		}
		tell_roomy(h);
	}
	if (cc->conn.out_bytes >= H2_QUEUE_MAX) {
		conn_want_drain(&cc->conn);
		client_conn_wait_drain(cc, cc->http1.send_timeout_ms);
	} else if ((h->phase == H2_BROKEN || h->stream_count == 0) &&
		   !nghttp2_session_want_read(h->session) &&
		   !nghttp2_session_want_write(h->session)) {
		finish(h);
	}
}

/* ---- input --------------------------------------------------------------------------------------------------- */

/*
 * DATA on a stream that is over is told of by no callback. It is what was on its way when we reset the stream: no
 * effort to no end. Where there was no reset, and none waits to be sent, it is a mistake (RFC 9113, 5.1). Behind our
 * GOAWAY it is of a stream that we have not heard of.
 */
static void
take_untold_data(struct h2 *h, int32_t before)
{
	int32_t n = nghttp2_session_get_effective_recv_data_length(h->session) - before;

	/* Where the window was opened anew meanwhile it is too little rather than too much. */
	if (n > 0)
		h->data_counted += (uint32_t)n;
	if (h->data_counted <= h->data_told)
		return;
	h2_guard_body(&h->guard, h->data_counted - h->data_told);
	h->data_told = h->data_counted;
	if (!h->reset_any && h->phase == H2_OPEN &&
	    nghttp2_session_get_outbound_queue_size(h->session) == 0)
		h2_break_off(h, NGHTTP2_STREAM_CLOSED, "client sent DATA on a closed stream");
}

/* False: no more of it is wanted. */
static bool
feed(struct h2 *h, struct span bytes)
{
	int32_t data = nghttp2_session_get_effective_recv_data_length(h->session);
	ssize_t n;

	h2_condemn_if(h, h2_guard_read(&h->guard, bytes.n));
	if (h->phase == H2_BROKEN)
		return false;
	n = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes.p, bytes.n);
	h2_want_output(h);
	if (n < 0)
		h2_break_off(h,
		    n == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR,
		    nghttp2_strerror((int)n));
	take_untold_data(h, data);
	return h->phase != H2_BROKEN;
}

static void
read_frames(struct h2 *h)
{
	struct conn *c = &h->cc->conn;
	char bytes[BUFPOOL_LARGE];

	/* While the client does not take our frames it has no claim to be heard. */
	for (int i = 0; i < READS_AT_ONCE && c->out_bytes < H2_QUEUE_MAX; i++) {
		ssize_t n;

		if (h->phase == H2_BROKEN || !conn_may_read(c))
			return;
		n = conn_read(c, bytes, sizeof(bytes));
		if (n == CONN_EOF)
			client_conn_close(h->cc, h->stream_count > 0 ? client_gone : NULL);
		if (n <= 0)
			return; /* CONN_ERROR: on_error follows */
		if (!feed(h, span_of(bytes, (size_t)n)))
			return;
	}
	if (c->out_bytes < H2_QUEUE_MAX && conn_may_read(c))
		loop_defer(h2_loop(h), &h->input);
}

static void
input_run(struct deferred *d)
{
	read_frames(from_member(d, struct h2, input));
}

/* ---- the connection's side ------------------------------------------------------------------------------------- */

static void
wire_readable(struct client_conn *cc)
{
	read_frames(cc->h2);
}

static void
wire_writable(struct client_conn *cc)
{
	timer_clear(&cc->send_timer);
	h2_want_output(cc->h2);
	if (conn_may_read(&cc->conn))
		loop_defer(h2_loop(cc->h2), &cc->h2->input);
}

static void
wire_expired(struct client_conn *cc)
{
	struct h2 *h = cc->h2;

	if (h->heading)
		h2_break_off(h, NGHTTP2_NO_ERROR, "client timed out");
	else if (h->stream_count == 0)
		h2_leave_for_good(h);
}

static void
wire_release(struct client_conn *cc)
{
	struct h2 *h = cc->h2;

	while (h->streams)
		h2_stream_free(h->streams);
	loop_undefer(h2_loop(h), &h->output);
	loop_undefer(h2_loop(h), &h->input);
	timer_clear(&h->farewell);
	nghttp2_session_del(h->session);
	cc->h2 = NULL;
	free(h);
}

static bool
wire_idle(const struct client_conn *cc)
{
	return cc->h2->stream_count == 0;
}

static void
wire_retire(struct client_conn *cc)
{
	h2_leave(cc->h2);
}

static struct request *
wire_next_request(const struct client_conn *cc, const struct request *after)
{
	const struct h2_stream *s = (const struct h2_stream *)after;
	struct h2_stream *next = s ? s->next : cc->h2->streams;

	return next ? &next->request : NULL;
}

/* A client that is slow to take what is queued for it is not waited for, one that takes nothing not even to be told. */
static void
wire_cut(struct client_conn *cc, struct request *r, const char *why)
{
	struct h2_stream *s = h2_stream_of(r);

	if (cc->conn.out_bytes >= H2_QUEUE_MAX) {
		client_conn_close(cc, why);
		return;
	}
	request_abort(r, why);
	if (s->out.bytes > 0 && !s->aborted) {
		s->aborted = true;
		h2_stream_cut(s);
	}
}

static const char *
wire_doing(const struct client_conn *cc)
{
	if (cc->h2->heading)
		return " while reading client request headers";
	if (cc->h2->stream_count > 0)
		return " while processing HTTP/2 connection";
	return cc->client.requests ? " while keepalive" : " while waiting for request";
}

const struct wire h2_wire = {
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

/* ---- beginning ---------------------------------------------------------------------------------------------------- */

/* Made once per process, immutable after. */
static const nghttp2_option *
options(void)
{
	static nghttp2_option *o;

	if (o || nghttp2_option_new(&o) != 0)
		return o;
	/* h2_request.c is who checks fields, h2_guard.c who counts. */
	nghttp2_option_set_no_http_messaging(o, 1);
	nghttp2_option_set_stream_reset_rate_limit(o, UINT32_MAX, UINT32_MAX);
	/* h2_guard counts them; nghttp2 counts a frame's head anew for each piece in which it comes. */
	nghttp2_option_set_max_continuations(o, SIZE_MAX);
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	/* A response's head is as long as it was allowed to be where it came from: nghttp2 would drop it without a word. */
	nghttp2_option_set_max_send_header_block_length(o, INT32_MAX);
	return o;
}

static void
set_limits(struct h2 *h, const struct server_settings *settings)
{
	h->limits = (struct h2_limits){
		.names = {
			.underscores = settings->underscores_in_headers,
			.ignore_invalid = settings->ignore_invalid_headers,
			.max_headers = settings->max_headers,
		},
		.line_max = settings->large_header_buffer_size,
		.all_max = settings->client_header_buffer_size +
			   settings->large_header_buffer_count * settings->large_header_buffer_size,
	};
	h->header_list_max =
	    h->limits.all_max * BOMB_TIMES + (size_t)settings->max_headers * ENTRY_COST;
	h->body_window = (unsigned)settings->http2_body_preread_size;
}

static int
open_session(struct h2 *h, const struct server_settings *settings)
{
	nghttp2_settings_entry ours[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings->http2_max_concurrent_streams },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, h->body_window },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)h->limits.all_max },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
	};

	if (nghttp2_session_server_new2(&h->session, h2_callbacks(), h, options()) != 0)
		return -1;
	return nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, ours,
		   sizeof(ours) / sizeof(ours[0])) == 0 &&
		       nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
			   INT32_MAX) == 0
		   ? 0
		   : -1;
}

enum parse_result
h2_preface(struct span bytes)
{
	struct span preface = SPAN(NGHTTP2_CLIENT_MAGIC);

	if (bytes.n >= preface.n)
		return span_starts(bytes, preface) ? PARSE_OK : PARSE_BAD;
	return span_starts(preface, bytes) ? PARSE_MORE : PARSE_BAD;
}

void
h2_start(struct client_conn *cc, struct span first)
{
	const struct server *server = client_conn_first_server(cc);
	struct h2 *h = mem_zalloc(sizeof(*h));

	h->cc = cc;
	h->heads_tail = &h->heads;
	h->output.run = output_run;
	h->input.run = input_run;
	h->farewell.on_expire = farewell_expired;
	set_limits(h, server->settings);
	cc->h2 = h;
	cc->wire = &h2_wire;
	if (open_session(h, server->settings) < 0) {
		client_conn_close(cc, "HTTP/2 session failed");
		return;
	}
	h2_want_output(h);
	/* No event will tell of what else has come by now. */
	if (first.n > 0 && feed(h, first) && conn_may_read(&cc->conn))
		loop_defer(h2_loop(h), &h->input);
}
