/* SPDX-License-Identifier: ISC */
/*
 * acme_ask: one signed request, waited for; for what is done one step after the other.
 */
#ifndef LIBACME_ACME_ASK_H
#define LIBACME_ACME_ASK_H

#include "libacme/acme.h"

#include <cjson/cJSON.h>

struct acme_told {
	int status;     /* 0: no reply came, and the CA may or may not have acted */
	char *location; /* or NULL */
	char *problem;  /* the problem's type without prefix, or NULL */
	cJSON *doc;     /* a 2xx reply's JSON object, or NULL */
};

void acme_told_release(struct acme_told *told);

/* post's done and arg are not used. Runs ca's loop. 0 for a reply of 2xx; told is to be released in any case. */
int acme_ask(struct acme *ca, const struct acme_post *post, struct acme_told *told, struct err *e)
    __attribute__((warn_unused_result));

#endif
