/* SPDX-License-Identifier: ISC */
/*
 * upstream_target: where a request goes: group, Host field and request target, out of proxy_pass and the request.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_TARGET_H
#define PROXY_UPSTREAM_UPSTREAM_TARGET_H

#include "proxy/http/request.h"

struct upstream_group;

struct upstream_target {
	struct upstream_group *group;     /* held */
	const struct upstream_spec *spec; /* its, when the configuration has one */
	struct span host_header;          /* $proxy_host */
	struct span port;                 /* $proxy_port */
	struct span uri;                  /* the request target */
	bool tls;
	/* A name that the worker has to resolve first: then group is NULL. */
	struct span host;
	uint16_t host_port;
	struct span url; /* what proxy_pass came to, for messages */
};

/* By r->location->proxy, in the request's arena. -1: logged; the request is to be answered with 500. */
int upstream_target_find(struct request *r, struct upstream_target *t)
    __attribute__((warn_unused_result));

#endif
