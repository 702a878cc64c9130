/* SPDX-License-Identifier: ISC */
/*
 * stream_session: a connection that is passed on without being understood, from arrival to close.
 *
 *	arrival -> [TLS handshake | ClientHello looked at] -> return | pass -> another listener
 *	                                                   -> proxy_pass -> peer -> relay
 *
 * Straight steps; each that waits returns, and its event takes up the next. A session is served
 * by the generation it began with to its end.
 */
#ifndef PROXY_STREAM_STREAM_SESSION_H
#define PROXY_STREAM_STREAM_SESSION_H

#include "proxy/config/snapshot.h"
#include "proxy/net/client_hello.h"
#include "proxy/net/preread.h"
#include "proxy/stream/relay.h"
#include "proxy/upstream/upstream.h"
#include "proxy/worker/traffic.h"

struct accepted;

/* One attempt at one peer. Milliseconds since it began; -1 = never came to it. */
struct stream_attempt {
	struct span address;
	int64_t connect_ms, first_byte_ms, session_ms;
	uint64_t bytes_sent, bytes_received;
	struct stream_attempt *next;
};

enum stream_step {
	STREAM_PREREAD,
	STREAM_HANDSHAKE,
	STREAM_CONNECT,
	STREAM_HEADER, /* the PROXY header goes out before TLS */
	STREAM_UPSTREAM_TLS,
	STREAM_RELAY,
	STREAM_RETURN,
	STREAM_CLOSED,
};

struct stream_session {
	TRAFFIC; /* the generation is counted */
	struct client peer;
	struct variable_store variables; /* of the configuration's own, and captures */
	const struct endpoint *endpoint;
	const struct server *server;
	const struct stream_settings *settings;
	enum stream_step step;
	unsigned status;  /* nginx's: 200, 400, 403, 500, 502; 0 = not over */
	int fd;           /* until conn has it; -1 */
	struct conn conn; /* the client's, once conn.loop is set */
	struct preread preread;
	struct timer timer; /* handshake, connect, taking what is returned */
	struct deferred reap;

	/* Of the ClientHello, in the arena; without p when there was none. */
	struct span hello_name, hello_alpn, hello_version;

	struct upstream_group *group; /* held */
	struct peer_set tried;
	unsigned attempts;
	int64_t first_attempt_ms; /* loop clock */
	struct upstream_conn *uc;
	struct upstream_tls *tls; /* to upstreams, of the generation; NULL = plain */
	struct span tls_name;
	struct stream_attempt *first, **last; /* in order */
	struct stream_attempt *attempt;       /* the present one; NULL = none is under way */
	int64_t attempt_started_ms;
	struct relay relay;
	struct span rest; /* of what is returned */

	struct stream_session *next, **prev; /* in worker->sessions */
};

/* A connection that ep of slot's listener took. */
void stream_session_accept_take(struct listen_slot *slot, const struct endpoint *ep,
    const struct accepted *a);
/* Cut what is served by g (NULL: all). why: static text, for the log. */
void stream_sessions_close_of(struct worker *w, const struct generation *g, const char *why);

/* Bytes from and to the client so far. */
uint64_t stream_session_received(const struct stream_session *s);
uint64_t stream_session_sent(const struct stream_session *s);

/* $variables for stream (stream_variable.c). Subjects are struct stream_session. */
extern const struct variable_table stream_variables;

#endif
