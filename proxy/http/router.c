/* SPDX-License-Identifier: ISC */
/* router: see router.h. */
#include "proxy/http/router.h"

#include "proxy/config/route.h"
#include "proxy/http/acme_challenge.h"
#include "proxy/http/client_certificate.h"
#include "proxy/http/internal_redirect.h"
#include "proxy/http/real_ip.h"
#include "proxy/http/redirect.h"
#include "proxy/http/rewrite_run.h"
#include "proxy/http/try_files.h"
#include "proxy/http/uri_encode.h"

static void
enter(struct request *r, const struct location *location)
{
	r->location = location;
	r->settings = location->settings;
}

/* limit_except: other methods have a block of their own. */
static const struct location *
for_method(const struct request *r, const struct location *location)
{
	const struct limit_except *limit = location->limit_except;

	if (!limit)
		return location;
	for (size_t i = 0; i < limit->method_count; i++) {
		if (span_eq(limit->methods[i], r->method))
			return location;
	}
	return limit->location;
}

static bool
is_too_large(const struct request *r)
{
	uint64_t max = r->settings->client_max_body_size;

	/* Its own error page does not fail for the same reason again. */
	return max && r->body_framing == BODY_LENGTH && r->content_length > max &&
	       !r->error_redirected;
}

static void
add_slash(struct request *r)
{
	const struct span parts[] = {
		uri_encode(r->uri, URI_ENCODE_PATH, r->arena),
		r->args.n > 0 ? SPAN("/?") : SPAN("/"),
		r->args,
	};

	redirect_send(r, 301, arena_concat(r->arena, parts, 3));
}

/* The location of r->uri. false: the request is answered. */
static bool
find_location(struct request *r)
{
	const struct location *found = NULL;
	enum location_result result = route_location(r->server, r->uri, &r->variables, &found);

	if (result == LOCATION_FAILED) {
		request_log(r, LOG_LEVEL_ALERT,
		    "a location's regular expression gave up on \"" SPAN_FMT "\"",
		    SPAN_ARG(r->uri));
		request_fail(r, 500);
		return false;
	}
	if (!r->internal && found->internal) {
		enter(r, found);
		request_fail(r, 404);
		return false;
	}
	enter(r, for_method(r, found));
	if (is_too_large(r)) {
		request_log(r, LOG_LEVEL_ERROR,
		    "client intended to send too large body: %llu bytes",
		    (unsigned long long)r->content_length);
		request_fail(r, 413);
		return false;
	}
	if (result == LOCATION_WANTS_SLASH) {
		add_slash(r);
		return false;
	}
	return true;
}

static void
start_handler(struct request *r)
{
	real_ip_find(r); /* nginx: behind the rewriting */
	if (!access_rule_allows(r->settings->access, traffic_remote(&r->traffic))) {
		request_log(r, LOG_LEVEL_ERROR, "access forbidden by rule");
		request_fail(r, 403);
		return;
	}
	if (r->location->try_files && try_files_run(r))
		return;
	request_set_handler(r, r->location->report  ? &status_handler
			       : r->location->proxy ? &upstream_http_handler
						    : &static_file_handler);
}

/* r->location is set: its rewriting, and what comes of it. */
static void
run_location(struct request *r)
{
	for (;;) {
		switch (rewrite_run(r, r->location->rewrite)) {
		case REWRITE_ANSWERED:
			return;
		case REWRITE_DONE:
			start_handler(r);
			return;
		case REWRITE_CHANGED:
			if (!internal_redirect_count(r, "processing", r->uri) || !find_location(r))
				return;
			break;
		}
	}
}

void
router_from_location(struct request *r, const struct location *location)
{
	enter(r, for_method(r, location));
	run_location(r);
}

void
router_from_server(struct request *r)
{
	enter(r, &r->server->root_location);
	if (rewrite_run(r, r->server->rewrite) != REWRITE_ANSWERED && find_location(r))
		run_location(r);
}

void
request_route(struct request *r)
{
	unsigned refused = client_certificate_check(r);

	if (refused) {
		request_fail(r, refused);
		return;
	}
	real_ip_find(r);
	if (!acme_challenge_answer(r))
		router_from_server(r);
}
