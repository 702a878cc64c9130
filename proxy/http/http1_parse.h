/* SPDX-License-Identifier: ISC */
/*
 * http1_parse: HTTP/1.x heads and chunked framing, read strictly (RFC 9112).
 *
 * A head is looked for first (http1_head_end: resumable, what can never be right is refused as soon
 * as it is there), then parsed whole in one go. Everything ambiguous is BAD with a reason: what the
 * next hop could read differently is never forwarded. Pure: no I/O, no log, no clock; memory only
 * from the arena given. Reasons are constant strings, fit for a log.
 */
#ifndef PROXY_HTTP_HTTP1_PARSE_H
#define PROXY_HTTP_HTTP1_PARSE_H

#include "base/buf.h"
#include "proxy/http/header.h"
#include "proxy/http/http1_lex.h"
#include "proxy/net/parse.h"

#include <stdint.h>

/*
 * Zero to start; keeps the place between calls with a longer span over the same bytes.
 * first_line, the length of the request or status line, is 0 until that is whole: a head that
 * outgrows its buffer before is answered 414, later 400.
 */
struct http1_head_scan {
	uint32_t pos;        /* bytes looked at */
	uint32_t line_start; /* of the current line */
	uint32_t first_line;
};

/* No head is longer, whatever its buffers may hold: a chunk twice as large is counted in 32 bits still. */
#define HTTP1_HEAD_MAX (1U << 30)

/*
 * Find the empty line that ends a head. OK: *length includes it (leading empty lines of a request,
 * RFC 9112 2.2, are included too). BAD: a byte no head can contain (NUL, bare CR, bare LF,
 * control), a folded line, or a first line without a version, which is HTTP/0.9 or no HTTP at all;
 * answer 400. Limiting the size of the head, to HTTP1_HEAD_MAX or less, is up to the caller.
 */
enum parse_result http1_head_end(struct http1_head_scan *scan, struct span bytes, size_t *length,
    const char **why);

/*
 * Field names of letters, digits and '-' are always good; blanks, control bytes and an empty name
 * are always BAD. All others are invalid in nginx's sense, those with '_' unless underscores says
 * otherwise. Invalid names that look like a framing field to a careless reader
 * ("Content_Length") are BAD whatever is set here.
 */
struct http1_limits {
	bool underscores;     /* underscores_in_headers */
	bool ignore_invalid;  /* drop invalid fields; else keep those that are tokens */
	unsigned max_headers; /* lines, dropped ones included; 0 = no limit */
	/* What holds of these for names behind Host, by which the server is known; NULL = the same. */
	const struct http1_limits *behind_host;
};

/* How a message's body is framed. */
enum body_framing { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE };

/*
 * scheme_host is the authority of an absolute-form target ("a.example:80"), else empty. host is the
 * name in the Host field, which is valid and agrees with scheme_host; on HTTP/1.0 without Host that
 * in scheme_host. It is without port and trailing dot, in the letters that were sent.
 * path_query is the target without scheme and authority: "/x?y", or "*" (OPTIONS only).
 */
struct http1_request_head {
	struct span request_line; /* "GET /x HTTP/1.1", for $request */
	struct span method;       /* A-Z, '-' and '_' only */
	struct span target;       /* as sent: visible ASCII only */
	struct span scheme_host, path_query, host;
	unsigned minor; /* HTTP/1.minor, 0..9; above 1 means what 1 means */
	struct header_list headers;
	enum body_framing framing; /* NONE, LENGTH, CHUNKED */
	uint64_t content_length;   /* with BODY_LENGTH; below 2^63 */
	bool keep_alive;           /* by version and Connection; "close" wins */
	bool expect_continue;      /* 1.1 with "100-continue"; other expectations are passed over */
	bool upgrade;              /* 1.1 with Connection: upgrade and an Upgrade field */
	unsigned status;           /* on BAD: 400, 405 (CONNECT, TRACE) or 505; else 0 */
};

/*
 * head: exactly what http1_head_end measured; it must live as long as the result. On BAD, answer
 * out->status and close; what was read so far is there for the log (request_line, method, target).
 */
enum parse_result http1_parse_request(struct span head, const struct http1_limits *limits,
    struct arena *arena, struct http1_request_head *out, const char **why);

struct http1_response_head {
	unsigned minor, status;     /* status 100..599 */
	struct span reason;         /* may be empty; may hold bytes >= 0x80 */
	struct header_list headers; /* names are tokens, '_' and all */
	enum body_framing framing;  /* by the fields alone: see http1_response_body */
	uint64_t content_length;    /* with BODY_LENGTH; below 2^63 */
	bool keep_alive;            /* by version and Connection; false if a 204 announces a body */
	bool upgrade;               /* Connection: upgrade and an Upgrade field */
};

/*
 * As http1_parse_request, but a leading empty line is BAD, and so is an interim response (1xx) that
 * announces a body.
 */
enum parse_result http1_parse_response(struct span head, struct arena *arena,
    struct http1_response_head *out, const char **why);
/* RFC 9112 6.3 rules 1 and 2: no body for HEAD, 1xx, 204, 304 (and 2xx to CONNECT). */
enum body_framing http1_response_body(const struct http1_response_head *head,
    struct span request_method);

/* Chunked coding, RFC 9112 7.1. Zero to start. */
struct http1_chunked {
	unsigned char state;
	unsigned char digits;     /* of the size being read: at most 15 */
	unsigned extension_bytes; /* bounded, but for what data makes up for */
	unsigned trailer_bytes;   /* bounded */
	uint64_t left;            /* of the current chunk's data */
	struct lex_squeezed name; /* of the trailer field being read */
};

/*
 * Walk over bytes. On return *used bytes are done with; *data is the next run of body bytes within
 * them (may be empty). MORE: call again with what follows (or, when *used < bytes.n, with the rest
 * now); OK: the last chunk and the trailer's end were seen, and *used is where the next message
 * starts. Trailer fields are checked, bounded, and collected raw ("name: value" CRLF ...) into
 * trailer (NULL = dropped); one that frames, routes or belongs to the connection is BAD. After BAD
 * every call is BAD.
 */
enum parse_result http1_chunked_read(struct http1_chunked *c, struct span bytes, size_t *used,
    struct span *data, struct buf *trailer, const char **why);

/* The fields http1_chunked_read collected; lines must live as long as the list. OK or BAD. */
enum parse_result http1_parse_trailer(struct span lines, struct header_list *trailer,
    const char **why);

/* "/a?b#c": path "/a", args "b". As in nginx '#' ends either, and what follows is in neither. */
void http1_split_target(struct span path_query, struct span *path, struct span *args,
    bool *has_query);

/*
 * The path of a target (before '?') decoded and normalized: %XX, "//" (if merge), "/./", "/../", in
 * one pass as nginx does, so "%2e%2e%2f" climbs too. BAD when it does not start with '/', escapes
 * the root, holds a bad escape or a NUL. "*" stays. *path is in the arena or, unchanged, the input;
 * it may hold any byte but NUL.
 */
enum parse_result http1_normalize_path(struct span raw, bool merge_slashes, struct arena *arena,
    struct span *path);

/*
 * Host without port and trailing dot, lower case; validated (RFC 3986 reg-name without escapes and
 * ',', or [v6], which keeps its brackets). *name is in the arena or part of the input; of an empty
 * host, which HTTP/1.0 may have, it is empty. -1 if not valid.
 */
int http1_host_name(struct span host, struct arena *arena, struct span *name)
    __attribute__((warn_unused_result));

#endif
