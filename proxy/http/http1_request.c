/* SPDX-License-Identifier: ISC */
/*
 * http1_request: a request's head: request line, target, Host, framing (RFC 9112 3, 6, 9).
 *
 * Statuses are nginx's: 400 for what is malformed or ambiguous, 405 for CONNECT and TRACE, 505 for
 * another major version.
 */
#include "proxy/http/http1_internal.h"
#include "proxy/http/http1_lex.h"

static enum parse_result
refuse(struct http1_request_head *out, unsigned status, const char **why, const char *reason)
{
	out->status = status;
	return parse_bad(why, reason);
}

/* method SP request-target SP HTTP-version: single blanks, nothing around. */
static enum parse_result
parse_request_line(struct http1_request_head *out, const char **why)
{
	struct span rest = out->request_line;
	unsigned major;
	size_t n;

	n = lex_run(rest, LEX_METHOD);
	if (n == 0 || n == rest.n || rest.p[n] != ' ')
		return refuse(out, 400, why, "invalid method");
	out->method = span_of(rest.p, n);
	rest = span_after(rest, n + 1);

	n = lex_run(rest, LEX_TARGET);
	if (n == 0 || n == rest.n || rest.p[n] != ' ')
		return refuse(out, 400, why, "invalid request target");
	out->target = span_of(rest.p, n);
	rest = span_after(rest, n + 1);

	if (http1_version(rest, &major, &out->minor) < 0)
		return refuse(out, 400, why, "invalid HTTP version");
	if (major != 1)
		return refuse(out, 505, why, "unsupported HTTP version");
	return PARSE_OK;
}

/* Length of "http://" or "https://" in front of s; 0 if neither is. */
static size_t
scheme_length(struct span s)
{
	static const struct span schemes[] = { SPAN_INIT("http://"), SPAN_INIT("https://") };

	for (size_t i = 0; i < 2; i++) {
		if (s.n >= schemes[i].n && span_eq_nocase(span_of(s.p, schemes[i].n), schemes[i]))
			return schemes[i].n;
	}
	return 0;
}

/* RFC 9112 3.2.2: "http://host:port/path?query"; the path may be missing. */
static int
split_absolute(struct http1_request_head *out, size_t scheme, struct arena *arena)
{
	struct span rest = span_after(out->target, scheme), port;
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	out->scheme_host = span_of(rest.p, n);
	if (http1_split_authority(out->scheme_host, &out->host, &port) < 0)
		return -1;
	rest = span_after(rest, n);
	if (rest.n && rest.p[0] == '/') {
		out->path_query = rest;
	} else {
		char *p = arena_bytes(arena, rest.n + 1);

		p[0] = '/';
		if (rest.n)
			memcpy(p + 1, rest.p, rest.n);
		out->path_query = span_of(p, rest.n + 1);
	}
	return 0;
}

static enum parse_result
parse_target(struct http1_request_head *out, struct arena *arena, const char **why)
{
	size_t scheme;

	if (span_eq(out->method, SPAN("CONNECT")) || span_eq(out->method, SPAN("TRACE")))
		return refuse(out, 405, why, "CONNECT and TRACE are not allowed");
	if (out->target.p[0] == '/') {
		out->path_query = out->target;
		return PARSE_OK;
	}
	if (span_eq(out->target, SPAN("*")) && span_eq(out->method, SPAN("OPTIONS"))) {
		out->path_query = out->target;
		return PARSE_OK;
	}
	scheme = scheme_length(out->target);
	if (scheme == 0 || split_absolute(out, scheme, arena) < 0)
		return refuse(out, 400, why, "invalid request target");
	return PARSE_OK;
}

/* The same place: names in any case, a missing port is the scheme's. */
static bool
same_authority(struct span target, struct span name, struct span port, struct span other_name,
    struct span other_port)
{
	/* "https" has its 's' where "http" has ':'. */
	struct span fallback = target.p[4] == ':' ? SPAN("80") : SPAN("443");

	return span_eq_nocase(name, other_name) &&
	       span_eq(port.n ? port : fallback, other_port.n ? other_port : fallback);
}

/* RFC 9112 3.2 and 3.2.2. */
static enum parse_result
check_host(struct http1_request_head *out, const struct http1_facts *facts, const char **why)
{
	struct span port, target_name, target_port;

	if (facts->hosts > 1)
		return refuse(out, 400, why, "several Host fields");
	if (facts->hosts == 0) {
		if (out->minor > 0)
			return refuse(out, 400, why, "no Host field");
		return PARSE_OK;
	}
	if (http1_split_authority(facts->host, &out->host, &port) < 0)
		return refuse(out, 400, why, "invalid Host field");
	if (out->scheme_host.n == 0)
		return PARSE_OK;
	if (http1_split_authority(out->scheme_host, &target_name, &target_port) < 0 ||
	    !same_authority(out->target, target_name, target_port, out->host, port))
		return refuse(out, 400, why, "Host disagrees with the request target");
	return PARSE_OK;
}

enum parse_result
http1_parse_request(struct span head, const struct http1_limits *limits, struct arena *arena,
    struct http1_request_head *out, const char **why)
{
	struct http1_facts facts = { 0 };
	enum parse_result result;

	*out = (struct http1_request_head){ .status = 400 };
	header_list_init(&out->headers, arena);
	do {
		if (http1_take_line(&head, &out->request_line, why) != PARSE_OK)
			return PARSE_BAD;
	} while (out->request_line.n == 0 && head.n);

	if ((result = parse_request_line(out, why)) != PARSE_OK ||
	    (result = http1_read_fields(head, limits, &out->headers, &facts, why)) != PARSE_OK ||
	    (result = parse_target(out, arena, why)) != PARSE_OK ||
	    (result = check_host(out, &facts, why)) != PARSE_OK ||
	    (result = http1_decide_framing(&facts, out->minor, BODY_NONE, &out->framing, why)) !=
		PARSE_OK)
		return result;
	out->content_length = facts.length;
	out->keep_alive = http1_persists(&facts, out->minor);
	/* RFC 9110 7.8 and 10.1.1: both mean nothing in HTTP/1.0. */
	out->upgrade = out->minor > 0 && facts.upgrade && facts.upgrade_field;
	out->expect_continue = out->minor > 0 && facts.expect_continue;
	out->status = 0;
	return PARSE_OK;
}
