/* SPDX-License-Identifier: ISC */
/*
 * value: the scalar values of the configuration language: numbers, sizes, durations.
 *
 * nginx's grammar, except that a unit always needs a number before it. All return 0, or -1 with
 * *out untouched.
 */
#ifndef PROXY_CONFIG_VALUE_H
#define PROXY_CONFIG_VALUE_H

#include "base/span.h"

#include <stdint.h>

/* "8192", "8k", "1M"; "g" as well when max is beyond what 32 bits hold. */
int value_parse_size(struct span s, uint64_t max, uint64_t *out)
    __attribute__((warn_unused_result));

enum duration_unit {
	DURATION_MS, /* units w d h m s ms */
	DURATION_S,  /* units y M w d h m s */
};

/*
 * "90", "1m30s", "1h 30m": numbers with units from the longest to the shortest, each once; a last
 * one without a unit is seconds. Milliseconds out, whatever the unit.
 */
int value_parse_duration(struct span s, enum duration_unit unit, int64_t *ms)
    __attribute__((warn_unused_result));

#endif
