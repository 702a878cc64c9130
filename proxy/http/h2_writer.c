/* SPDX-License-Identifier: ISC */
/*
 * h2_writer: responses as frames; see h2_conn.h. Fields come in the same order as in HTTP/1.
 *
 * Names and values stay where they are, in the request's arena or static, until nghttp2 has made the frame; a stream that
 * ends before takes its frames with it.
 */
#include "base/clock.h"
#include "proxy/http/error_page.h"
#include "proxy/http/h2_session.h"
#include "proxy/http/http1_lex.h"

/* :status, server, date, content-type, content-length, last-modified, location */
#define PLACED_MAX 8

struct field_list {
	nghttp2_nv *rows;
	size_t count;
};

/* name: in lower case. Blanks around a value, which HTTP/1.1 passes over, are none of it here (RFC 9113, 8.2.1). */
static void
add(struct field_list *l, struct span name, struct span value)
{
	value = lex_trim(value);
	l->rows[l->count++] = (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name.p,
		.namelen = name.n,
		.value = (uint8_t *)(uintptr_t)(value.p ? value.p : ""),
		.valuelen = value.n,
		.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
	};
}

/* Of another kind of connection, or with a place further up. */
static bool
is_skipped(const struct header *h)
{
	return h->hidden || h->id == HEADER_SERVER || h->id == HEADER_DATE ||
	       h->id == HEADER_LAST_MODIFIED || h->id == HEADER_LOCATION ||
	       header_is_of_connection(h->id);
}

static void
add_placed(struct field_list *l, const struct response *res, enum header_id id, struct span name)
{
	const struct header *h = header_find(&res->headers, id);

	if (h)
		add(l, name, h->value);
}

/* The upstream's, where proxy_pass_header lets it through, else ours. */
static void
add_signature(struct field_list *l, const struct request *r)
{
	const struct header *server = header_find(&r->response.headers, HEADER_SERVER);
	const struct header *date = header_find(&r->response.headers, HEADER_DATE);
	struct span ours =
	    r->settings->server_tokens ? SPAN("tinyproxyd/" GATEHOUSE_VERSION) : SPAN("tinyproxyd");

	add(l, SPAN("server"), server ? server->value : ours);
	if (date) {
		add(l, SPAN("date"), date->value);
		return;
	}
	/* The loop's is another a second from now. */
	add(l, SPAN("date"),
	    arena_dup(r->arena, span_of(loop_http_date(r->client->worker->loop), CLOCK_HTTP_LEN)));
}

static void
add_fixed(struct field_list *l, const struct request *r)
{
	const struct response *res = &r->response;

	/* What is 101 in HTTP/1.1 is 200 here (RFC 8441, 4). */
	add(l, SPAN(":status"),
	    arena_decimal(r->arena, res->status == 101 ? 200 : res->status % 1000));
	add_signature(l, r);
	if (res->content_type.n > 0)
		add(l, SPAN("content-type"), res->content_type);
	if (res->content_length >= 0 && res->status != 204 && res->status >= 200)
		add(l, SPAN("content-length"),
		    arena_decimal(r->arena, (uint64_t)res->content_length));
	if (res->last_modified >= 0) {
		char *date = arena_bytes(r->arena, CLOCK_HTTP_LEN + 1);

		clock_format_http(res->last_modified, date);
		add(l, SPAN("last-modified"), span_of(date, CLOCK_HTTP_LEN));
	} else {
		add_placed(l, res, HEADER_LAST_MODIFIED, SPAN("last-modified"));
	}
	add_placed(l, res, HEADER_LOCATION, SPAN("location"));
}

void
h2_submit_head(struct h2_stream *s)
{
	struct request *r = &s->request;
	const struct response *res = &r->response;
	struct field_list l = { .count = 0 };
	nghttp2_data_provider body = { .source = { .ptr = s }, .read_callback = h2_read_body };
	bool over = s->ended && s->out.bytes == 0;
	bool bare = !s->cut && (res->no_body || (over && res->trailers.count == 0));

	l.rows = arena_array(r->arena, res->headers.count + PLACED_MAX, sizeof(*l.rows));
	add_fixed(&l, r);
	for (unsigned i = 0; i < res->headers.count; i++) {
		const struct header *h = &res->headers.rows[i];

		if (!is_skipped(h))
			add(&l, arena_lowered(r->arena, h->name), h->value);
	}
	s->submitted = true;
	nghttp2_submit_response(s->h2->session, s->id, l.rows, l.count, bare ? NULL : &body);
	if (over && s->cut)
		h2_stream_cut(s);
}

void
h2_send_interim(struct request *r, unsigned status, const struct header_list *fields)
{
	struct h2_stream *s = h2_stream_of(r);
	struct field_list l = { .count = 0 };

	if (s->ended || s->aborted)
		return;
	l.rows = arena_array(r->arena, (fields ? fields->count : 0) + 1, sizeof(*l.rows));
	add(&l, SPAN(":status"), arena_decimal(r->arena, status % 1000));
	for (unsigned i = 0; fields && i < fields->count; i++) {
		const struct header *h = &fields->rows[i];

		if (!header_is_of_connection(h->id) && !h->hidden)
			add(&l, arena_lowered(r->arena, h->name), h->value);
	}
	nghttp2_submit_headers(s->h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, l.rows, l.count,
	    NULL);
	h2_want_output(s->h2);
}

static void
submit_trailer(struct h2_stream *s)
{
	struct request *r = &s->request;
	const struct header_list *trailers = &r->response.trailers;
	struct field_list l = { .count = 0 };

	l.rows = arena_array(r->arena, trailers->count, sizeof(*l.rows));
	for (unsigned i = 0; i < trailers->count; i++)
		add(&l, arena_lowered(r->arena, trailers->rows[i].name), trailers->rows[i].value);
	nghttp2_submit_trailer(s->h2->session, s->id, l.rows, l.count);
}

ssize_t
h2_read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
    nghttp2_data_source *source, void *user)
{
	struct h2_stream *s = source->ptr;
	size_t n = s->out.bytes, chunk = s->request.settings->http2_chunk_size;

	if (n == 0 && (!(s->ended || s->eof) || s->cut || s->aborted)) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n > length)
		n = length;
	if (n > chunk)
		n = chunk;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n == s->out.bytes && (s->ended || s->eof) && !s->cut && !s->aborted) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (s->request.response.trailers.count > 0) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			submit_trailer(s);
		}
	}
	return (ssize_t)n;
}

int
h2_write_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd, size_t length,
    nghttp2_data_source *source, void *user)
{
	struct h2_stream *s = source->ptr;
	struct conn *c = &s->h2->cc->conn;
	size_t left = length;

	if (c->out_bytes >= s->h2->round_end)
		return NGHTTP2_ERR_WOULDBLOCK;
	conn_queue(c, span_of(framehd, H2_FRAME_HEAD));
	while (left > 0) {
		struct span run = h2_queue_peek(&s->out);

		if (run.n > left)
			run.n = left;
		conn_queue(c, run);
		h2_stream_sent(s, run.n);
		left -= run.n;
	}
	return 0;
}
