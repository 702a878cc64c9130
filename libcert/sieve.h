/* SPDX-License-Identifier: ISC */
/*
 * sieve: a window of candidates for safe primes, from which those with a small factor are taken out.
 *
 * Candidate k of a window is the pair q = start + 12 k and p = 2 q + 1, where q = 11 mod 12, so
 * p = 23 mod 24: neither has 2 or 3 as a factor, and 2 is a square mod p: it generates the subgroup of
 * order q. A candidate is left when neither q nor p has a prime factor below the bound.
 *
 * The work is cut into units, which any number of threads may do at once, each unit once; all of
 * them must be done before the window is read. Memory: a bit per candidate.
 */
#ifndef LIBCERT_SIEVE_H
#define LIBCERT_SIEVE_H

#include "base/span.h"

#include <openssl/bn.h>

#include <stdbool.h>
#include <stdint.h>

#define SIEVE_STEP 12
/* log2 of the bound: what sieve_new takes. */
#define SIEVE_BOUND_MIN 17
#define SIEVE_BOUND_MAX 29

struct sieve;

/* length is the number of candidates (rounded up to whole words). Free with sieve_free. */
struct sieve *sieve_new(unsigned bound_log2, uint64_t length);
void sieve_free(struct sieve *s);

uint64_t sieve_length(const struct sieve *s);

/*
 * A new window. start must be 11 mod 12, above the bound, and at most 8192 bits long. -1: it is
 * not.
 */
int sieve_start(struct sieve *s, const BIGNUM *start) __attribute__((warn_unused_result));

/* Units that strike out by primes below 2^16, and those by larger ones, in any order. */
uint64_t sieve_small_units(const struct sieve *s);
void sieve_small(struct sieve *s, uint64_t unit);
uint64_t sieve_large_units(const struct sieve *s);
void sieve_large(struct sieve *s, uint64_t unit);

/* The first candidate left at or after *k into *k; false when there is none. */
bool sieve_next(const struct sieve *s, uint64_t *k);

/* Of all pairs of this form, the part that has no prime factor below the bound. */
double sieve_density(unsigned bound_log2);

#endif
