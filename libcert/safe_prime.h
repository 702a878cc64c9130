/* SPDX-License-Identifier: ISC */
/*
 * safe_prime: the search for a fresh safe prime p = 2 q + 1, p = 23 mod 24, so that 2 generates the
 * subgroup of order q: Diffie-Hellman parameters that nobody else has.
 *
 * From a random start a window of candidates is sieved, and what is left is tested by all threads:
 * q to the base 2 first, then p. What passes is made sure of: q by as many rounds with random
 * bases as OpenSSL demands, then p by Pocklington's theorem, for which one exponentiation is enough.
 */
#ifndef LIBCERT_SAFE_PRIME_H
#define LIBCERT_SAFE_PRIME_H

#include "base/err.h"
#include "libcert/modexp.h"

#include <openssl/bn.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define SAFE_PRIME_BITS_MIN 512
#define SAFE_PRIME_BITS_MAX 8192

enum safe_prime_phase {
	SAFE_PRIME_SIEVE_SMALL, /* candidates with a factor below 2^16 are struck */
	SAFE_PRIME_SIEVE_LARGE, /* and those with one below the bound */
	SAFE_PRIME_TEST,        /* the base-2 tests */
	SAFE_PRIME_CLOSE,       /* the rounds that make sure */
};

/* How far a search is, or how it went. Times are microseconds. */
struct safe_prime_stats {
	enum safe_prime_phase phase;
	bool found;
	unsigned bits, threads, bound_log2;
	const char *kernel;
	unsigned windows;
	uint64_t candidates;      /* gone past, struck ones included */
	uint64_t exponentiations; /* base 2, of q and of p */
	uint64_t closing;         /* rounds with random bases */
	/* How many it takes on average, over many searches. */
	double expected_candidates, expected_exponentiations;
	/* Processor time of all threads: sieve, base-2 tests, closing rounds. */
	int64_t sieve_us, test_us, closing_us;
	int64_t elapsed_us, testing_us; /* by the clock: in all; since the first base-2 test */
};

struct safe_prime_request {
	unsigned bits;       /* of p: SAFE_PRIME_BITS_MIN to _MAX, a multiple of 8 */
	unsigned threads;    /* 0 = one for each processor we may run on */
	unsigned bound_log2; /* 0 = the best for these bits and this kernel */
	uint64_t window;     /* candidates in a window; 0 = as many as six safe primes take */
	const struct modexp_kernel *kernel;  /* NULL = the fastest */
	const volatile sig_atomic_t *cancel; /* set to non-zero to give up; may be NULL */
	/* Called from the calling thread, ten times a second; may be NULL. */
	void (*progress)(void *arg, const struct safe_prime_stats *stats);
	void *arg;
};

enum safe_prime_result {
	SAFE_PRIME_FOUND,
	SAFE_PRIME_CANCELLED, /* within a tenth of a second or one exponentiation per lane */
	SAFE_PRIME_FAILED,    /* e is set */
};

/* Sets p, and stats in any case (may be NULL). */
enum safe_prime_result safe_prime_search(const struct safe_prime_request *request, BIGNUM *p,
    struct safe_prime_stats *stats, struct err *e) __attribute__((warn_unused_result));

#endif
