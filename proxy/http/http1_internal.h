/* SPDX-License-Identifier: ISC */
/*
 * http1_internal: what http1_head.c, http1_request.c, http1_response.c, uri.c and h2_request.c share. Nobody
 * else includes it.
 */
#ifndef PROXY_HTTP_HTTP1_INTERNAL_H
#define PROXY_HTTP_HTTP1_INTERNAL_H

#include "proxy/http/http1_lex.h"
#include "proxy/http/http1_parse.h"

/* What the fields of a head say about the message, before anybody decides what to make of it. */
struct http1_facts {
	unsigned hosts, lengths, codings; /* how many fields of each */
	struct span host;                 /* the first */
	uint64_t length;                  /* Content-Length */
	bool chunked;                     /* Transfer-Encoding is exactly "chunked" */
	bool close, keep_alive, upgrade;  /* tokens of Connection */
	bool upgrade_field, expect_continue;
};

/* Read field lines up to the end of lines, or to the empty line there. OK or BAD. */
enum parse_result http1_read_fields(struct span lines, const struct http1_limits *limits,
    struct header_list *headers, struct http1_facts *facts, const char **why);

enum field_name { NAME_GOOD, NAME_DROPPED, NAME_BAD };

/*
 * A name that is not all letters, digits and hyphens. nginx calls such fields invalid and drops
 * them by default, and so do we; but never one that a careless reader takes for a framing field.
 */
enum field_name http1_odd_name(struct span name, const struct http1_limits *limits,
    const char **why);

/* RFC 9112 6.1 to 6.3: what both kinds of message agree on. none: framing without either field. */
enum parse_result http1_decide_framing(const struct http1_facts *facts, unsigned minor,
    enum body_framing none, enum body_framing *framing, const char **why);

/* RFC 9112 9.3. */
bool http1_persists(const struct http1_facts *facts, unsigned minor);

/* "HTTP/1.1", exactly 8 bytes. 0, or -1 when it is no version at all. */
int http1_version(struct span s, unsigned *major, unsigned *minor)
    __attribute__((warn_unused_result));

/*
 * "name[:port]" of a Host field or an absolute-form target, checked; name without the trailing dot,
 * port without the colon. 0 or -1.
 */
int http1_split_authority(struct span s, struct span *name, struct span *port)
    __attribute__((warn_unused_result));

static inline enum parse_result
parse_bad(const char **why, const char *reason)
{
	*why = reason;
	return PARSE_BAD;
}

/* Take the next line, which must end in CRLF and hold no control byte, off rest. OK or BAD. */
static inline enum parse_result
http1_take_line(struct span *rest, struct span *line, const char **why)
{
	size_t n = lex_text(*rest);

	if (n == rest->n)
		return parse_bad(why, "a line does not end");
	if (rest->p[n] != '\r')
		return parse_bad(why, lex_control_reason(rest->p[n]));
	if (n + 1 == rest->n || rest->p[n + 1] != '\n')
		return parse_bad(why, lex_control_reason('\r'));
	*line = span_of(rest->p, n);
	*rest = span_after(*rest, n + 2);
	return PARSE_OK;
}

#endif
