/* SPDX-License-Identifier: ISC */
/* http1_writer: the response on the wire; see http1_conn.h. Fields come in nginx's order. */
#include "base/clock.h"
#include "proxy/http/client_conn.h"
#include "proxy/http/error_page.h"
#include "proxy/http/http1_put.h"
#include "proxy/http/request_life.h"
#include "proxy/worker/listen_slot.h"
#include "proxy/worker/worker_state.h"

#include <sys/socket.h>

/* Chunk-coded bytes waiting for the socket before the handler is asked for no more. */
#define CHUNKED_QUEUE_MAX 32768
/* Status line, Server, Date, lengths, Connection: more than they can take together. */
#define FIXED_ROOM 512

/* Has a place of its own further up. */
static bool
is_placed(const struct header *h)
{
	return h->hidden || h->id == HEADER_LAST_MODIFIED || h->id == HEADER_LOCATION;
}

static bool
statusless_body(const struct request *r)
{
	unsigned status = r->response.status;

	return r->is_head || status == 204 || status == 304 || status < 200;
}

/* Will the end of the request's body not be known? What no handler asked for is read to its end and dropped. */
static bool
body_is_lost(const struct request *r, const struct http1 *h)
{
	if (h->body_end)
		return false;
	if (h->want_continue)
		return true;
	if (!h->body_wanted)
		return false;
	return r->body_framing == BODY_CHUNKED || h->body->left > (h->in ? chunk_filled(h->in) : 0);
}

/* How the response's end will be known, and whether another may follow. */
static void
choose_framing(struct request *r, struct client_conn *cc)
{
	struct http1 *h = &cc->http1;
	struct response *res = &r->response;

	res->no_body = statusless_body(r);
	h->out_chunked =
	    !res->no_body && res->content_length < 0 && r->http_minor >= 1 && r->settings->chunked;
	h->out_left = res->no_body ? -1 : res->content_length;
	if (!res->no_body && res->content_length < 0 && !h->out_chunked)
		h->keep_alive = false;
	if (body_is_lost(r, h) || (h->keep_alive && !request_may_follow(r)))
		h->keep_alive = false;
	res->kept = h->keep_alive;
	res->chunked = h->out_chunked;
}

static size_t
head_size(const struct response *res, struct span reason)
{
	size_t size = FIXED_ROOM + reason.n + res->content_type.n;

	for (unsigned i = 0; i < res->headers.count; i++)
		size +=
		    res->headers.rows[i].name.n + res->headers.rows[i].value.n + HTTP1_FIELD_COST;
	return size;
}

static char *
put_status_line(char *p, unsigned status, struct span reason)
{
	p = http1_put(p, SPAN("HTTP/1.1 "));
	p = decimal_put(p, status % 1000);
	*p++ = ' ';
	p = http1_put(p, reason);
	return http1_put(p, SPAN("\r\n"));
}

static char *
put_placed(char *p, const struct response *res, enum header_id id)
{
	const struct header *h = header_find(&res->headers, id);

	return h ? http1_put_field(p, h->name, h->value) : p;
}

/* Ours, unless proxy_pass_header lets the upstream's through: that stands where it stood. */
static char *
put_server(char *p, const struct request *r)
{
	struct span ours =
	    r->settings->server_tokens ? SPAN("tinyproxyd/" GATEHOUSE_VERSION) : SPAN("tinyproxyd");

	if (header_find(&r->response.headers, HEADER_SERVER))
		return p;
	return http1_put_field(p, SPAN("Server"), ours);
}

static char *
put_date(char *p, const struct request *r)
{
	struct span now = span_of(loop_http_date(r->client->worker->loop), CLOCK_HTTP_LEN);

	if (header_find(&r->response.headers, HEADER_DATE))
		return p;
	return http1_put_field(p, SPAN("Date"), now);
}

static char *
put_connection(char *p, const struct request *r, const struct http1 *h)
{
	int64_t timeout_s = r->settings->keepalive_header_ms / 1000;

	if (r->response.status == 101)
		return http1_put(p, SPAN("Connection: upgrade\r\n"));
	if (!h->keep_alive)
		return http1_put(p, SPAN("Connection: close\r\n"));
	p = http1_put(p, SPAN("Connection: keep-alive\r\n"));
	if (timeout_s <= 0)
		return p;
	p = http1_put(p, SPAN("Keep-Alive: timeout="));
	p = decimal_put(p, (uint64_t)timeout_s);
	return http1_put(p, SPAN("\r\n"));
}

static char *
put_head(char *p, struct request *r, const struct http1 *h, struct span reason)
{
	const struct response *res = &r->response;

	p = put_status_line(p, res->status, reason);
	p = put_server(p, r);
	p = put_date(p, r);
	if (res->content_type.n > 0)
		p = http1_put_field(p, SPAN("Content-Type"), res->content_type);
	if (res->content_length >= 0 && res->status != 204 && res->status >= 200)
		p = http1_put_length(p, (uint64_t)res->content_length);
	if (res->last_modified >= 0) {
		char date[CLOCK_HTTP_LEN + 1];

		clock_format_http(res->last_modified, date);
		p = http1_put_field(p, SPAN("Last-Modified"), span_of(date, CLOCK_HTTP_LEN));
	} else {
		p = put_placed(p, res, HEADER_LAST_MODIFIED);
	}
	p = put_placed(p, res, HEADER_LOCATION);
	if (h->out_chunked)
		p = http1_put(p, SPAN("Transfer-Encoding: chunked\r\n"));
	return put_connection(p, r, h);
}

void
http1_send_head(struct request *r)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;
	struct response *res = &r->response;
	struct span reason = res->reason.n > 0 ? res->reason : error_page_reason(res->status);
	char *start, *p;

	choose_framing(r, cc);
	client_conn_set_nodelay(cc, r->settings->tcp_nodelay);
	start = conn_queue_reserve(&cc->conn, head_size(res, reason));
	p = put_head(start, r, h, reason);
	for (unsigned i = 0; i < res->headers.count; i++) {
		const struct header *f = &res->headers.rows[i];

		if (!is_placed(f))
			p = http1_put_field(p, f->name, f->value);
	}
	p = http1_put(p, SPAN("\r\n"));
	res->wire_bytes += (size_t)(p - start);
	conn_queue_commit(&cc->conn, (size_t)(p - start));
}

/* One chunk per run; 0 when enough is waiting. */
static size_t
send_chunk(struct client_conn *cc, struct span bytes)
{
	struct conn *c = &cc->conn;
	char *start, *end;

	if (c->out_bytes >= CHUNKED_QUEUE_MAX) {
		conn_want_drain(c);
		return 0;
	}
	if (bytes.n > CHUNKED_QUEUE_MAX)
		bytes.n = CHUNKED_QUEUE_MAX;
	start = conn_queue_reserve(c, HTTP1_CHUNK_SIZE_MAX);
	end = http1_put_chunk_size(start, bytes.n);
	conn_queue_commit(c, (size_t)(end - start));
	conn_queue(c, bytes);
	conn_queue(c, SPAN("\r\n"));
	cc->http1.request->response.wire_bytes += (size_t)(end - start) + 2;
	return bytes.n;
}

static size_t
send_chunks(struct client_conn *cc, struct span bytes)
{
	size_t taken = 0;

	while (taken < bytes.n) {
		size_t n = send_chunk(cc, span_after(bytes, taken));

		if (n == 0)
			break;
		taken += n;
	}
	return taken;
}

size_t
http1_send_body(struct request *r, struct span bytes)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;
	size_t offered = bytes.n, taken;

	if (r->response.no_body || h->ended || cc->conn.failed)
		return offered;
	if (h->out_chunked) {
		taken = send_chunks(cc, bytes);
	} else {
		/* Never more than was announced: what follows would be read as another response. */
		if (h->out_left >= 0 && bytes.n > (uint64_t)h->out_left)
			bytes.n = (size_t)h->out_left;
		taken = conn_write(&cc->conn, bytes);
		if (h->out_left >= 0)
			h->out_left -= (int64_t)taken;
	}
	r->response.body_bytes += taken;
	r->response.wire_bytes += taken;
	if (taken == bytes.n)
		return offered;
	client_conn_wait_drain(cc, r->settings->send_timeout_ms);
	return taken;
}

ssize_t
http1_send_file(struct request *r, int fd, uint64_t offset, size_t n)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;
	ssize_t taken;

	if (h->ended || h->out_chunked || conn_is_tls(&cc->conn) || cc->conn.failed)
		return REQUEST_NO_FILE;
	if (h->out_left >= 0 && n > (uint64_t)h->out_left)
		n = (size_t)h->out_left;
	taken = conn_write_file(&cc->conn, fd, offset, n, r->settings->tcp_nopush);
	if (taken == CONN_NO_FILE)
		return REQUEST_NO_FILE;
	if (taken < 0)
		return -1;
	if (h->out_left >= 0)
		h->out_left -= taken;
	r->response.body_bytes += (uint64_t)taken;
	r->response.wire_bytes += (uint64_t)taken;
	if ((size_t)taken < n)
		client_conn_wait_drain(cc, r->settings->send_timeout_ms);
	return taken;
}

/* With the trailer, if there is one. Bytes on the wire. */
static size_t
queue_last_chunk(struct conn *c, const struct header_list *trailer)
{
	size_t size = 5;
	char *p;

	for (unsigned i = 0; i < trailer->count; i++)
		size += trailer->rows[i].name.n + trailer->rows[i].value.n + HTTP1_FIELD_COST;
	p = conn_queue_reserve(c, size);
	p = http1_put(p, SPAN("0\r\n"));
	for (unsigned i = 0; i < trailer->count; i++)
		p = http1_put_field(p, trailer->rows[i].name, trailer->rows[i].value);
	http1_put(p, SPAN("\r\n"));
	conn_queue_commit(c, size);
	return size;
}

void
http1_send_end(struct request *r)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;

	if (h->ended)
		return;
	if (h->out_left > 0) {
		http1_abort(r, "response shorter than announced");
		return;
	}
	h->ended = true;
	r->complete = true;
	if (h->out_chunked)
		r->response.wire_bytes += queue_last_chunk(&cc->conn, &r->response.trailers);
	/* In time to leave with the response. */
	if (!h->keep_alive)
		conn_shutdown_write(&cc->conn);
	loop_defer(r->client->worker->loop, &h->finish);
}

void
http1_send_interim(struct request *r, unsigned status, const struct header_list *fields)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct span reason = status == 100 ? SPAN("Continue") : error_page_reason(status);
	unsigned count = fields ? fields->count : 0;
	size_t size = 32 + reason.n;
	char *start, *p;

	for (unsigned i = 0; i < count; i++)
		size += fields->rows[i].name.n + fields->rows[i].value.n + HTTP1_FIELD_COST;
	start = p = conn_queue_reserve(&cc->conn, size);
	p = put_status_line(p, status, reason);
	for (unsigned i = 0; i < count; i++)
		p = http1_put_field(p, fields->rows[i].name, fields->rows[i].value);
	p = http1_put(p, SPAN("\r\n"));
	conn_queue_commit(&cc->conn, (size_t)(p - start));
}

void
http1_abort(struct request *r, const char *reason)
{
	struct client_conn *cc = client_conn_of(r->client);
	struct http1 *h = &cc->http1;
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (h->ended)
		return;
	request_log(r, LOG_LEVEL_INFO, "response cut: %s", reason);
	h->ended = h->aborted = true;
	h->keep_alive = false;
	/* Where only the connection's end would tell the body's, it must not look orderly. */
	if (r->response.head_sent && !r->response.no_body && !h->out_chunked && h->out_left < 0)
		setsockopt(cc->conn.watch.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	loop_defer(r->client->worker->loop, &h->finish);
}
