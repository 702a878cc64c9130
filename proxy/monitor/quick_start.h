/* SPDX-License-Identifier: ISC */
/*
 * quick_start: tinyproxyd --from [ADDR:]PORT --to HOST:PORT: TLS in front of a service, with no file at all.
 *
 * The configuration, and a self-signed certificate if none is given, are made in a directory of their own, which goes
 * when the proxy ends.
 */
#ifndef PROXY_MONITOR_QUICK_START_H
#define PROXY_MONITOR_QUICK_START_H

#include "base/err.h"

struct quick_start {
	const char *from, *to;
	const char *cert, *key; /* NULL = self-signed */
	char *directory;        /* with its slash; made */
};

/* The path of the configuration is directory and QUICK_START_CONF. */
#define QUICK_START_CONF "tinyproxyd.conf"
int quick_start_prepare(struct quick_start *q, struct err *e) __attribute__((warn_unused_result));
/* Removes what was made. */
void quick_start_release(struct quick_start *q);

#endif
