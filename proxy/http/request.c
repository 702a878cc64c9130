/* SPDX-License-Identifier: ISC */
/* request: the functions through which handlers answer; see request.h. */
#include "proxy/http/request.h"

#include "proxy/http/error_page.h"
#include "proxy/http/error_redirect.h"
#include "proxy/http/rate_limit.h"
#include "proxy/http/response_fields.h"

void
request_set_handler(struct request *r, const struct handler *h)
{
	if (r->intercept && r->intercept(r, h))
		return;
	if (r->handler && r->handler->release)
		r->handler->release(r);
	r->handler = h;
	r->handler_state = NULL;
	h->start(r);
}

/* An error page has the status of the error, and its date only with one that means success. */
static void
override_status(struct response *res)
{
	bool was_part = res->status == 206 || res->status == 304;

	if (res->override == 200 && was_part)
		return;
	res->status = res->override;
	res->reason = span_of(NULL, 0);
	if (res->status != 200 && res->status != 204)
		res->last_modified = -1;
}

void
request_send_head(struct request *r)
{
	if (r->response.head_sent)
		return;
	if (r->response.override)
		override_status(&r->response);
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

void
request_send_cut(struct request *r)
{
	r->codec->send_cut(r);
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
	if (error_redirect(r, status))
		return;
	body = error_page_body(status, r->settings->server_tokens, r->arena);
	r->response.reason = span_of(NULL, 0);
	request_send_simple(r, error_page_wire_status(status),
	    body.n > 0 ? SPAN("text/html") : span_of(NULL, 0), body);
}
