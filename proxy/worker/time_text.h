/* SPDX-License-Identifier: ISC */
/*
 * time_text: the local time as access logs write it, made once a second.
 */
#ifndef PROXY_WORKER_TIME_TEXT_H
#define PROXY_WORKER_TIME_TEXT_H

#include "base/span.h"

#include <stdint.h>

#define TIME_TEXT_COMMON_LEN 26  /* "21/Nov/2026:01:46:06 +0000" */
#define TIME_TEXT_ISO8601_LEN 25 /* "2026-11-21T01:46:06+00:00" */

/* Zero to start. */
struct time_text {
	int64_t second;
	char common[TIME_TEXT_COMMON_LEN + 1];
	char iso8601[TIME_TEXT_ISO8601_LEN + 1];
};

/* The texts of this instant (seconds since 1970); valid until the next call with another. */
struct span time_text_common(struct time_text *t, int64_t wall);
struct span time_text_iso8601(struct time_text *t, int64_t wall);

#endif
