/* SPDX-License-Identifier: ISC */
/*
 * Tests of safe primes. The base-2 ones and the rounds with random bases go to a kernel; what decides in the end,
 * one more round and the proof, is computed by OpenSSL. A random composite of such a size that one random base takes
 * for a prime is not to be met with in the life of the universe (Damgard, Landrock, Pomerance 1993), so that a kernel
 * that computes nonsense is found out.
 */
#include "libcert/safe_prime_test.h"

#include "base/mem.h"
#include "libcert/sieve.h"

struct safe_prime_test {
	const struct modexp_kernel *kernel;
	unsigned bits;
	BN_CTX *ctx;
	/* The scratch numbers of a batch; a round uses the first of each. */
	BIGNUM *modulus[MODEXP_LANES_MAX], *exponent[MODEXP_LANES_MAX], *result[MODEXP_LANES_MAX];
};

struct safe_prime_test *
safe_prime_test_new(const struct modexp_kernel *kernel, unsigned bits)
{
	struct safe_prime_test *t = mem_zalloc(sizeof(*t));
	bool ok;

	t->kernel = kernel;
	t->bits = bits;
	t->ctx = BN_CTX_new();
	ok = t->ctx != NULL;
	for (unsigned i = 0; i < MODEXP_LANES_MAX; i++) {
		t->modulus[i] = BN_new();
		t->exponent[i] = BN_new();
		t->result[i] = BN_new();
		ok = ok && t->modulus[i] && t->exponent[i] && t->result[i];
	}
	if (ok)
		return t;
	safe_prime_test_free(t);
	return NULL;
}

void
safe_prime_test_free(struct safe_prime_test *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < MODEXP_LANES_MAX; i++) {
		BN_free(t->modulus[i]);
		BN_free(t->exponent[i]);
		BN_free(t->result[i]);
	}
	BN_CTX_free(t->ctx);
	free(t);
}

/* p = 2 q + 1; p may be q. */
static bool
p_of(BIGNUM *p, const BIGNUM *q)
{
	return BN_lshift1(p, q) && BN_add_word(p, 1);
}

/* The modulus and the exponent of test i. */
static bool
prepare(struct safe_prime_test *t, const BIGNUM *start, const struct safe_prime_batch *batch,
    unsigned i)
{
	BIGNUM *modulus = t->modulus[i], *exponent = t->exponent[i];

	if (!BN_set_word(modulus, batch->candidate[i]) || !BN_mul_word(modulus, SIEVE_STEP) ||
	    !BN_add(modulus, modulus, start))
		return false;
	if (i >= batch->of_p)
		return BN_rshift1(exponent, modulus);
	return BN_copy(exponent, modulus) && p_of(modulus, modulus);
}

/* a = -1 mod n; a is used up. */
static bool
is_minus_one(BIGNUM *a, const BIGNUM *n)
{
	return BN_add_word(a, 1) && BN_cmp(a, n) == 0;
}

int
safe_prime_test_base_2(struct safe_prime_test *t, const BIGNUM *start,
    struct safe_prime_batch *batch)
{
	struct modexp jobs[MODEXP_LANES_MAX];

	for (unsigned i = 0; i < batch->count; i++) {
		if (!prepare(t, start, batch, i))
			return -1;
		jobs[i] = (struct modexp){ t->modulus[i], t->exponent[i], t->result[i] };
	}
	if (t->kernel->run(jobs, batch->count, t->bits, t->ctx) < 0)
		return -1;
	for (unsigned i = 0; i < batch->count; i++)
		batch->passed[i] = BN_is_one(t->result[i]) ||
				   (i >= batch->of_p && is_minus_one(t->result[i], t->modulus[i]));
	return 0;
}

/* 2 <= base <= q - 2 */
static bool
draw_base(BIGNUM *base, const BIGNUM *q, BN_CTX *ctx)
{
	BIGNUM *range;
	bool drawn;

	BN_CTX_start(ctx);
	range = BN_CTX_get(ctx);
	drawn = range && BN_copy(range, q) && BN_sub_word(range, 3) &&
		BN_priv_rand_range_ex(base, range, 0, ctx) && BN_add_word(base, 2);
	BN_CTX_end(ctx);
	return drawn;
}

static bool
round_passed(BIGNUM *power, const BIGNUM *q)
{
	return BN_is_one(power) || is_minus_one(power, q);
}

int
safe_prime_test_rounds(struct safe_prime_test *t, const BIGNUM *q, bool *passed)
{
	struct modexp_powers powers = { .modulus = q, .exponent = t->exponent[0] };

	if (!BN_rshift1(t->exponent[0], q))
		return -1;
	for (unsigned i = 0; i < t->kernel->lanes; i++) {
		if (!draw_base(t->modulus[i], q, t->ctx))
			return -1;
		powers.bases[i] = t->modulus[i];
		powers.results[i] = t->result[i];
	}
	if (t->kernel->powers(&powers, t->kernel->lanes, t->ctx) < 0)
		return -1;
	*passed = true;
	for (unsigned i = 0; i < t->kernel->lanes; i++)
		*passed = *passed && round_passed(t->result[i], q);
	return 0;
}

int
safe_prime_test_prove(struct safe_prime_test *t, const BIGNUM *q, BIGNUM *p, bool *proved)
{
	BIGNUM *base = t->modulus[0], *half = t->exponent[0], *power = t->result[0];

	if (!draw_base(base, q, t->ctx) || !BN_rshift1(half, q) ||
	    !BN_mod_exp_mont(power, base, half, q, t->ctx, NULL))
		return -1;
	*proved = round_passed(power, q);
	if (!BN_set_word(base, 2) || !p_of(p, q) ||
	    !BN_mod_exp_mont(power, base, q, p, t->ctx, NULL))
		return -1;
	*proved = *proved && BN_is_one(power);
	return 0;
}
