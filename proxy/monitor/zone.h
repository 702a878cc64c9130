/* SPDX-License-Identifier: ISC */
/*
 * zone: shared memory of a name, made by the monitor, zeroed, mapped by every worker, kept over reloads while its size
 * stays the same.
 */
#ifndef PROXY_MONITOR_ZONE_H
#define PROXY_MONITOR_ZONE_H

#include "base/err.h"
#include "proxy/config/snapshot.h"
#include "proxy/monitor/resource.h"

/* The zone, with one more reference. NULL with e set when the kernel has no memory for it. */
struct resource *zone_open(struct resource_table *t, const struct zone_spec *spec, struct err *e);

#endif
