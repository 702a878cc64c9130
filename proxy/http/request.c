/* SPDX-License-Identifier: ISC */
/*
 * request: routing, and the functions through which handlers answer; see request.h.
 *
 * Order of what a location may hold (nginx's phases, as straight steps): size limit, return, proxy, static files.
 */
#include "proxy/http/request.h"

#include "proxy/config/route.h"
#include "proxy/http/client_certificate.h"
#include "proxy/http/error_page.h"
#include "proxy/http/rate_limit.h"
#include "proxy/http/real_ip.h"
#include "proxy/http/redirect.h"
#include "proxy/http/response_fields.h"

const struct handler *
request_location_handler(const struct request *r)
{
	if (r->location->ret)
		return &return_handler;
	if (r->location->proxy)
		return &upstream_http_handler;
	return &static_file_handler;
}

void
request_route(struct request *r)
{
	unsigned refused = client_certificate_check(r);
	uint64_t max;

	if (refused) {
		request_fail(r, refused);
		return;
	}
	real_ip_find(r);
	if (r->server->ret) {
		r->location = &r->server->root_location;
		r->settings = r->server->location_settings;
		request_set_handler(r, &return_handler);
		return;
	}
	if (route_wants_slash(r->server, r->uri)) {
		redirect_send(r, 301,
		    arena_printf(r->arena, SPAN_FMT "/%s" SPAN_FMT, SPAN_ARG(r->uri),
			r->args.n > 0 ? "?" : "", SPAN_ARG(r->args)));
		return;
	}
	r->location = route_location(r->server, r->uri);
	r->settings = r->location->settings;
	if (!r->location->ret)
		real_ip_find(r); /* nginx: behind the rewrite phase */
	max = r->settings->client_max_body_size;
	if (max && r->body_framing == BODY_LENGTH && r->content_length > max) {
		request_log(r, LOG_LEVEL_ERROR,
		    "client intended to send too large body: %llu bytes",
		    (unsigned long long)r->content_length);
		request_fail(r, 413);
		return;
	}
	request_set_handler(r, request_location_handler(r));
}

void
request_set_handler(struct request *r, const struct handler *h)
{
	if (r->handler && r->handler->release)
		r->handler->release(r);
	r->handler = h;
	r->handler_state = NULL;
	h->start(r);
}

void
request_send_head(struct request *r)
{
	if (r->response.head_sent)
		return;
	response_fields_add(r);
	r->response.head_sent = true;
	r->codec->send_head(r);
}

void
request_begin_tunnel(struct request *r)
{
	response_fields_add(r);
	r->response.head_sent = true;
	r->codec->begin_tunnel(r);
}

void
request_send_eof(struct request *r)
{
	r->codec->send_eof(r);
}

size_t
request_send_body(struct request *r, struct span bytes)
{
	size_t allowed = r->response.no_body ? bytes.n : rate_limit_allow(r, bytes.n);

	if (allowed == 0 && bytes.n > 0)
		return 0;
	return r->codec->send_body(r, span_of(bytes.p, allowed));
}

ssize_t
request_send_file(struct request *r, int fd, uint64_t offset, size_t n)
{
	if (!r->codec->send_file || !r->settings->sendfile || r->response.no_body)
		return REQUEST_NO_FILE;
	n = rate_limit_allow(r, n);
	return n > 0 ? r->codec->send_file(r, fd, offset, n) : 0;
}

void
request_send_end(struct request *r)
{
	rate_limit_stop(r);
	r->codec->send_end(r);
}

void
request_abort(struct request *r, const char *reason)
{
	rate_limit_stop(r);
	r->codec->abort(r, reason);
}

/* ---- a body in memory: a handler of its own, as the client may take it in parts ------------------- */

static void
memory_send(struct request *r)
{
	struct span *rest = r->handler_state;

	*rest = span_after(*rest, request_send_body(r, *rest));
	if (rest->n == 0)
		request_send_end(r);
}

static const struct handler memory_handler = {
	.name = "memory",
	.start = memory_send,
	.on_writable = memory_send,
};

void
request_send_simple(struct request *r, unsigned status, struct span content_type, struct span body)
{
	struct span *rest = arena_zalloc(r->arena, sizeof(*rest));

	*rest = body;
	r->response.status = status;
	r->response.content_type = content_type;
	r->response.content_length = (int64_t)body.n;
	request_send_head(r);
	/* The one before has nothing more to say. */
	if (r->handler && r->handler->release)
		r->handler->release(r);
	r->handler = &memory_handler;
	r->handler_state = rest;
	memory_send(r);
}

/* There is no error_page yet. */
bool
request_has_error_page(const struct request *r, unsigned status)
{
	(void)r;
	(void)status;
	return false;
}

/* Where the next request would begin is in doubt, or we are: nginx's list. */
static bool
ends_connection(unsigned status)
{
	switch (status) {
	case 400:
	case 413:
	case 414:
	case STATUS_CERTIFICATE_ERROR:
	case STATUS_NO_CERTIFICATE:
	case STATUS_PLAIN_TO_TLS:
	case 500:
	case 501:
		return true;
	default:
		return false;
	}
}

void
request_fail(struct request *r, unsigned status)
{
	struct span body;

	if (r->response.head_sent) {
		request_abort(r, "error after the response began");
		return;
	}
	r->last_on_connection |= ends_connection(status);
	body = error_page_body(status, r->settings->server_tokens, r->arena);
	r->response.reason = span_of(NULL, 0);
	request_send_simple(r, error_page_wire_status(status),
	    body.n > 0 ? SPAN("text/html") : span_of(NULL, 0), body);
}
