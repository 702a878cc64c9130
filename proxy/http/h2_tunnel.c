/* SPDX-License-Identifier: ISC */
/*
 * h2_tunnel: a WebSocket on a stream (RFC 8441): extended CONNECT is to the handlers what Upgrade is in HTTP/1.1, and what
 * follows its 200 are raw bytes in DATA frames.
 *
 * END_STREAM is to one direction what the end of stream is to a TCP connection; the request lives until its handler has
 * seen both.
 */
#include "base/buf.h"
#include "base/encode.h"
#include "proxy/http/h2_session.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <stdlib.h>

/* RFC 6455, 4.1: 16 bytes, in base64. */
#define KEY_BYTES 16
/* Of a key, or of a digest. */
#define TEXT_MAX 32

static struct span
base64(struct arena *arena, const unsigned char *bytes, size_t n)
{
	struct buf text;
	struct span out;

	buf_init(&text, TEXT_MAX);
	if (encode_base64(&text, span_of(bytes, n)) < 0)
		abort();
	out = arena_dup(arena, buf_span(&text));
	buf_release(&text);
	return out;
}

/* RFC 6455, 4.2.2 */
static struct span
accept_of(struct arena *arena, struct span key)
{
	const struct span parts[] = { key, SPAN("258EAFA5-E914-47DA-95CA-C5AB0DC85B11") };
	struct span text = arena_concat(arena, parts, 2);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(text.p, text.n, digest, &n, EVP_sha1(), NULL) != 1)
		abort();
	return base64(arena, digest, n);
}

/* HTTP/2 has no use for the key (RFC 8441, 5.1), but the upstream wants one, and has to show that it knows what for. */
void
h2_tunnel_prepare(struct h2_stream *s)
{
	struct request *r = &s->request;
	const struct header *wish = header_find(&r->headers, HEADER_UPGRADE);
	unsigned char bytes[KEY_BYTES];
	struct span key;

	s->extended = true;
	header_hide_name(&r->headers, SPAN("sec-websocket-key"));
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		abort();
	key = base64(r->arena, bytes, sizeof(bytes));
	header_add(&r->headers, HEADER_OTHER, SPAN("sec-websocket-key"), key);
	if (wish && span_eq_nocase(wish->value, SPAN("websocket")))
		r->websocket_accept = accept_of(r->arena, key);
}

void
h2_tunnel_denied(struct h2_stream *s)
{
	struct request *r = &s->request;
	struct response *res = &r->response;

	if (res->status < 200 || res->status >= 300)
		return;
	request_log(r, LOG_LEVEL_INFO, "the answer to extended CONNECT is %u and no tunnel",
	    res->status);
	res->status = 502;
	res->content_length = 0;
	res->content_type = span_of(NULL, 0);
	res->no_body = true;
	s->out_left = -1;
}

static enum body_state
peek(struct request *r, struct span *bytes)
{
	struct h2_stream *s = h2_stream_of(r);

	if (s->in.bytes > 0) {
		*bytes = h2_queue_peek(&s->in);
		return BODY_DATA;
	}
	return s->body_end ? BODY_END : BODY_WAIT;
}

static void
consume(struct request *r, size_t n)
{
	struct h2_stream *s = h2_stream_of(r);

	if (n == 0)
		return;
	h2_queue_consume(&s->in, r->client->worker->pool, n);
	r->body_received += n;
	if (s->closed)
		return;
	nghttp2_session_consume_stream(s->h2->session, s->id, n);
	h2_want_output(s->h2);
}

static void
send_eof(struct request *r)
{
	struct h2_stream *s = h2_stream_of(r);

	s->eof = true;
	h2_stream_go_on(s);
}

/* The handler is through: what is queued goes out, then the stream's end. */
static void
send_end(struct request *r)
{
	struct h2_stream *s = h2_stream_of(r);
	bool told = s->eof && s->submitted && s->out.bytes == 0;

	h2_send_end(r);
	if (told && !s->closed && !s->body_end)
		h2_reset(s, NGHTTP2_CANCEL, true);
}

/* RFC 8441, 5 */
static void
send_cut(struct request *r)
{
	h2_abort(r, "upstream reset the upgraded connection");
}

static const struct codec tunnel_codec = {
	.send_body = h2_send_body,
	.send_eof = send_eof,
	.send_end = send_end,
	.send_cut = send_cut,
	.abort = h2_abort,
	.body_peek = peek,
	.body_consume = consume,
};

void
h2_begin_tunnel(struct request *r)
{
	struct h2_stream *s = h2_stream_of(r);
	struct response *res = &r->response;

	s->tunnel = true;
	s->out_left = res->content_length = -1;
	res->no_body = false;
	header_hide_name(&res->headers, SPAN("sec-websocket-accept"));
	r->codec = &tunnel_codec;
	if (!s->aborted)
		h2_stream_queue_head(s);
}
