/* SPDX-License-Identifier: ISC */
/*
 * stream_internal: what the files of a session share: stream_session.c (life, steps),
 * stream_proxy.c (peers and the relay), stream_log.c (error and access log).
 */
#ifndef PROXY_STREAM_STREAM_INTERNAL_H
#define PROXY_STREAM_STREAM_INTERNAL_H

#include "proxy/stream/stream_session.h"
#include "proxy/worker/worker_state.h"

/* The only way out: access log, counters, memory at the end of the turn. */
void stream_session_close(struct stream_session *s, unsigned status);
/* Its socket becomes a conn, whose events are the session's. False: it has failed, and so has the session. */
bool stream_session_open_conn(struct stream_session *s);

/* Find a peer and relay; ends in a relay or a close. */
void stream_proxy_start(struct stream_session *s);
/* The group that its server passes it to, held. NULL: there is none, and told. */
struct upstream_group *stream_proxy_group(struct stream_session *s);
/* Let go of the upstream; the attempt is noted. */
void stream_proxy_release(struct stream_session *s);

/* nginx's context behind the text: client, server, upstream, bytes. */
void stream_log(const struct stream_session *s, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "client ADDRESS connected to ADDRESS" */
void stream_log_arrival(const struct stream_session *s);
void stream_log_access(struct stream_session *s);
/* " (111: Connection refused)", in the session's arena; "" for 0. */
const char *stream_errno_text(struct stream_session *s, int errnum);

#endif
