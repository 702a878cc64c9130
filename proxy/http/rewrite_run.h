/* SPDX-License-Identifier: ISC */
/*
 * rewrite_run: the steps of set, if, rewrite, break and return, taken for one request.
 */
#ifndef PROXY_HTTP_REWRITE_RUN_H
#define PROXY_HTTP_REWRITE_RUN_H

#include "proxy/http/request.h"

enum rewrite_outcome {
	REWRITE_DONE,     /* go on with r->location, which an if may have changed */
	REWRITE_CHANGED,  /* r->uri is another: find its location */
	REWRITE_ANSWERED, /* by return, a redirect or a failure */
};

enum rewrite_outcome rewrite_run(struct request *r, const struct rewrite_step *steps);

#endif
