/* SPDX-License-Identifier: ISC */
/*
 * http1_conn: the HTTP/1.x codec on a client connection: one request after the other.
 *
 *	WAIT -> HEAD -> REQUEST -> (response and body done) -> WAIT ...
 *	                       \-> CLOSING (queue drains, then lingers while the client still sends)
 *
 * Reading side here, the request's body in http1_body.c, the response in http1_writer.c. Pipelined requests
 * wait in the input chunk until the one before is answered and sent. A request that becomes a tunnel stays in TUNNEL
 * until both ways have ended, and no other follows (http1_tunnel.c).
 */
#ifndef PROXY_HTTP_HTTP1_CONN_H
#define PROXY_HTTP_HTTP1_CONN_H

#include "proxy/http/http1_parse.h"
#include "proxy/net/bufpool.h"
#include "proxy/net/loop.h"

#include <sys/types.h>

struct client_conn;
struct location_settings;
struct request;
struct server;
struct wire; /* client_conn.h */

enum http1_state {
	HTTP1_WAIT,
	HTTP1_HEAD,
	HTTP1_REQUEST,
	HTTP1_TUNNEL,
	HTTP1_DRAINING,
	HTTP1_CLOSING,
	HTTP1_LINGERING
};

/* The body of a request, as it is read. */
struct http1_body {
	uint64_t left; /* BODY_LENGTH */
	struct http1_chunked chunked;
	struct buf trailer; /* of a chunked body, as it came */
	struct span run;    /* decoded bytes in `in` not consumed yet */
};

struct http1 {
	enum http1_state state;
	struct http1_head_scan scan;
	struct chunk *in;           /* borrowed while bytes are unread */
	struct request *request;    /* being answered, or NULL */
	struct deferred finish;     /* end of request, out of its handler's stack */
	struct deferred input_news; /* the body failed, or there is more input to drop */

	/* Body of the request */
	struct http1_body *body; /* the request's; NULL = it has none */
	unsigned body_status;    /* what to answer when body_failed */
	bool body_end, body_failed, want_continue;
	bool body_wanted; /* its handler has asked for it */

	/* Response */
	int64_t out_left; /* of Content-Length; -1 = not counted */
	bool out_chunked, keep_alive, ended, aborted;

	bool may_be_h2; /* nothing but the beginning of HTTP/2's preface has come */

	/* Closing */
	bool linger;             /* the client may still be sending */
	uint8_t lingering_close; /* enum lingering_close; as those below */
	bool reset_timedout;     /* as those below */
	int64_t linger_until_ms; /* loop clock */

	/* Of the last request's location, which may be gone: http1_remember() */
	int64_t send_timeout_ms, keepalive_timeout_ms, lingering_time_ms, lingering_timeout_ms;
};

/* The transport is ready (handshake done): read the first request. */
void http1_start(struct client_conn *cc);
extern const struct wire http1_wire;

/* http1_limits.c */
/* Of a server alone. */
struct http1_limits http1_limits_of(const struct server *server);
/*
 * r has found its server, and head was read from bytes by the limits of the one it came from: read it again if the two
 * do not agree on names. BAD: by the names, with why.
 */
enum parse_result http1_read_names_again(struct request *r, const struct server *first,
    struct span bytes, struct http1_request_head *head, const char **why);
/*
 * Does head, whole or not, find room as in nginx? Each line lies in one buffer, the first of
 * client_header_buffer_size, others of large_client_header_buffers; one that does not fit what is left goes to the next.
 * None is longer than HTTP1_HEAD_MAX.
 * 0, or the status to answer with.
 */
unsigned http1_head_too_large(struct client_conn *cc, struct span head);

/* http1_close.c */
/* What the connection needs of a request's settings once the request is gone. */
void http1_remember(struct client_conn *cc, const struct location_settings *settings);
/* Send what is queued, then close. linger: the client may still be sending; a close with bytes unread resets. */
void http1_start_closing(struct client_conn *cc, bool linger);
/* All is sent: wait for the client's end, as lingering_close says, or close. */
void http1_linger(struct client_conn *cc);
/* Read and drop what the client still sends after our last word. */
void http1_discard(struct client_conn *cc);

/* http1_body.c */
void http1_body_begin(struct client_conn *cc, const struct http1_request_head *head);
enum body_state http1_body_peek(struct request *r, struct span *bytes);
void http1_body_consume(struct request *r, size_t n);
/*
 * After the response: drop the body that the handler did not read. END: the next request may follow; WAIT: more
 * of it is on its way; FAILED: its end will not be known.
 */
enum body_state http1_body_skip(struct client_conn *cc);

/* http1_writer.c */
void http1_send_head(struct request *r);
size_t http1_send_body(struct request *r, struct span bytes);
ssize_t http1_send_file(struct request *r, int fd, uint64_t offset, size_t n);
void http1_send_end(struct request *r);
void http1_send_interim(struct request *r, unsigned status, const struct header_list *fields);
void http1_abort(struct request *r, const char *reason);

/* http1_tunnel.c */
void http1_begin_tunnel(struct request *r);

#endif
