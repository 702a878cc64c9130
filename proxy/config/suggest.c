/* SPDX-License-Identifier: ISC */
/*
 * suggest: the nearest name by edit distance.
 */
#include "proxy/config/suggest.h"

void
suggestion_init(struct suggestion *s, struct span wrong)
{
	/* One slip in a short word, a few in a long one; more is another word. */
	size_t limit = wrong.n < 4 ? 1 : 1 + wrong.n / 5;

	*s = (struct suggestion){ .wrong = wrong, .distance = (limit < 4 ? limit : 4) + 1 };
}

void
suggestion_offer(struct suggestion *s, struct span right)
{
	size_t distance = span_distance(s->wrong, right, s->distance - 1);

	if (distance < s->distance && distance < right.n) {
		s->best = right;
		s->distance = distance;
	}
}
