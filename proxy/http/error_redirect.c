/* SPDX-License-Identifier: ISC */
/* error_redirect: see error_redirect.h. */
#include "proxy/http/error_redirect.h"

#include "proxy/http/error_page.h"
#include "proxy/http/internal_redirect.h"
#include "proxy/http/redirect.h"

static const struct error_target *
find_target(const struct request *r, unsigned status)
{
	const struct error_target *t = r->settings->error_pages;

	while (t && t->status != status)
		t = t->next;
	return t;
}

bool
request_has_error_page(const struct request *r, unsigned status)
{
	return find_target(r, status) != NULL;
}

/* What the failed attempt had to say of its body. */
static void
forget_response(struct response *res)
{
	res->reason = res->content_type = span_of(NULL, 0);
	res->content_length = res->last_modified = -1;
	res->from_upstream = false;
}

/* A body that broke, or that something has read from and nobody keeps, does not go along. */
static void
forget_body(struct request *r, unsigned status)
{
	bool broke = status == 400 || status == 408 || status == 413;

	if (!broke && (r->body_received == 0 || r->body_buffer))
		return;
	r->body_dropped = true;
	r->content_length = 0;
	/* Who is asked next learns that there is none. */
	if (r->body_framing != BODY_NONE)
		r->body_framing = BODY_LENGTH;
}

static bool
is_redirect(unsigned status)
{
	return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

bool
error_redirect(struct request *r, unsigned status)
{
	const struct error_target *t;
	unsigned answer;
	struct span uri;

	r->response.override = 0;
	if (r->error_final || !r->settings->error_pages || internal_redirect_exhausted(r))
		return false;
	r->error_redirected = true;
	r->error_final = !r->settings->recursive_error_pages;
	t = find_target(r, status);
	if (!t)
		return false;
	answer = t->answer >= 0 ? (unsigned)t->answer : error_page_wire_status(status);
	/* The target may ask for $status. */
	r->response.status = status;
	uri = template_eval(t->uri, r, r->arena);
	if (uri.n == 0 || (uri.p[0] != '/' && uri.p[0] != '@')) {
		redirect_send(r, is_redirect(answer) ? answer : 302, uri);
		return true;
	}
	forget_response(&r->response);
	forget_body(r, status);
	r->response.override = answer;
	if (uri.p[0] == '/' && !r->is_head)
		r->method = SPAN("GET");
	internal_redirect_to(r, uri);
	return true;
}
