/* SPDX-License-Identifier: ISC */
/*
 * upstream_group: the inside of a group, for the files of upstream/ alone.
 *
 * References: each generation that names the group (generations), each connection to one of its peers in use. Idle
 * connections hold none: when the last generation lets go, they are closed, then the group ends with its last user.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_GROUP_H
#define PROXY_UPSTREAM_UPSTREAM_GROUP_H

#include "proxy/upstream/upstream.h"

struct upstream_group {
	unsigned refs, generations;
	char *identity;
	char *name;
	unsigned keepalive, keepalive_requests;
	int64_t keepalive_timeout_ms;
	struct upstream_conn *idle; /* newest first */
	unsigned idle_count;
	size_t peer_count;
	struct peer peers[];
};

/* Close every idle connection. */
void idle_pool_clear(struct upstream_group *g);

#endif
