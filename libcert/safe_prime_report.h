/* SPDX-License-Identifier: ISC */
/* safe_prime_report: a search for a safe prime in words and in JSON. */
#ifndef LIBCERT_SAFE_PRIME_REPORT_H
#define LIBCERT_SAFE_PRIME_REPORT_H

#include "base/buf.h"
#include "libcert/safe_prime.h"

/* Where the search is: one line without its end. live: with the rate and the time to come. */
void safe_prime_report_progress(const struct safe_prime_stats *stats, bool live, struct buf *out);
/* What it took: lines for people. */
void safe_prime_report_text(const struct safe_prime_stats *stats, struct buf *out);
/* The same as one object. */
void safe_prime_report_json(const struct safe_prime_stats *stats, struct buf *out);

#endif
