/* SPDX-License-Identifier: ISC */
/*
 * modexp: powers of two, and of other numbers, modulo odd numbers, a few at once: what the search for primes spends its
 * time on. Each kernel does it in its own way, with the same result:
 *
 *	word  one at a time, OpenSSL's BN_mod_exp_mont_word: any machine
 *	fma   eight at a time on the doubles of AVX-512F: any CPU that has it
 *	ifma  eight at a time on AVX-512 IFMA's 52-bit products: Ice Lake, Zen 4 and later
 *
 * Time depends on the operands: not for secrets.
 */
#ifndef LIBCERT_MODEXP_H
#define LIBCERT_MODEXP_H

#include <openssl/bn.h>

#include <stdbool.h>

#define MODEXP_BITS_MAX 8192
#define MODEXP_LANES_MAX 8

struct modexp {
	const BIGNUM *modulus;  /* odd, more than 1, at most MODEXP_BITS_MAX bits */
	const BIGNUM *exponent; /* at least 1, no longer than MODEXP_BITS_MAX */
	BIGNUM *result;         /* set to 2^exponent mod modulus; the caller's */
};

/* One exponent and one modulus, as above, for several bases. */
struct modexp_powers {
	const BIGNUM *modulus, *exponent;
	const BIGNUM *bases[MODEXP_LANES_MAX]; /* each 1 to the modulus less one */
	BIGNUM *results[MODEXP_LANES_MAX];     /* 0 may come out as the modulus itself */
};

struct modexp_kernel {
	const char *name;
	unsigned lanes; /* how many it does at once; fewer take as long */
	bool (*supported)(void);
	/*
	 * 1 to lanes of them; no modulus is longer than bits. May be called from any thread, each
	 * with a BN_CTX of its own. -1: out of memory.
	 */
	int (*run)(const struct modexp *jobs, unsigned count, unsigned bits, BN_CTX *ctx)
	    __attribute__((warn_unused_result));
	/* The same for 1 to lanes bases. */
	int (*powers)(const struct modexp_powers *powers, unsigned count, BN_CTX *ctx)
	    __attribute__((warn_unused_result));
};

/* All there are, the fastest first; ends with NULL. The last one runs anywhere. */
extern const struct modexp_kernel *const modexp_kernels[];

/* The fastest this CPU has. */
const struct modexp_kernel *modexp_best(void);
/* NULL if there is none of that name, or this CPU cannot run it. */
const struct modexp_kernel *modexp_find(const char *name);

#endif
