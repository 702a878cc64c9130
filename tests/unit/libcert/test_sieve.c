/* SPDX-License-Identifier: ISC */
/* sieve: struck is exactly what has a small factor, whatever the window, its start and the order. */
#include "libcert/sieve.h"
#include "tests/unit/unit.h"

#define BITS_SOME 511

/* A start of that many bits: random, all ones, or one bit and then nothing but the residue. */
enum shape { RANDOM, ONES, SPARSE };

static BIGNUM *
start_of(int bits, enum shape shape)
{
	BIGNUM *start = BN_new();

	if (shape == RANDOM) {
		assert_int_equal(BN_rand(start, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY), 1);
	} else {
		assert_int_equal(BN_set_bit(start, shape == ONES ? bits : bits - 1), 1);
		if (shape == ONES)
			assert_int_equal(BN_sub_word(start, 1), 1);
		else
			assert_int_equal(BN_add_word(start, 24), 1);
	}
	assert_int_equal(BN_sub_word(start, BN_mod_word(start, 12)), 1);
	assert_int_equal(shape == SPARSE ? BN_add_word(start, 11) : BN_sub_word(start, 1), 1);
	return start;
}

static bool
is_prime(uint32_t n)
{
	if (n % 2 == 0 || n % 3 == 0)
		return n == 2 || n == 3;
	for (uint32_t d = 5; d * d <= n; d += 6)
		if (n % d == 0 || n % (d + 2) == 0)
			return false;
	return true;
}

/* The naive way, for the primes from first to last. */
static void
strike_naively(bool *struck, uint64_t length, const BIGNUM *start, uint64_t first, uint64_t last)
{
	for (uint64_t r = first; r < last; r++) {
		if (!is_prime((uint32_t)r))
			continue;
		uint64_t q = BN_mod_word(start, r);

		for (uint64_t k = 0; k < length && k < r; k++) {
			if (q == 0 || 2 * q + 1 == r)
				for (uint64_t multiple = k; multiple < length; multiple += r)
					struck[multiple] = true;
			q += 12;
			while (q >= r)
				q -= r;
		}
	}
}

static void
assert_left(const struct sieve *s, const bool *struck)
{
	uint64_t next = 0;

	for (uint64_t k = 0; k < sieve_length(s); k++) {
		uint64_t found = k;
		bool any = sieve_next(s, &found);

		if (k < next)
			assert_true(any && found == next);
		else if (struck[k])
			assert_true(!any || found > k);
		else
			assert_true(any && found == k);
		next = any ? found : next;
	}
}

static void
sieve_all(struct sieve *s)
{
	for (uint64_t unit = 0; unit < sieve_small_units(s); unit++)
		sieve_small(s, unit);
	for (uint64_t unit = 0; unit < sieve_large_units(s); unit++)
		sieve_large(s, unit);
}

static void
check_window(struct sieve *s, const BIGNUM *start, bool small_too, uint64_t first, uint64_t last)
{
	bool *struck = calloc(sieve_length(s), sizeof(bool));

	assert_non_null(struck);
	if (small_too)
		strike_naively(struck, sieve_length(s), start, 5, first);
	strike_naively(struck, sieve_length(s), start, first, last);
	assert_left(s, struck);
	free(struck);
}

/* The smallest bound, every length of start: the chains of reductions and the powers that end them. */
static void
starts_of_any_length(void **state)
{
	struct sieve *s = sieve_new(SIEVE_BOUND_MIN, 64);

	for (int bits = 33; bits <= SIEVE_BITS_MAX; bits += bits < 700 ? 61 : 997) {
		for (enum shape shape = RANDOM; shape <= SPARSE; shape++) {
			BIGNUM *start = start_of(bits, shape);

			assert_int_equal(sieve_start(s, start), 0);
			sieve_all(s);
			check_window(s, start, true, 65536, 1 << SIEVE_BOUND_MIN);
			BN_free(start);
		}
	}
	sieve_free(s);
}

/* Primes are found in two units, the second one cut off, and strike once or several times. */
static void
large_primes(void **state)
{
	struct sieve *s = sieve_new(20, 3000);
	BIGNUM *start = start_of(BITS_SOME, RANDOM);

	assert_int_equal(sieve_length(s), 3008);
	assert_int_equal(sieve_large_units(s), 2);
	assert_int_equal(sieve_start(s, start), 0);
	sieve_all(s);
	check_window(s, start, true, 65536, 1 << 20);
	BN_free(start);
	sieve_free(s);
}

/* 2^17 - 1, in a group of primes that is not full, strikes q, and then p. */
static void
last_prime_below_the_bound(void **state)
{
	const BN_ULONG r = (1 << SIEVE_BOUND_MIN) - 1;
	struct sieve *s = sieve_new(SIEVE_BOUND_MIN, 64);
	BIGNUM *start = start_of(BITS_SOME, RANDOM);

	for (unsigned of_p = 0; of_p < 2; of_p++) {
		while (((1 + of_p) * BN_mod_word(start, r) + of_p) % r != 0)
			assert_int_equal(BN_add_word(start, 12), 1);
		assert_int_equal(sieve_start(s, start), 0);
		/* Without the small primes, which would strike most of what it does. */
		sieve_large(s, 0);
		check_window(s, start, false, 65536, 1 << SIEVE_BOUND_MIN);
	}
	BN_free(start);
	sieve_free(s);
}

/* The last numbers below the largest bound. */
static void
largest_primes(void **state)
{
	const uint64_t bound = UINT64_C(1) << SIEVE_BOUND_MAX, chunk = UINT64_C(1) << 19;
	struct sieve *s = sieve_new(SIEVE_BOUND_MAX, 4096);
	BIGNUM *start = start_of(BITS_SOME, RANDOM);
	uint64_t last = sieve_large_units(s) - 1;

	assert_int_equal(sieve_start(s, start), 0);
	sieve_large(s, last);
	check_window(s, start, false, 65536 + last * chunk, bound);
	BN_free(start);
	sieve_free(s);
}

/* More than one stretch of small primes; a window is clean again when it starts anew. */
static void
long_windows(void **state)
{
	struct sieve *s = sieve_new(SIEVE_BOUND_MIN, (1 << 18) + 1000);
	BIGNUM *start = start_of(BITS_SOME, RANDOM);

	for (unsigned turn = 0; turn < 2; turn++) {
		assert_int_equal(sieve_small_units(s), 2);
		assert_int_equal(sieve_start(s, start), 0);
		for (uint64_t unit = sieve_small_units(s); unit-- > 0;)
			sieve_small(s, unit);
		check_window(s, start, false, 5, 65536);
		assert_int_equal(BN_add_word(start, 12 * 7), 1);
	}
	BN_free(start);
	sieve_free(s);
}

static void
nothing_is_left_after_the_last(void **state)
{
	struct sieve *s = sieve_new(SIEVE_BOUND_MIN, 128);
	BIGNUM *start = start_of(BITS_SOME, RANDOM);
	uint64_t k = 128;

	assert_int_equal(sieve_start(s, start), 0);
	assert_false(sieve_next(s, &k));
	k = 127;
	assert_true(sieve_next(s, &k));
	assert_int_equal(k, 127);
	BN_free(start);
	sieve_free(s);
}

static void
density_is_the_product_over_the_primes(void **state)
{
	double product = 1;

	for (uint64_t r = 5; r < 1 << 20; r += 2)
		if (is_prime((uint32_t)r))
			product *= 1 - 2.0 / (double)r;
	assert_true(sieve_density(20) > product * 0.999 && sieve_density(20) < product * 1.001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_of_any_length),
		cmocka_unit_test(large_primes),
		cmocka_unit_test(last_prime_below_the_bound),
		cmocka_unit_test(largest_primes),
		cmocka_unit_test(long_windows),
		cmocka_unit_test(nothing_is_left_after_the_last),
		cmocka_unit_test(density_is_the_product_over_the_primes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
