/* SPDX-License-Identifier: ISC */
/*
 * http1_parse: HTTP/1.x heads and chunked framing, read strictly (RFC 9112).
 *
 * A head is looked for first (http1_head_end, resumable, byte by byte what can never be right is refused at
 * once), then parsed whole in one go. Everything ambiguous is BAD with a reason: what the next
 * hop could read differently is never forwarded. Pure: no I/O, no log, no clock; memory only from
 * the arena given.
 */
#ifndef PROXY_HTTP_HTTP1_PARSE_H
#define PROXY_HTTP_HTTP1_PARSE_H

#include "base/buf.h"
#include "proxy/http/header.h"

#include <stdint.h>

enum parse_result { PARSE_OK, PARSE_MORE, PARSE_BAD };

/* Zero to start; keeps the place between calls with a longer span over the same bytes. */
struct http1_head_scan {
	size_t pos;        /* bytes looked at */
	size_t line_start; /* of the current line */
	size_t first_line; /* its length once known */
	unsigned lines;    /* header lines seen */
};

/*
 * Find the empty line that ends a head. OK: *length includes it (leading empty lines of a request,
 * RFC 9112 2.2, are included too). BAD: a byte no head can contain (NUL, bare CR, bare LF, control).
 */
enum parse_result http1_head_end(struct http1_head_scan *scan, struct span bytes, size_t *length, const char **why);

struct http1_limits {
	bool underscores;    /* accept '_' in field names; else such fields are dropped */
	bool ignore_invalid; /* drop fields with invalid names (nginx's ignore_invalid_headers); else BAD */
	unsigned max_headers;
};

/* How a message's body is framed. */
enum body_framing { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE };

struct http1_request_head {
	struct span request_line; /* "GET /x HTTP/1.1", for $request */
	struct span method;
	struct span target;       /* as sent */
	struct span scheme_host;  /* authority of an absolute-form target, else empty */
	struct span path_query;   /* target without scheme and authority: "/x?y", or "*" */
	unsigned minor;           /* HTTP/1.minor */
	struct header_list headers;
	struct span host;         /* value of Host (checked against absolute-form), may be empty on 1.0 */
	enum body_framing framing; /* NONE, LENGTH, CHUNKED */
	uint64_t content_length;   /* with BODY_LENGTH */
	bool keep_alive;           /* by version and Connection */
	bool expect_continue, upgrade; /* upgrade: Connection has "upgrade" and Upgrade is there */
	unsigned status;           /* on BAD: 400, 414, 431, 501, 505 or 417; what to answer */
};

/* head: exactly what http1_head_end measured; it must live as long as the result. */
enum parse_result http1_parse_request(struct span head, const struct http1_limits *limits, struct arena *arena,
    struct http1_request_head *out, const char **why);

struct http1_response_head {
	unsigned minor, status;
	struct span reason;
	struct header_list headers;
	enum body_framing framing; /* before method and status rules are applied by the caller via http1_response_body */
	uint64_t content_length;
	bool keep_alive, upgrade;
};

enum parse_result http1_parse_response(struct span head, struct arena *arena, struct http1_response_head *out,
    const char **why);
/* RFC 9112 6.3 rules 1 and 2: no body for HEAD, 1xx, 204, 304 (and 2xx to CONNECT). */
enum body_framing http1_response_body(const struct http1_response_head *head, struct span request_method);

/* Chunked coding, RFC 9112 7.1. Zero to start. */
struct http1_chunked {
	unsigned char state;
	uint64_t left;           /* of the current chunk's data */
	unsigned extension_bytes; /* in all; bounded */
	unsigned trailer_bytes;  /* bounded */
	unsigned digits;
};

/*
 * Walk over bytes. On return *used bytes are done with; *data is the next run of
 * body bytes within them (may be empty). MORE: call again with what follows (or, when *used < bytes.n, with the
 * rest now); OK: the last chunk and the trailer's end were seen. Trailer fields are checked, bounded, and collected
 * raw into trailer (NULL = dropped).
 */
enum parse_result http1_chunked_read(struct http1_chunked *c, struct span bytes, size_t *used, struct span *data,
    struct buf *trailer, const char **why);

/*
 * The path of a target (before '?') decoded and normalized: %XX, "//" (if merge), "/./", "/../". BAD when it
 * escapes the root, holds a bad escape or a NUL. *path is in the arena or, unchanged, the input.
 */
enum parse_result http1_normalize_path(struct span raw, bool merge_slashes, struct arena *arena, struct span *path);

/* Host without port and trailing dot, lower case; validated (RFC 3986 reg-name or [v6]). -1 if not valid. */
int http1_host_name(struct span host, struct arena *arena, struct span *name) __attribute__((warn_unused_result));

#endif
