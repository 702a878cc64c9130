/* SPDX-License-Identifier: ISC */
/*
 * trust_report: what became of each store, for people and for programs.
 */
#ifndef LIBCERT_TRUST_REPORT_H
#define LIBCERT_TRUST_REPORT_H

#include "libcert/trust.h"

#include <stdio.h>

/* A line for each store. */
void trust_report_text(const struct trust_outcome *outcomes, size_t count, FILE *out);
/* {"schema":1,"stores":[…]} */
void trust_report_json(const struct trust_outcome *outcomes, size_t count, FILE *out);

#endif
