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
	r->location = route_location(r->server, uri);
	r->settings = r->location->settings;
	request_set_handler(r, request_location_handler(r));
}
