/* SPDX-License-Identifier: ISC */
/*
 * fake_request: a request without a connection: the codec here writes down what a handler answers.
 *
 *	struct fake f;
 *	fake_init(&f, "GET", "/a?b=c");
 *	static_file_handler.start(&f.request);
 *	assert_int_equal(f.request.response.status, 200);
 */
#ifndef TESTS_UNIT_PROXY_HTTP_FAKE_REQUEST_H
#define TESTS_UNIT_PROXY_HTTP_FAKE_REQUEST_H

#include "base/buf.h"
#include "proxy/config/route.h"
#include "proxy/http/request.h"
#include "proxy/worker/worker_state.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>

struct fake {
	struct worker worker;
	struct generation generation;
	struct snapshot snapshot;
	struct server server;
	struct location location;
	struct location_settings settings;
	struct template_part index_part;
	struct template index, root_path;
	const struct template *indexes[1];
	struct document_root root;
	struct client client;
	struct address remote, local; /* of client */
	struct request request;
	struct buf body;
	size_t room; /* bytes the client takes before it stops; SIZE_MAX to start */
	bool head_sent, ended, aborted;
};

static inline struct fake *
fake_of(struct request *r)
{
	return (struct fake *)((char *)r - offsetof(struct fake, request));
}

static inline void
fake_send_head(struct request *r)
{
	struct fake *f = fake_of(r);

	assert_false(f->head_sent);
	f->head_sent = true;
	r->response.no_body = r->is_head || r->response.status == 204 || r->response.status == 304;
}

static inline size_t
fake_send_body(struct request *r, struct span bytes)
{
	struct fake *f = fake_of(r);
	size_t n = bytes.n < f->room ? bytes.n : f->room;

	assert_true(f->head_sent && !f->ended);
	if (r->response.no_body)
		return bytes.n;
	assert_int_equal(buf_add(&f->body, span_of(bytes.p, n)), 0);
	f->room -= n;
	r->response.body_bytes += n;
	return n;
}

static inline void
fake_send_end(struct request *r)
{
	struct fake *f = fake_of(r);

	assert_true(f->head_sent && !f->ended && !f->aborted);
	f->ended = true;
	r->complete = true;
}

static inline void
fake_abort(struct request *r, const char *reason)
{
	fake_of(r)->aborted = true;
}

static const struct codec fake_codec = {
	.send_head = fake_send_head,
	.send_body = fake_send_body,
	.send_end = fake_send_end,
	.abort = fake_abort,
};

static inline void
fake_address(struct address *a, const char *ip, unsigned port)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET6, ip, &a->u.in6.sin6_addr) == 1) {
		a->u.in6.sin6_family = AF_INET6;
		a->u.in6.sin6_port = htons((uint16_t)port);
		a->len = sizeof(a->u.in6);
		return;
	}
	assert_int_equal(inet_pton(AF_INET, ip, &a->u.in.sin_addr), 1);
	a->u.in.sin_family = AF_INET;
	a->u.in.sin_port = htons((uint16_t)port);
	a->len = sizeof(a->u.in);
}

static inline void
fake_header(struct fake *f, const char *name, const char *value)
{
	header_add(&f->request.headers, header_identify(span_str(name)), span_str(name),
	    span_str(value));
}

/* The response's field, or "" */
static inline struct span
fake_sent(struct fake *f, const char *name)
{
	const struct header *h = header_find_name(&f->request.response.headers, span_str(name));

	return h ? h->value : SPAN("");
}

/* Where the files are; path lasts as long as f. */
static inline void
fake_root(struct fake *f, const char *path, size_t alias)
{
	f->root_path = (struct template){ .source = span_str(path), .literal = true };
	f->root = (struct document_root){ &f->root_path, alias };
	f->settings.root = &f->root;
}

/* method and target are literals. */
static inline void
fake_init(struct fake *f, const char *method, const char *target)
{
	struct request *r = &f->request;
	struct location_index *locations;
	struct span whole = span_str(target);
	ptrdiff_t query = span_find(whole, '?');

	memset(f, 0, sizeof(*f));
	f->room = SIZE_MAX;
	f->worker.loop = loop_new();
	f->worker.pool = bufpool_new();
	f->worker.pid = 4711;
	f->generation.refs = 1;
	f->generation.worker = &f->worker;
	f->generation.snapshot = &f->snapshot;
	f->worker.generation = &f->generation;
	f->index_part.text = SPAN("index.html");
	f->index = (struct template){
		.source = f->index_part.text, .parts = &f->index_part, .count = 1, .literal = true
	};
	f->indexes[0] = &f->index;
	f->settings.index = f->indexes;
	f->settings.index_count = 1;
	f->settings.absolute_redirect = f->settings.port_in_redirect = true;
	fake_root(f, "", 0);
	f->settings.default_type = SPAN("application/octet-stream");
	f->location.path = SPAN("/");
	f->location.settings = &f->settings;
	f->settings.etag = true;
	f->settings.if_modified_since = MODIFIED_SINCE_EXACT;
	f->server.location_settings = &f->settings;
	f->server.root_location = f->location;
	f->client.worker = &f->worker;
	f->client.number = 7;
	f->client.requests = 3;
	fake_address(&f->remote, "192.0.2.1", 5000);
	fake_address(&f->local, "127.0.0.1", 80);
	f->client.remote = &f->remote.u.sa;
	f->client.local = &f->local.u.sa;
	buf_init(&f->body, 1 << 24);
	r->arena = arena_new(0);
	locations = location_index_new(r->arena);
	assert_true(location_index_add(locations, &f->location));
	location_index_finish(locations);
	f->server.locations = locations;
	r->client = &f->client;
	r->generation = &f->generation;
	r->snapshot = &f->snapshot;
	r->server = &f->server;
	r->location = &f->location;
	r->settings = &f->settings;
	r->codec = &fake_codec;
	r->method = span_str(method);
	r->is_head = span_eq(r->method, SPAN("HEAD"));
	r->target = r->path_query = whole;
	r->has_query = query >= 0;
	r->uri = query >= 0 ? span_of(whole.p, (size_t)query) : whole;
	if (r->has_query)
		r->args = span_after(whole, (size_t)query + 1);
	r->request_line = arena_printf(r->arena, "%s %s HTTP/1.1", method, target);
	r->host = SPAN("a.example");
	r->http_major = r->http_minor = 1;
	r->response.content_length = -1;
	r->response.last_modified = -1;
	r->started_ms = loop_now_ms(f->worker.loop);
	variable_store_init(&r->variables, r->arena, 0);
	header_list_init(&r->headers, r->arena);
	header_list_init(&r->response.headers, r->arena);
	header_list_init(&r->response.trailers, r->arena);
}

static inline void
fake_release(struct fake *f)
{
	if (f->request.handler && f->request.handler->release)
		f->request.handler->release(&f->request);
	arena_free(f->request.arena);
	buf_release(&f->body);
	assert_int_equal(bufpool_borrowed(f->worker.pool), 0);
	bufpool_free(f->worker.pool);
	loop_free(f->worker.loop);
}

#endif
