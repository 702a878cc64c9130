/* SPDX-License-Identifier: ISC */
/*
 * upstream_response: the head of the upstream's answer: found, judged, and handed to the client or to whoever else
 * answers.
 */
#include "proxy/http/internal_redirect.h"
#include "proxy/http/rate_limit.h"
#include "proxy/upstream/tunnel.h"
#include "proxy/upstream/upstream_exchange.h"

#include <string.h>

/* Interim responses a peer may send before the real one. */
#define INTERIM_MAX 16

/* RFC 9110, 7.8: asked for, after the whole request, and to what. */
static bool
may_switch(const struct upstream_http *u, const struct http1_response_head *head)
{
	return u->r->upgrade && u->request_done && head->upgrade &&
	       head->framing == BODY_UNTIL_CLOSE;
}

/* RFC 6455, 4.1: the client's part of the handshake, where it is ours. */
static bool
accepts_websocket(const struct upstream_http *u, const struct http1_response_head *head)
{
	struct span wanted = u->r->websocket_accept;
	const struct header *h = header_find_name(&head->headers, SPAN("sec-websocket-accept"));

	return wanted.n == 0 || (h && span_eq(h->value, wanted));
}

/* X-Accel-Redirect: the client gets what is at another place of ours, of the response only a few fields. */
static bool
redirected_by_accel(struct upstream_http *u, const struct http1_response_head *head,
    const struct upstream_accel *accel)
{
	struct request *r = u->r;

	if (accel->redirect.n == 0)
		return false;
	balance_report(u->uc->peer, true, loop_now_ms(upstream_worker(u)->loop));
	upstream_message_redirected(r, head);
	upstream_end_attempt(u, false);
	u->phase = PHASE_DONE;
	internal_redirect_target(r, accel->redirect);
	return true;
}

/* proxy_intercept_errors: a status that has an error_page is answered with that. */
static bool
intercepted(struct upstream_http *u, const struct http1_response_head *head)
{
	unsigned status = head->status;
	struct request *r = u->r;

	if (!u->settings->intercept_errors || status < 300 || !request_has_error_page(r, status))
		return false;
	balance_report(u->uc->peer, true, loop_now_ms(upstream_worker(u)->loop));
	upstream_end_attempt(u, false);
	u->phase = PHASE_DONE;
	/* Without its challenge a 401 is of no use (nginx keeps it, too). */
	for (unsigned i = 0; status == 401 && i < head->headers.count; i++) {
		const struct header *h = &head->headers.rows[i];

		if (span_eq_nocase(h->name, SPAN("WWW-Authenticate")))
			header_add(&r->response.headers, HEADER_OTHER, h->name, h->value);
	}
	request_fail(r, status);
	return true;
}

/* 1xx: said to the client at once, but for 100, which was our business. False: there are too many of them. */
static bool
take_interim(struct upstream_http *u, const struct http1_response_head *head)
{
	struct request *r = u->r;

	if (++u->interims > INTERIM_MAX) {
		upstream_attempt_failed(u, NEXT_INVALID_HEADER,
		    "upstream sent too many interim responses", 0);
		return false;
	}
	if (head->status != 100 && (r->http_major > 1 || r->http_minor > 0)) {
		struct header_list fields;

		header_list_init(&fields, r->arena);
		upstream_message_interim(r, head, &fields);
		r->codec->send_interim(r, head->status, &fields);
	}
	return true;
}

/* 101: from now on it is a tunnel's. */
static void
switch_protocols(struct upstream_http *u, const struct http1_response_head *head)
{
	if (!may_switch(u, head)) {
		upstream_attempt_failed(u, NEXT_INVALID_HEADER,
		    "upstream switched protocols unasked", 0);
		return;
	}
	if (!accepts_websocket(u, head)) {
		upstream_attempt_failed(u, NEXT_INVALID_HEADER,
		    "upstream switched protocols, but knows nothing of WebSocket", 0);
		return;
	}
	u->attempt->status = head->status;
	u->attempt->header_ms = upstream_attempt_age(u);
	balance_report(u->uc->peer, true, loop_now_ms(upstream_worker(u)->loop));
	timer_clear(&u->timer);
	upstream_message_response(u->r, head);
	tunnel_start(u);
}

/* The real one. False: something else answers the client. */
static bool
take_final(struct upstream_http *u, const struct http1_response_head *head)
{
	struct upstream_accel accel = upstream_message_accel(u->r, head);

	u->attempt->status = head->status;
	u->attempt->header_ms = upstream_attempt_age(u);
	if (upstream_next_for_status(u, head->status) || redirected_by_accel(u, head, &accel) ||
	    intercepted(u, head))
		return false;
	u->framing = http1_response_body(head, u->request.method);
	u->left = u->framing == BODY_LENGTH ? head->content_length : 0;
	u->peer_keeps = head->keep_alive;
	u->phase = PHASE_BODY;
	u->buffering = u->settings->buffering;
	if (accel.buffering_on || accel.buffering_off)
		u->buffering = accel.buffering_on;
	if (accel.has_limit_rate)
		rate_limit_set(u->r, accel.limit_rate);
	u->spool.r = u->r;
	upstream_message_response(u->r, head);
	request_send_head(u->r);
	return true;
}

/* A head is whole. False: it was refused, or u has no part in what follows it. */
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
		upstream_attempt_failed(u, NEXT_INVALID_HEADER, "upstream sent invalid header", 0);
		return false;
	}
	if (head->status >= 200 || head->status == 101)
		r->upstream->head = head;
	if (head->status == 101) {
		switch_protocols(u, head);
		return false;
	}
	return head->status < 200 ? take_interim(u, head) : take_final(u, head);
}

/*
 * Bytes that were there before the request was sent answer something else (RFC 9112, 9.2): on a kept connection
 * mostly that it is about to close. False: the attempt has failed.
 */
static bool
was_asked(struct upstream_http *u)
{
	if (u->uc->conn.bytes_out > u->bytes_out_before)
		return true;
	upstream_attempt_failed(u, u->reused ? NEXT_ERROR : NEXT_INVALID_HEADER,
	    "upstream sent a response before it was asked", 0);
	return false;
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
			if (length > limit) {
				upstream_attempt_failed(u, NEXT_INVALID_HEADER,
				    "upstream sent too big header", 0);
				return;
			}
			if (!take_head(u, length))
				return;
			continue;
		case PARSE_BAD:
			request_log(u->r, LOG_LEVEL_ERROR, "upstream sent invalid header: %s", why);
			upstream_attempt_failed(u, NEXT_INVALID_HEADER,
			    "upstream sent invalid header", 0);
			return;
		case PARSE_MORE:
			break;
		}
		if (have.n >= limit) {
			upstream_attempt_failed(u, NEXT_INVALID_HEADER,
			    "upstream sent too big header", 0);
			return;
		}
		if (!conn_may_read(&u->uc->conn)) {
			upstream_arm_timer(u);
			return;
		}
		if (!u->in)
			u->in = bufpool_borrow(upstream_worker(u)->pool,
			    limit > BUFPOOL_LARGE ? limit : BUFPOOL_LARGE);
		if (u->in->start > 0) {
			memmove(u->in->data, have.p, have.n);
			u->in->start = 0;
			u->in->end = (unsigned)have.n;
		}
		switch (upstream_read(u, chunk_room(u->in))) {
		case 1:
			if (!was_asked(u))
				return;
			break;
		case -1:
			return;
		case 0:
			if (chunk_filled(u->in) == 0)
				upstream_drop_input(u);
			upstream_arm_timer(u);
			return;
		}
	}
}

void
upstream_pump_response(struct upstream_http *u)
{
	if (u->phase == PHASE_HEAD)
		pump_head(u);
	if (u->phase == PHASE_BODY && u->uc)
		upstream_pump_body(u);
}
