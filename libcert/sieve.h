/* SPDX-License-Identifier: ISC */
/*
 * sieve: a window of candidates for safe primes, from which those with a small factor are struck.
 *
 * Candidate k of a window is the pair q = start + 12 k and p = 2 q + 1, where q = 11 mod 12, so
 * p = 23 mod 24: neither has 2 or 3 as a factor, and 2 is a square mod p, which makes it generate the
 * subgroup of order q. A candidate is left when neither q nor p has a prime factor below the bound.
 *
 * The work comes in units: first all small ones (primes below 2^16), then all large ones, then the
 * window can be read. Threads may share the units of either kind, each unit once.
 */
#ifndef LIBCERT_SIEVE_H
#define LIBCERT_SIEVE_H

#include <openssl/bn.h>

#include <stdbool.h>
#include <stdint.h>

#define SIEVE_STEP 12
/* log2 of the bound. */
#define SIEVE_BOUND_MIN 17
#define SIEVE_BOUND_MAX 29
/* The longest start, in bits. */
#define SIEVE_BITS_MAX 8192

struct sieve;

/* length is the number of candidates, at most 2^32, rounded up to a multiple of 64: a bit for each. */
struct sieve *sieve_new(unsigned bound_log2, uint64_t length);
void sieve_free(struct sieve *s);

uint64_t sieve_length(const struct sieve *s);
/* A new window, nothing struck. start is 11 mod 12 and above the bound. -1: out of memory. */
int sieve_start(struct sieve *s, const BIGNUM *start) __attribute__((warn_unused_result));

uint64_t sieve_small_units(const struct sieve *s);
void sieve_small(struct sieve *s, uint64_t unit);
uint64_t sieve_large_units(const struct sieve *s);
void sieve_large(struct sieve *s, uint64_t unit);

/* The first candidate at or after *k that is left goes into *k; false when there is none. */
bool sieve_next(const struct sieve *s, uint64_t *k);

/* The part of all such pairs that has no prime factor below 2^bound_log2. */
double sieve_density(unsigned bound_log2);

#endif
