/* SPDX-License-Identifier: ISC */
/*
 * modexp_ifma and its siblings: 2^e mod n is what BN_mod_exp says, for every kernel this CPU runs and
 * for the lanes' code on portable instructions, whatever the CPU.
 */
#include "libcert/modexp.h"
#include "libcert/modexp_lanes.h"
#include "tests/unit/unit.h"

static bool
always(void)
{
	return true;
}

static const struct modexp_kernel portable = { "portable", LANES, always, lanes_run, lanes_powers };

/* What moduli can be nasty about. */
enum shape { RANDOM, ALL_ONES, ONE_BIT, LOW_LIMB_ONE, LOW_LIMB_ONES, TOP_LIMB_FULL, SHORT, SHAPES };

static BIGNUM *
modulus_of(int bits, enum shape shape)
{
	BIGNUM *n = BN_new();

	assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
	switch (shape) {
	case ALL_ONES:
		for (int bit = 0; bit < bits; bit++)
			BN_set_bit(n, bit);
		break;
	case ONE_BIT:
		BN_zero(n);
		BN_set_bit(n, bits - 1);
		BN_set_bit(n, 0);
		break;
	case LOW_LIMB_ONE:
		for (int bit = 1; bit < LANES_LIMB_BITS; bit++)
			BN_clear_bit(n, bit);
		break;
	case LOW_LIMB_ONES:
		for (int bit = 0; bit < 3 * LANES_LIMB_BITS; bit++)
			BN_set_bit(n, bit);
		break;
	case TOP_LIMB_FULL:
		for (int bit = 1; bit <= 2 * LANES_LIMB_BITS; bit++)
			BN_set_bit(n, bits - bit);
		break;
	case SHORT:
		/* Much shorter than the kernel is told. */
		BN_mask_bits(n, bits / 3);
		break;
	case RANDOM:
	case SHAPES:
		break;
	}
	return n;
}

struct batch {
	BIGNUM *modulus[LANES], *exponent[LANES], *result[LANES];
	struct modexp jobs[LANES];
};

/* A shape in each lane, and exponents of different lengths up to exponent_bits. */
static void
batch_make(struct batch *b, int bits, int exponent_bits)
{
	for (unsigned lane = 0; lane < LANES; lane++) {
		b->modulus[lane] = modulus_of(bits, lane % SHAPES);
		b->exponent[lane] = BN_new();
		b->result[lane] = BN_new();
		assert_int_equal(BN_rand(b->exponent[lane], exponent_bits - (int)lane,
				     BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY),
		    1);
		b->jobs[lane] =
		    (struct modexp){ b->modulus[lane], b->exponent[lane], b->result[lane] };
	}
}

static void
batch_release(struct batch *b)
{
	for (unsigned lane = 0; lane < LANES; lane++) {
		BN_free(b->modulus[lane]);
		BN_free(b->exponent[lane]);
		BN_free(b->result[lane]);
	}
}

static void
run_and_compare(const struct modexp_kernel *kernel, const struct batch *b, unsigned count,
    unsigned bits)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *two = BN_new(), *expected = BN_new();

	for (unsigned from = 0; from < count; from += kernel->lanes)
		assert_int_equal(kernel->run(b->jobs + from,
				     count - from < kernel->lanes ? count - from : kernel->lanes,
				     bits, ctx),
		    0);
	assert_int_equal(BN_set_word(two, 2), 1);
	for (unsigned lane = 0; lane < count; lane++) {
		assert_int_equal(BN_mod_exp(expected, two, b->exponent[lane], b->modulus[lane],
				     ctx),
		    1);
		if (BN_cmp(expected, b->result[lane]) != 0)
			fail_msg("%s: lane %u of %u, %u bits", kernel->name, lane, count, bits);
	}
	BN_free(two);
	BN_free(expected);
	BN_CTX_free(ctx);
}

/* Bases from 1 to n - 1, for as many lanes as there are and for one. */
static void
powers_are_right(const struct modexp_kernel *kernel, int bits, int exponent_bits, enum shape shape)
{
	BIGNUM *n = modulus_of(bits, shape), *exponent = BN_new(), *expected = BN_new();
	BIGNUM *base[LANES], *result[LANES];
	struct modexp_powers powers = { .modulus = n, .exponent = exponent };
	BN_CTX *ctx = BN_CTX_new();

	assert_int_equal(BN_rand(exponent, exponent_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY), 1);
	for (unsigned lane = 0; lane < LANES; lane++) {
		powers.bases[lane] = base[lane] = BN_new();
		powers.results[lane] = result[lane] = BN_new();
		assert_int_equal(BN_rand_range(base[lane], n), 1);
	}
	assert_true(BN_one(base[0]));
	assert_true(BN_copy(base[1], n) && BN_sub_word(base[1], 1));
	for (unsigned count = 1; count <= kernel->lanes; count += 7) {
		assert_int_equal(kernel->powers(&powers, count, ctx), 0);
		for (unsigned lane = 0; lane < count; lane++) {
			assert_true(BN_mod_exp(expected, base[lane], exponent, n, ctx));
			if (BN_cmp(result[lane], n) == 0)
				BN_zero(result[lane]);
			if (BN_cmp(expected, result[lane]) != 0)
				fail_msg("%s: power in lane %u, %d bits", kernel->name, lane, bits);
		}
	}
	for (unsigned lane = 0; lane < LANES; lane++) {
		BN_free(base[lane]);
		BN_free(result[lane]);
	}
	BN_free(n);
	BN_free(exponent);
	BN_free(expected);
	BN_CTX_free(ctx);
}

static void
kernel_is_right(const struct modexp_kernel *kernel, int exponent_bits_max)
{
	/* About every boundary of a limb, and the sizes people use. */
	static const int sizes[] = { 160, 203, 204, 205, 207, 208, 209, 256, 412, 511, 512, 513,
		520, 1020, 1023, 1024, 1025, 1032, 2047, 2048, 3072, 4096, 6144, 8188, 8191, 8192 };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		int exponent_bits = sizes[i] < exponent_bits_max ? sizes[i] : exponent_bits_max;
		struct batch b;

		batch_make(&b, sizes[i], exponent_bits);
		run_and_compare(kernel, &b, i % 4 == 3 ? 1 + i % LANES : LANES, sizes[i]);
		batch_release(&b);
		if (sizes[i] <= 2048)
			powers_are_right(kernel, sizes[i], exponent_bits, i % SHAPES);
	}
}

static void
portable_lanes(void **state)
{
	kernel_is_right(&portable, 96);
}

static void
kernels_of_this_cpu(void **state)
{
	for (const struct modexp_kernel *const *kernel = modexp_kernels; *kernel; kernel++)
		if ((*kernel)->supported())
			kernel_is_right(*kernel, 700);
}

static void
short_exponents(void **state)
{
	static const unsigned exponents[] = { 1, 2, 3, 51, 52, 53, 1023, 1024, 2047, 2048 };

	for (size_t i = 0; i < COUNT(exponents); i++) {
		struct batch b;

		batch_make(&b, 512, 64);
		for (unsigned lane = 0; lane < LANES; lane++)
			assert_int_equal(BN_set_word(b.exponent[lane], exponents[i]), 1);
		run_and_compare(&portable, &b, LANES, 512);
		run_and_compare(modexp_best(), &b, LANES, 512);
		batch_release(&b);
	}
}

static void
tiny_moduli(void **state)
{
	struct batch b;

	batch_make(&b, 512, 200);
	for (unsigned lane = 0; lane < LANES; lane++)
		assert_int_equal(BN_set_word(b.modulus[lane], 3 + 2 * lane), 1);
	run_and_compare(&portable, &b, LANES, 512);
	run_and_compare(modexp_best(), &b, LANES, 512);
	run_and_compare(modexp_find("word"), &b, LANES, 512);
	batch_release(&b);
}

/* One step from the largest x there can be, 4 n - 1: x * x / R mod n below 2 n, doubled below 4 n. */
static void
a_step_keeps_its_bounds(void **state)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *x = BN_new(), *got = BN_new(), *r = BN_new(), *bound = BN_new();

	for (int bits = 160; bits <= 8192; bits = bits * 3 / 2 + 1) {
		for (enum shape shape = RANDOM; shape < SHAPES; shape++) {
			BIGNUM *n = modulus_of(bits, shape);
			uint64_t number[LANES_LIMBS_MAX][LANES] = { 0 }, inverse[1][LANES];
			struct lanes s = { .limbs = LANES_LIMBS((unsigned)bits) };
			uint64_t twice[LANES];

			for (unsigned lane = 0; lane < LANES; lane++) {
				assert_int_equal(lanes_put(number, lane, s.limbs, n), 0);
				inverse[0][lane] = lanes_inverse(number[0][lane]);
				twice[lane] = lane % 2;
			}
			lanes_load(s.n, number, s.limbs);
			lanes_load(&s.n_inverse, inverse, 1);
			assert_true(BN_lshift(x, n, 2) && BN_sub_word(x, 1));
			for (unsigned lane = 0; lane < LANES; lane++)
				assert_int_equal(lanes_put(number, lane, s.limbs, x), 0);
			lanes_load(s.x, number, s.limbs);

			lanes_step(&s, LANES_SQUARE, lane_load(twice));

			for (unsigned i = 0; i < s.limbs; i++)
				lane_store(number[i], lane_number(s.x[i]));
			assert_true(BN_sqr(x, x, ctx) && BN_nnmod(x, x, n, ctx));
			for (unsigned lane = 0; lane < 2; lane++) {
				assert_int_equal(lanes_get(number, lane, s.limbs, got), 0);
				assert_true(BN_lshift(bound, n, 1 + (int)lane));
				assert_true(BN_cmp(got, bound) < 0);
				/* got * R = x * x * 2^lane */
				assert_true(BN_lshift(r, got, (int)s.limbs * LANES_LIMB_BITS));
				assert_true(BN_nnmod(r, r, n, ctx));
				assert_int_equal(BN_cmp(r, x), 0);
				assert_true(BN_mod_lshift1(x, x, n, ctx));
			}
			BN_free(n);
		}
	}
	BN_free(x);
	BN_free(got);
	BN_free(r);
	BN_free(bound);
	BN_CTX_free(ctx);
}

static void
kernels_are_found_by_name(void **state)
{
	assert_string_equal(modexp_find("word")->name, "word");
	assert_ptr_equal(modexp_find(modexp_best()->name), modexp_best());
	assert_null(modexp_find("abacus"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(portable_lanes),
		cmocka_unit_test(kernels_of_this_cpu),
		cmocka_unit_test(short_exponents),
		cmocka_unit_test(tiny_moduli),
		cmocka_unit_test(a_step_keeps_its_bounds),
		cmocka_unit_test(kernels_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
