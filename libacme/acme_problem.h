/* SPDX-License-Identifier: ISC */
/*
 * acme_problem: a CA's problem document (RFC 7807, RFC 8555 6.7) as an error that helps.
 *
 * One table says for each type what kind of failure it is, whether asking again helps
 * and what the user should do.
 */
#ifndef LIBACME_ACME_PROBLEM_H
#define LIBACME_ACME_PROBLEM_H

#include "base/err.h"
#include "base/span.h"

#include <cjson/cJSON.h>

#include <stdbool.h>
#include <stddef.h>

enum acme_retry {
	ACME_RETRY_NO,    /* the same request gets the same answer */
	ACME_RETRY_NONCE, /* at once, with a new nonce */
	ACME_RETRY_LATER, /* after a pause */
};

#define ACME_SUBPROBLEMS_MAX 100

struct acme_problem {
	char *type;   /* "badNonce": without its URN prefix; a foreign type whole; "" if none */
	char *detail; /* the CA's own words; "" if none */
	char *name;   /* subproblem: the identifier it is about; else NULL */
	int status;   /* HTTP status; 0 if it does not say */
	struct acme_problem *sub;
	size_t sub_count;
};

/* All of text is one problem document. */
int acme_problem_parse(struct span text, struct acme_problem *p, struct err *e)
    __attribute__((warn_unused_result));
/* The "error" member of a challenge or order. */
void acme_problem_read(const cJSON *object, struct acme_problem *p);
void acme_problem_release(struct acme_problem *p);

enum acme_retry acme_problem_retry(const struct acme_problem *p);
/* type is without prefix, "rateLimited". */
bool acme_problem_is(const struct acme_problem *p, const char *type);
/*
 * The problem as a sentence with kind and hint: "text: detail (type); NAME: detail ...".
 * retry_at: wall clock, 0 = unknown. Returns -1.
 */
int acme_problem_error(const struct acme_problem *p, int64_t retry_at, const char *text,
    struct err *e);

#endif
