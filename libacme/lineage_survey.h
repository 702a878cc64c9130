/* SPDX-License-Identifier: ISC */
/*
 * lineage_survey: all there is to say about one lineage of the store: its certificate, when and how it is
 * renewed, whether it is deployed, whether disk and wire agree.
 */
#ifndef LIBACME_LINEAGE_SURVEY_H
#define LIBACME_LINEAGE_SURVEY_H

#include "libcert/certstore.h"
#include "libcert/survey.h"

/* Is there a lineage of that name? */
bool lineage_exists(struct certstore *store, const char *name);
/* A failure is in the survey. Nothing in the store is changed, no lock taken. */
void lineage_survey(const struct survey_options *options, struct certstore *store, const char *name,
    struct survey *s);

#endif
