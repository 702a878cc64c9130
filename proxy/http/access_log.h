/* SPDX-License-Identifier: ISC */
/*
 * access_log: one line per finished request, gathered per file and written in blocks.
 *
 * Lines of a turn are written together with one write(2) per file at its end (log_sink.h), so a line is on disk
 * before the next wait for events.
 */
#ifndef PROXY_HTTP_ACCESS_LOG_H
#define PROXY_HTTP_ACCESS_LOG_H

#include "proxy/http/request.h"

/* Called by the codec when a request has ended, however it ended. */
void access_log_request(struct request *r);

/* if=: is there to be a line? */
bool access_log_wants(const struct access_log *log, struct traffic *t);
/* The line, newline included, in the arena of t, a request or a stream session. */
struct span access_log_line(const struct access_log *log, struct traffic *t);

#endif
