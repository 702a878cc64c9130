/* SPDX-License-Identifier: ISC */
/*
 * safe_prime_test: the arithmetic of the search for safe primes: is q prime, is p = 2 q + 1?
 *
 * q = 3 mod 4, so each test of q is Miller's in full with one exponentiation: a^((q-1)/2) must be 1
 * or -1. And p = 7 mod 8 has 2 as a square: 2^q = 1 mod p. Given that q is prime, this one equation
 * proves p prime (Pocklington: q divides p - 1, q > sqrt(p), and 2^2 - 1 = 3 does not divide p) and 2
 * of order q.
 */
#ifndef LIBCERT_SAFE_PRIME_TEST_H
#define LIBCERT_SAFE_PRIME_TEST_H

#include "libcert/modexp.h"

#include <openssl/bn.h>

#include <stdbool.h>
#include <stdint.h>

/* One thread's numbers. */
struct safe_prime_test;

/* For p of so many bits. NULL: out of memory. */
struct safe_prime_test *safe_prime_test_new(const struct modexp_kernel *kernel, unsigned bits);
void safe_prime_test_free(struct safe_prime_test *t);

/* Candidates of a window, by their number in it (see sieve.h), and which of them passed. */
struct safe_prime_batch {
	uint64_t candidate[MODEXP_LANES_MAX];
	unsigned count; /* 1 to the kernel's lanes */
	unsigned of_p;  /* the first of_p are tests of p, the others of q */
	bool passed[MODEXP_LANES_MAX];
};

/* These return -1 when memory runs out. */

/* To the base 2; start is candidate 0's q. */
int safe_prime_test_base_2(struct safe_prime_test *t, const BIGNUM *start,
    struct safe_prime_batch *batch) __attribute__((warn_unused_result));
/* q to random bases, as many at once as the kernel has lanes. */
int safe_prime_test_rounds(struct safe_prime_test *t, const BIGNUM *q, bool *passed)
    __attribute__((warn_unused_result));
/*
 * p = 2 q + 1; proved: q passes one more round, p is prime if q is, and 2 generates the subgroup of order q. All by
 * OpenSSL, so that no kernel need be believed.
 */
int safe_prime_test_prove(struct safe_prime_test *t, const BIGNUM *q, BIGNUM *p, bool *proved)
    __attribute__((warn_unused_result));

#endif
