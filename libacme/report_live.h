/* SPDX-License-Identifier: ISC */
/*
 * report_live: a block of lines at the foot of a terminal, one per order under way, drawn over itself:
 *
 *	a.example   waiting for the CA's validation   3 s
 *	b.example   creating the order                0 s
 *	... and 14 more
 */
#ifndef LIBACME_REPORT_LIVE_H
#define LIBACME_REPORT_LIVE_H

#include "libacme/acme_http.h"

#include <stdio.h>

struct report_live;

/* out is a terminal; the loop lets the seconds go on. */
struct report_live *report_live_new(FILE *out, struct acme_http *http);
/* Takes the block away. Takes NULL. */
void report_live_free(struct report_live *live);

/* name is the key. What is not about an order has name NULL, and is shown while there are none. */
void report_live_set(struct report_live *live, const char *name, const char *text);
void report_live_end(struct report_live *live, const char *name);
/* Take the block away, so that something else can be written; the next change draws it again. */
void report_live_clear(struct report_live *live);

#endif
