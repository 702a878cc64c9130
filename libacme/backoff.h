/* SPDX-License-Identifier: ISC */
/*
 * backoff: what is remembered of a lineage whose orders fail, so that no run and no number of runs burns a CA's limits.
 *
 *	DIR/gatehouse/backoff/NAME.json   names, failures in a row, when, the last problem, when to try again
 *
 * Four failures may follow each other as they come. From the fifth on the next try waits an hour, then twice as long each
 * time, up to a day. By hand it may be sooner, but never is one name tried more than five times in an hour, by whatever
 * lineages it is in. What a CA itself asked for (Retry-After) holds for everybody.
 */
#ifndef LIBACME_BACKOFF_H
#define LIBACME_BACKOFF_H

#include "base/err.h"
#include "libcert/certstore.h"

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_PER_HOUR 5

struct backoff {
	unsigned failures;                  /* in a row; an open attempt is one */
	bool open;                          /* what came of the last attempt is not known */
	int64_t attempts[BACKOFF_PER_HOUR]; /* the last ones, newest first; wall clock, 0 = none */
	int64_t next_try;                   /* not before, unless by hand; 0 = at once */
	int64_t hold_until;                 /* not before, says the CA; 0 = it does not */
	char *problem;                      /* the last one, in our words */
};

void backoff_release(struct backoff *b);
/* false when nothing failed (b is empty then). */
bool backoff_load(struct certstore *store, const char *name, struct backoff *b);

/*
 * May the lineage be ordered now? If not: ERR_TEMPFAIL with retry_at and the last problem. The caller holds the
 * lineage's lock for this and the following.
 */
int backoff_check(struct certstore *store, const char *name, const struct span *names, size_t count,
    bool by_hand, struct err *e) __attribute__((warn_unused_result));

/*
 * The CA is about to be told to look. Until one of the following says what came of it, this is a failed attempt: so a run that
 * is killed has counted.
 */
void backoff_attempt(struct certstore *store, const char *name, const struct span *names,
    size_t count);
/*
 * An order failed by e. counts, unless it has counted as an attempt already: the CA was asked in earnest; else only a time the CA gave (e->retry_at) is kept. What cannot be
 * written is no further failure.
 */
void backoff_failed(struct certstore *store, const char *name, const struct span *names,
    size_t count, const struct err *e, bool counts);
/* An attempt of which nothing was heard did succeed. */
void backoff_settle(struct certstore *store, const char *name);
/* All is well: forget it. */
void backoff_succeeded(struct certstore *store, const char *name);

#endif
