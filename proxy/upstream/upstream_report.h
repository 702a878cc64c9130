/* SPDX-License-Identifier: ISC */
/*
 * upstream_report: how each peer of each group is, as this worker sees it.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_REPORT_H
#define PROXY_UPSTREAM_UPSTREAM_REPORT_H

#include "proxy/upstream/upstream.h"

struct upstream_report {
	struct span group, peer;
	/* "up", "backup", "resting", "unhealthy", "draining", "drained", "down". */
	const char *state;
	unsigned weight, fails, max_fails, connections;
};

void upstream_report_each(const struct generation *gen, int64_t now_ms,
    void (*tell)(void *ctx, const struct upstream_report *p), void *ctx);

#endif
