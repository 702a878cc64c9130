/* SPDX-License-Identifier: ISC */
/* decimal: numbers as text without stdio, for the hot path. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stdint.h>

#define DECIMAL_MAX 20 /* digits of UINT64_MAX */

/* v's digits at p, no NUL behind them; the end of what was written. */
char *decimal_put(char *p, uint64_t v) __attribute__((warn_unused_result));

#endif
