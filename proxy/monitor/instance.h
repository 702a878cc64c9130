/* SPDX-License-Identifier: ISC */
/*
 * instance: the tinyproxyd that runs with this configuration, and orders for it (tinyproxyd -s).
 */
#ifndef PROXY_MONITOR_INSTANCE_H
#define PROXY_MONITOR_INSTANCE_H

#include "proxy/monitor/monitor.h"

enum instance_order { INSTANCE_STOP, INSTANCE_QUIT, INSTANCE_REOPEN, INSTANCE_RELOAD };

/* -1: no such order. */
int instance_order_parse(const char *word, enum instance_order *order);

/*
 * The configuration is read to find the pid file, as nginx does; wrong, it is refused. A reload goes by the control
 * socket and waits for the outcome; where there is none, by signal. Returns the exit status; says on
 * stderr what failed.
 */
int instance_command(const struct monitor_options *options, enum instance_order order);

#endif
