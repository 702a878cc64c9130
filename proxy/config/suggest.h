/* SPDX-License-Identifier: ISC */
/*
 * suggest: "did you mean": the nearest of the names that would have been right.
 */
#ifndef PROXY_CONFIG_SUGGEST_H
#define PROXY_CONFIG_SUGGEST_H

#include "base/span.h"

struct suggestion {
	struct span wrong;
	struct span best; /* empty: nothing is near enough */
	size_t distance;
};

void suggestion_init(struct suggestion *s, struct span wrong);
/* One of the right names; the first of equally near ones wins. */
void suggestion_offer(struct suggestion *s, struct span right);

#endif
