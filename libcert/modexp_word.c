/* SPDX-License-Identifier: ISC */
/*
 * Powers of two one at a time: a Montgomery squaring for each bit of the exponent, and a shift
 * where the bit is set. BN_mod_exp_mont_word gathers the shifts in a machine word instead, but then
 * divides by the modulus every six bits, which costs more than it saves (a tenth at 1024 bits).
 */
#include "libcert/modexp_word.h"

static bool
word_supported(void)
{
	return true;
}

static int
power_of_two(const struct modexp *job, BN_MONT_CTX *mont, BN_CTX *ctx)
{
	BIGNUM *x = job->result;
	const BIGNUM *n = job->modulus;

	if (!BN_MONT_CTX_set(mont, n, ctx) || !BN_set_word(x, 2) || !BN_nnmod(x, x, n, ctx) ||
	    !BN_to_montgomery(x, x, mont, ctx))
		return -1;
	for (int bit = BN_num_bits(job->exponent) - 1; bit-- > 0;) {
		if (!BN_mod_mul_montgomery(x, x, x, mont, ctx))
			return -1;
		if (BN_is_bit_set(job->exponent, bit) && !BN_mod_lshift1_quick(x, x, n))
			return -1;
	}
	return BN_from_montgomery(x, x, mont, ctx) ? 0 : -1;
}

static int
word_run(const struct modexp *jobs, unsigned count, unsigned bits, BN_CTX *ctx)
{
	BN_MONT_CTX *mont = BN_MONT_CTX_new();
	int rc = mont ? 0 : -1;

	for (unsigned i = 0; i < count && rc == 0; i++)
		rc = power_of_two(&jobs[i], mont, ctx);
	BN_MONT_CTX_free(mont);
	return rc;
}

static int
word_powers(const struct modexp_powers *p, unsigned count, BN_CTX *ctx)
{
	for (unsigned i = 0; i < count; i++) {
		if (!BN_mod_exp_mont(p->results[i], p->bases[i], p->exponent, p->modulus, ctx,
			NULL))
			return -1;
	}
	return 0;
}

const struct modexp_kernel modexp_word = {
	.name = "word",
	.lanes = 1,
	.supported = word_supported,
	.run = word_run,
	.powers = word_powers,
};
