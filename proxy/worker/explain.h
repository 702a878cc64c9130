/* SPDX-License-Identifier: ISC */
/*
 * explain: what would become of a request, without a client and without an upstream (tinyproxyd -t --explain URL).
 *
 * A request is made as the HTTP/1 codec would make it and goes the way of all requests; only what would answer it is
 * looked at instead of being started.
 */
#ifndef PROXY_WORKER_EXPLAIN_H
#define PROXY_WORKER_EXPLAIN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "proxy/config/snapshot.h"

/*
 * url: "http[s]://host[:port][/path][?query]". Text for people into out. -1: the URL is none, or nobody listens there.
 * log: where reasons go that a request's error log would tell.
 */
int explain_url(const struct snapshot *s, struct span url, const struct log *log, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));

#endif
