/* SPDX-License-Identifier: ISC */
/*
 * upstream_explain: what a request would say to its upstream, without asking it.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_EXPLAIN_H
#define PROXY_UPSTREAM_UPSTREAM_EXPLAIN_H

#include "proxy/http/request.h"
#include "proxy/net/conn.h"

struct upstream_explanation {
	struct span url;                   /* "http://app/x" */
	const struct upstream_spec *group; /* NULL: a name that would be resolved then */
};

/* Queue the request head on sink, which nothing is sent on. -1: it would be answered with 500; the reason is logged. */
int upstream_explain(struct request *r, struct conn *sink, struct upstream_explanation *out)
    __attribute__((warn_unused_result));

#endif
