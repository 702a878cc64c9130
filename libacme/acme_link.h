/* SPDX-License-Identifier: ISC */
/*
 * acme_link: Link header fields (RFC 8288), as far as ACME uses them: <URL>;rel="relation".
 */
#ifndef LIBACME_ACME_LINK_H
#define LIBACME_ACME_LINK_H

#include "base/span.h"

#include <stdbool.h>

/*
 * Take the next link off *rest, a field's value. Returns false at its end, or where it is ill-formed.
 * relation is empty when the link has none.
 */
bool acme_link_next(struct span *rest, struct span *url, struct span *relation);

#endif
