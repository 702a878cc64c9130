/* SPDX-License-Identifier: ISC */
/*
 * http1_tunnel: the client's end of an upgraded connection: what follows the head of its request, and of the 101, is
 * raw (RFC 9110, 7.8).
 *
 * The second codec of a connection: put in the place of the first once the 101 is queued. Bytes the client sent
 * early are in the input chunk already and come first.
 */
#include "proxy/http/client_conn.h"
#include "proxy/worker/worker_state.h"

static void
drop_input(struct client_conn *cc)
{
	bufpool_return(cc->client.worker->pool, cc->http1.in);
	cc->http1.in = NULL;
}

static ssize_t
read_some(struct client_conn *cc)
{
	struct http1 *h = &cc->http1;

	if (!conn_may_read(&cc->conn))
		return CONN_AGAIN;
	if (!h->in)
		h->in = bufpool_borrow(cc->client.worker->pool, BUFPOOL_LARGE);
	h->in->start = h->in->end = 0;
	return conn_read(&cc->conn, h->in->data, h->in->size);
}

static enum body_state
peek(struct request *r, struct span *bytes)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;
	ssize_t n;

	if (!h->in || chunk_filled(h->in) == 0) {
		n = h->body_end ? CONN_EOF : read_some(cc);
		if (n <= 0)
			drop_input(cc);
		if (n == CONN_AGAIN)
			return BODY_WAIT;
		if (n == CONN_EOF) {
			h->body_end = true;
			return BODY_END;
		}
		if (n < 0)
			return BODY_FAILED; /* on_error follows */
		h->in->end = (unsigned)n;
	}
	*bytes = span_of(h->in->data + h->in->start, chunk_filled(h->in));
	return BODY_DATA;
}

static void
consume(struct request *r, size_t n)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;

	h->in->start += (unsigned)n;
	r->body_received += n;
	/* A tunnel nobody talks through holds no buffer. */
	if (chunk_filled(h->in) == 0 && !conn_may_read(&cc->conn))
		drop_input(cc);
}

static size_t
send_body(struct request *r, struct span bytes)
{
	struct client_conn *cc = client_conn_of(r->client);
	size_t taken = conn_write(&cc->conn, bytes);

	r->response.body_bytes += taken;
	r->response.wire_bytes += taken;
	if (taken < bytes.n)
		client_conn_wait_drain(cc, r->settings->send_timeout_ms);
	return taken;
}

static void
send_eof(struct request *r)
{
	struct client_conn *cc = client_conn_of(r->client);

	conn_shutdown_write(&cc->conn);
	conn_want_drain(&cc->conn);
	client_conn_wait_drain(cc, r->settings->send_timeout_ms);
}

static void
send_end(struct request *r)
{
	struct http1 *h = &client_conn_of(r->client)->http1;

	if (h->ended)
		return;
	h->ended = true;
	r->complete = true;
	loop_defer(r->client->worker->loop, &h->finish);
}

static const struct codec tunnel_codec = {
	.send_body = send_body,
	.send_eof = send_eof,
	.send_end = send_end,
	.send_cut = send_end, /* what is queued comes first, and then no more can be said */
	.abort = http1_abort,
	.body_peek = peek,
	.body_consume = consume,
};

void
http1_begin_tunnel(struct request *r)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;

	http1_send_head(r);
	timer_clear(&cc->timer);
	h->state = HTTP1_TUNNEL;
	h->keep_alive = false;
	h->body_end = h->body_failed = false;
	r->codec = &tunnel_codec;
}
