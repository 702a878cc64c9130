/* SPDX-License-Identifier: ISC */
/*
 * clock: the only place that reads time.
 *
 * Durations are int64_t milliseconds named ..._ms; wall clock instants are
 * int64_t seconds since 1970. Tests replace both clocks with clock_set_source().
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

int64_t clock_mono_ms(void); /* for time-outs */
int64_t clock_mono_us(void); /* for measuring */
int64_t clock_wall(void);    /* seconds since 1970 */
int64_t clock_wall_ms(void);
int64_t clock_thread_us(void); /* processor time of the calling thread */

struct clock_source {
	int64_t (*mono_us)(void *);
	int64_t (*wall_ms)(void *);
	void *arg;
};
/* NULL restores the real clocks. */
void clock_set_source(const struct clock_source *source);

struct clock_date {
	int year, month, day, hour, minute, second; /* month and day from 1 */
	int weekday;                                /* 0 = Sunday */
	int utc_offset;                             /* seconds east; 0 for UTC */
};
void clock_utc(int64_t wall, struct clock_date *d);
void clock_local(int64_t wall, struct clock_date *d);
int64_t clock_from_utc(const struct clock_date *d);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7) into 29 bytes + NUL. */
#define CLOCK_HTTP_LEN 29
void clock_format_http(int64_t wall, char out[CLOCK_HTTP_LEN + 1]);
/* All three forms of RFC 9110 5.6.7. Returns 0 or -1. */
int clock_parse_http(struct span s, int64_t *wall) __attribute__((warn_unused_result));
/* "2026-11-21T01:30:00Z" into 20 bytes + NUL. */
#define CLOCK_RFC3339_LEN 20
void clock_format_rfc3339(int64_t wall, char out[CLOCK_RFC3339_LEN + 1]);
/* RFC 3339 with fraction and offset. Returns 0 or -1. */
int clock_parse_rfc3339(struct span s, int64_t *wall) __attribute__((warn_unused_result));

#endif
