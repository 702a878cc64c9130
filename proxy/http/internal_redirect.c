/* SPDX-License-Identifier: ISC */
/* internal_redirect: see internal_redirect.h. */
#include "proxy/http/internal_redirect.h"

#include "proxy/config/route.h"
#include "proxy/http/router.h"

#define CHANGES_MAX 10

bool
internal_redirect_exhausted(const struct request *r)
{
	return r->internal_redirects > CHANGES_MAX;
}

bool
internal_redirect_count(struct request *r, const char *doing, struct span uri)
{
	if (++r->internal_redirects <= CHANGES_MAX)
		return true;
	request_log(r, LOG_LEVEL_ERROR,
	    "rewrite or internal redirection cycle while %s \"" SPAN_FMT "\"", doing,
	    SPAN_ARG(uri));
	request_fail(r, 500);
	return false;
}

void
internal_redirect(struct request *r, struct span uri, struct span args)
{
	if (!internal_redirect_count(r, "internally redirecting to", uri))
		return;
	r->uri = uri;
	r->args = args;
	r->internal = r->uri_changed = true;
	r->uri_rewritten = r->alias_takes_uri = false;
	router_from_server(r);
}

void
internal_redirect_named(struct request *r, struct span name)
{
	const struct location *location = location_index_named(r->server->locations, name);

	if (!internal_redirect_count(r, "redirect to named location", name))
		return;
	if (!location || r->uri.n == 0) {
		request_log(r, LOG_LEVEL_ERROR,
		    location ? "empty URI in redirect to named location \"" SPAN_FMT "\""
			     : "could not find named location \"" SPAN_FMT "\"",
		    SPAN_ARG(name));
		request_fail(r, 500);
		return;
	}
	r->internal = true;
	router_from_location(r, location);
}

void
internal_redirect_to(struct request *r, struct span target)
{
	ptrdiff_t mark = span_find(target, '?');
	struct span args = { NULL, 0 };

	if (span_starts(target, SPAN("@"))) {
		internal_redirect_named(r, target);
		return;
	}
	if (mark >= 0) {
		args = span_after(target, (size_t)mark + 1);
		target.n = (size_t)mark;
	}
	internal_redirect(r, target, args);
}

void
internal_redirect_target(struct request *r, struct span target)
{
	struct span path, args, uri;
	bool has_query;

	if (span_starts(target, SPAN("@"))) {
		internal_redirect_named(r, target);
		return;
	}
	http1_split_target(target, &path, &args, &has_query);
	if (path.n == 0 || path.p[0] != '/' ||
	    http1_normalize_path(path, r->server->settings->merge_slashes, r->arena, &uri) !=
		PARSE_OK) {
		request_log(r, LOG_LEVEL_ERROR, "unsafe URI \"" SPAN_FMT "\" was detected",
		    SPAN_ARG(target));
		request_fail(r, 404);
		return;
	}
	r->has_query = has_query;
	if (!r->is_head)
		r->method = SPAN("GET");
	internal_redirect(r, uri, args);
}
