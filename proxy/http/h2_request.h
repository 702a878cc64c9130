/* SPDX-License-Identifier: ISC */
/*
 * h2_request: the fields of an HTTP/2 request, checked before they are translated (RFC 9113, 8.2 and 8.3).
 *
 * As strict as the HTTP/1 parser: nothing gets into a request that could mean another thing in the next hop's HTTP/1.
 * Pure: no I/O, no log; memory only from the arena given. Reasons are constant strings.
 */
#ifndef PROXY_HTTP_H2_REQUEST_H
#define PROXY_HTTP_H2_REQUEST_H

#include "proxy/http/http1_parse.h"

/* Beyond these a request is answered with an error page. */
struct h2_limits {
	struct http1_limits names;
	size_t line_max; /* of the path, and of one field */
	size_t all_max;  /* of all of them */
};

/* Gathered field by field; zero to start but for arena, limits, headers and trailer. */
struct h2_fields {
	struct arena *arena;
	const struct h2_limits *limits;
	struct header_list *headers; /* where regular fields go; names in lower case */
	bool trailer;                /* the fields behind a body */
	struct span method, scheme, authority, path, protocol;
	struct span host; /* Host field */
	struct span name; /* the host's, known when all is checked */
	size_t size;      /* RFC 9113, 6.5.2: names, values and 32 for each */
	size_t bytes;     /* names and values of what is kept */
	unsigned count;
	uint64_t length; /* Content-Length */
	bool has_length, regular, expect_continue;
	unsigned cookies; /* fields of that name: crumbs (RFC 9113, 8.2.3) */
	/* What is wrong; NULL = nothing so far. malformed: reset the stream; else answer status. */
	const char *why;
	bool malformed;
	unsigned status;
};

/* One field as decoded; both are copied. Once something is wrong only size goes on. */
void h2_fields_add(struct h2_fields *f, struct span name, struct span value);

/*
 * All fields are there; end: no body follows. The same promises as of http1_parse_request: out is what it would be for
 * the same request in HTTP/1.1 (request_line for logs, Host among the headers, framing CHUNKED for a body of unknown length). PARSE_BAD:
 * see why, malformed and status. CONNECT is answered 405, but with :protocol (RFC 8441) it is a GET that asks for an
 * upgrade: out->upgrade is set, and what HTTP/1.1 has for it is among the headers.
 */
enum parse_result h2_fields_finish(struct h2_fields *f, bool end, struct http1_request_head *out);

/*
 * A Priority field (RFC 9218, 4): urgency 0 to 7, incremental or not; what is not understood keeps its default, 3 and no.
 */
void h2_priority_parse(struct span value, unsigned *urgency, bool *incremental);

#endif
