/* SPDX-License-Identifier: ISC */
/* decimal: see decimal.h. */
#include "base/decimal.h"

#include <stddef.h>

char *
decimal_put(char *p, uint64_t v)
{
	size_t n = 1;

	for (uint64_t rest = v; rest >= 10; rest /= 10)
		n++;
	for (size_t i = n; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}
