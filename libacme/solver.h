/* SPDX-License-Identifier: ISC */
/*
 * solver: from a lineage's settings to the solver that proves its names; and what all solvers of a process share.
 */
#ifndef LIBACME_SOLVER_H
#define LIBACME_SOLVER_H

#include "libacme/challenge.h"
#include "libacme/renewal.h"

/* Ports and hooks under way, on one loop. */
struct solver_shared;
struct solver_shared *solver_shared_new(struct acme_http *http);
/* After the last solver, and when the loop has ended. Takes NULL. */
void solver_shared_free(struct solver_shared *shared);

/*
 * Do the settings make a solver for these names? Says what is missing or contradicts. Nothing is opened.
 */
int solver_check(const struct renewal *how, const struct span *names, size_t count, struct err *e)
    __attribute__((warn_unused_result));

/* As solver_check, and the solver (s->free). how, names and arena live longer than it. */
struct solver *solver_new(struct solver_shared *shared, struct certstore *store,
    const struct renewal *how, const struct span *names, size_t count, struct arena *arena,
    struct err *e) __attribute__((warn_unused_result));

#endif
