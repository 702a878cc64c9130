/* SPDX-License-Identifier: ISC */
/*
 * request: one request being answered, the same whatever wire version carried it.
 *
 *	codec (http1_conn, later h2_conn)  --request-->  router  -->  handler (return, static_file, upstream_http, ...)
 *	codec  <--request_send_head / _body / _end--  handler
 *
 * The codec owns the request and frees it when the response is complete or the client is gone; a
 * handler sees the client only through the functions here. Bodies are pulled both ways: a side that takes less than offered
 * calls back when it has room, so memory stays bounded whoever is slow.
 */
#ifndef PROXY_HTTP_REQUEST_H
#define PROXY_HTTP_REQUEST_H

#include "proxy/config/snapshot.h"
#include "proxy/http/header.h"
#include "proxy/http/http1_parse.h"
#include "proxy/worker/traffic.h"

struct request;

struct response {
	unsigned status;
	unsigned override;  /* what status becomes when the head is sent: error_page; 0 = itself */
	struct span reason; /* empty = the standard phrase */
	struct header_list headers; /* Content-Length, Date, Server, Connection are the codec's */
	int64_t content_length;     /* -1 = unknown: chunked or until close */
	struct span content_type;   /* empty = none */
	int64_t last_modified;      /* wall clock seconds; -1 = none */
	bool from_upstream;         /* Server and Date come from headers */
	bool head_sent;
	bool kept,
	    chunked; /* HTTP/1: as its Connection and Transfer-Encoding say; by request_send_head */
	bool fields_added; /* what the configuration adds is in headers */
	bool no_body;      /* HEAD, 204, 304: by request_send_head */
	struct header_list trailers;
	uint64_t body_bytes; /* sent so far, for $body_bytes_sent */
	uint64_t wire_bytes; /* sent so far with head and framing, for $bytes_sent */
};

enum body_state { BODY_WAIT, BODY_DATA, BODY_END, BODY_FAILED };

/* What a wire version does for handlers. Called through the request_* functions below only. */
struct codec {
	void (*send_head)(struct request *r);
	size_t (*send_body)(struct request *r, struct span bytes);
	/* NULL, or as request_send_file(). */
	ssize_t (*send_file)(struct request *r, int fd, uint64_t offset, size_t n);
	void (*send_end)(struct request *r);
	/* 100, 102, 103; fields: NULL = none */
	void (*send_interim)(struct request *r, unsigned status, const struct header_list *fields);
	void (*abort)(struct request *r, const char *reason);
	/*
	 * The upstream has switched protocols (response.status 101): send the head; from then on bodies are raw bytes
	 * both ways, without framing and limits, and each way ends by itself: the client's with BODY_END, ours with
	 * send_eof; send_end ends the request, and so does send_cut, for an upstream that was reset. A codec that offers an upgrade (RFC 9110, 7.8; for HTTP/2 RFC 8441's
	 * extended CONNECT, with Upgrade and Sec-WebSocket-Key among its fields) sets request.upgrade.
	 */
	void (*begin_tunnel)(struct request *r);
	void (*send_eof)(struct request *r); /* in a tunnel: nothing more to the client */
	void (*send_cut)(struct request *r);
	enum body_state (*body_peek)(struct request *r, struct span *bytes);
	void (*body_consume)(struct request *r, size_t n);
};

/* What answers a request. All but start may be NULL. */
struct handler {
	const char *name;
	void (*start)(struct request *r);
	void (*on_body)(struct request *r);     /* body_peek has news: bytes, the end, or failure */
	void (*on_writable)(struct request *r); /* room again after a short request_send_body */
	void (*release)(struct request
		*r); /* the request ends, answered or not: let go of everything */
};

struct request {
	TRAFFIC;
	const struct snapshot *snapshot;
	const struct endpoint *endpoint;
	const struct server *server;
	const struct location *location;
	const struct location_settings *settings;
	const struct codec *codec;
	/* true: h is not to be started (explain.h). NULL = all are. */
	bool (*intercept)(struct request *r, const struct handler *h);

	/* Request */
	struct span request_line, method, target, path_query, args,
	    host;             /* host: lower case, no port */
	struct span raw_path; /* path as sent, before '?' */
	struct span uri;      /* decoded, normalized; what locations match and $uri shows */
	unsigned http_major, http_minor;
	struct header_list headers;
	struct header_list trailers; /* known once the body has ended */
	enum body_framing body_framing;
	uint64_t content_length, body_received;
	bool is_head, has_query, expect_continue, upgrade;
	struct span
	    websocket_accept; /* what answers a Sec-WebSocket-Key of ours; empty: it is none */
	size_t head_bytes;    /* for $request_length */

	struct response response;
	const struct handler *handler;
	void *handler_state;
	struct body_buffer *body_buffer; /* body_buffer.h; NULL = the body is not kept */
	bool uri_changed; /* uri and args are not what path_query says: a redirect on the way */

	/* For logs and variables */
	int64_t started_wall_ms;
	struct upstream_trace *upstream; /* upstream_http.h; NULL = no upstream was asked */
	struct span id;                  /* $request_id, made on first use */
	bool complete;                   /* the response went out whole: $request_completion */
	struct rate_limit *rate_limit;   /* rate_limit.h; NULL = nobody asked yet */
	bool last_on_connection;         /* it closes after this response */

	/* Routing (router.h) */
	struct variable_store variables; /* of the configuration's own, and captures */
	const struct return_action *return_action;
	unsigned internal_redirects; /* and rewrites so far; bounded (internal_redirect.h) */
	bool internal;               /* uri is not what the client asked for */
	bool uri_rewritten;          /* uri need not begin with the location's path any more */
	bool error_redirected;       /* an error page has been looked for */
	bool error_final;            /* there is none for its own errors */
	bool body_dropped;           /* the client's body is not for who answers now */
	bool alias_takes_uri;        /* behind an alias that stands for the whole path comes uri */
};

/* Find location and handler, then start (router.c). The codec calls it once the head is parsed. */
void request_route(struct request *r);
/* Hand over to another handler before the head is sent (error page, retry). */
void request_set_handler(struct request *r, const struct handler *h);

/* Status line and fields. Adds add_header's. Once. */
void request_send_head(struct request *r);
/* Bytes taken (0..n). The body of HEAD, 204, 304 is taken and dropped. */
size_t request_send_body(struct request *r, struct span bytes);
/*
 * The same from an open file: bytes taken, -1 with errno (0: the file has ended). REQUEST_NO_FILE: they must be read
 * and sent as memory here.
 */
#define REQUEST_NO_FILE (-2)
ssize_t request_send_file(struct request *r, int fd, uint64_t offset, size_t n);
/* The response is whole. The request may be freed before this returns control to the loop: touch nothing after. */
void request_send_end(struct request *r);
/* The response cannot be completed: the client sees it cut (connection closed, RST_STREAM), never whole. */
void request_abort(struct request *r, const char *reason);
/* A whole response from memory, which must last as long as the request: head, body, end. Releases the handler. */
void request_send_simple(struct request *r, unsigned status, struct span content_type,
    struct span body);
/* Does error_page name something for this status (proxy_intercept_errors asks)? */
bool request_has_error_page(const struct request *r, unsigned status);
/* What error_page says for status, else the built-in page (error_page.h), or an abort if the head is out already. */
void request_fail(struct request *r, unsigned status);

/* See struct codec: only for a request that asked for an upgrade. */
void request_begin_tunnel(struct request *r);
void request_send_eof(struct request *r);
void request_send_cut(struct request *r);

static inline enum body_state
request_body_peek(struct request *r, struct span *bytes)
{
	return r->body_dropped ? BODY_END : r->codec->body_peek(r, bytes);
}

static inline void
request_body_consume(struct request *r, size_t n)
{
	r->codec->body_consume(r, n);
}

/* Error log line of the request's location with nginx's context behind it: client, server, request, upstream, host. */
void request_log(const struct request *r, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Handlers */
extern const struct handler return_handler, static_file_handler, upstream_http_handler,
    status_handler;

/* $variables for http (http_variable.c). Subjects are struct request. */
extern const struct variable_table http_variables;

#endif
