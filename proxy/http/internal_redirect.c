/* SPDX-License-Identifier: ISC */
/* internal_redirect: see internal_redirect.h. */
#include "proxy/http/internal_redirect.h"

#include "proxy/config/route.h"

#define REDIRECTS_MAX 10

void
internal_redirect(struct request *r, struct span uri)
{
	if (++r->internal_redirects > REDIRECTS_MAX) {
		request_log(r, LOG_LEVEL_ERROR,
		    "rewrite or internal redirection cycle while internally redirecting to \"" SPAN_FMT
		    "\"",
		    SPAN_ARG(uri));
		request_fail(r, 500);
		return;
	}
	r->uri = uri;
	r->uri_changed = true;
	r->location = route_location(r->server, uri);
	r->settings = r->location->settings;
	request_set_handler(r, request_location_handler(r));
}

void
internal_redirect_target(struct request *r, struct span target)
{
	struct span path, args, uri;
	bool has_query;

	http1_split_target(target, &path, &args, &has_query);
	if (path.n == 0 || path.p[0] != '/' ||
	    http1_normalize_path(path, r->server->settings->merge_slashes, r->arena, &uri) !=
		PARSE_OK) {
		request_log(r, LOG_LEVEL_ERROR, "unsafe URI \"" SPAN_FMT "\" was detected",
		    SPAN_ARG(target));
		request_fail(r, 404);
		return;
	}
	r->args = args;
	r->has_query = has_query;
	if (!r->is_head)
		r->method = SPAN("GET");
	internal_redirect(r, uri);
}
