/* SPDX-License-Identifier: ISC */
/*
 * local_ca_report: a local CA and what it issued, for people and for programs.
 */
#ifndef LIBCERT_LOCAL_CA_REPORT_H
#define LIBCERT_LOCAL_CA_REPORT_H

#include "libcert/local_ca.h"

#include <stdio.h>

void local_ca_report_text(const struct local_ca *ca, FILE *out);
/* {"schema":1,"certificate":…} */
void local_ca_report_json(const struct local_ca *ca, FILE *out);

/* A head line and a line for each; nothing at all when there is none. */
void local_ca_report_list_text(const struct local_ca_entry *entries, size_t count, FILE *out);
/* {"schema":1,"certificates":[…]} */
void local_ca_report_list_json(const struct local_ca_entry *entries, size_t count, FILE *out);

#endif
