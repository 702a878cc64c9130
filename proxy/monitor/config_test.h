/* SPDX-License-Identifier: ISC */
/*
 * config_test: tinyproxyd -t and -T: would this configuration start?
 */
#ifndef PROXY_MONITOR_CONFIG_TEST_H
#define PROXY_MONITOR_CONFIG_TEST_H

#include "proxy/monitor/monitor.h"

#include <stdbool.h>

struct config_test {
	bool dump;  /* -T: every file on stdout, once */
	bool quiet; /* -q: nothing but what is wrong */
	/* --explain: what would become of a request for this URL; NULL = not asked. */
	const char *explain;
};

/*
 * Everything a start would do short of serving: certificates are read, addresses tried, logs opened. A certificate that could
 * not be used fails the test, although it would not stop a start. Returns the exit status.
 */
int config_test_run(const struct monitor_options *options, const struct config_test *test);

#endif
