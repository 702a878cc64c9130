/* SPDX-License-Identifier: ISC */
/*
 * return_handler: the handler behind "return".
 *
 * In nginx's sense: 301 302 303 307 308 redirect to their text; any other code with a text sends that as its body,
 * typed by the path's extension; one below 400 without a text has an empty body; 400 and above have the
 * built-in page. 444, 408 and 499 without a text close without an answer.
 */
#include "proxy/http/conditional.h"
#include "proxy/http/mime.h"
#include "proxy/http/redirect.h"
#include "proxy/http/request.h"

static bool
is_redirect(unsigned status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* A 200 without date and tag is subject to conditions all the same. False: it is answered. */
static bool
conditions_hold(struct request *r)
{
	switch (conditional_check(&r->headers, -1, span_of(NULL, 0),
	    (enum if_modified_since)r->settings->if_modified_since)) {
	case CONDITIONAL_FAILED:
		request_fail(r, 412);
		return false;
	case CONDITIONAL_NOT_MODIFIED:
		r->response.status = 304;
		request_send_head(r);
		request_send_end(r);
		return false;
	default:
		return true;
	}
}

static void
start(struct request *r)
{
	const struct return_action *action = r->return_action;
	bool has_text = action->text && action->text->count > 0;
	unsigned status = action->status;
	struct span text = { NULL, 0 };

	/* The text may ask for $status. */
	r->response.status = status;
	if (has_text)
		text = template_eval(action->text, r, r->arena);
	if (!has_text && (status == 444 || status == 408 || status == 499)) {
		request_abort(r, "return without an answer");
	} else if (is_redirect(status)) {
		redirect_send(r, status, text);
	} else if (status >= 400 && !has_text) {
		request_fail(r, r->response.override ? r->response.override : status);
	} else if (status != 200 || r->response.override || conditions_hold(r)) {
		/* What an X-Accel-Redirect said of it stays. */
		request_send_simple(r, status,
		    status == 204 && !r->response.override ? span_of(NULL, 0)
		    : r->response.content_type.n > 0       ? r->response.content_type
							   : mime_type_of(r->settings, r->uri),
		    text);
	}
}

const struct handler return_handler = {
	.name = "return",
	.start = start,
};
