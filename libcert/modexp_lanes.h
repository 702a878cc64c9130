/* SPDX-License-Identifier: ISC */
/*
 * modexp_lanes: eight powers of two modulo eight numbers at once, one in each lane of a vector:
 * the code of a kernel, for a .c file that brings the vector instructions.
 *
 * Numbers are in limbs of 52 bits, since that is the width IFMA multiplies (and a double holds).
 * One step squares x and reduces it after Montgomery, column by column from the lowest:
 *
 *	             x * x + m * n          m chosen so that the lower half is zero
 *	   x  <-   ---------------          limbs = L, R = 2^(52 L)
 *	                  R
 *
 * and doubles the result in the lanes whose exponent has this bit set: with 2 as base no table is
 * needed. R >= 16 n, so that nothing is ever subtracted: x < 4 n gives x * x / R + n < 2 n, and
 * doubled < 4 n again. A column gathers at most 4 L products of 52 bits, which is below 2^62.
 *
 * The includer defines LANES_TARGET (an attribute for each function), vec (eight uint64_t),
 * factor (a vec as the multiplier wants it) and the lane_ functions of modexp_portable.h; that
 * file is taken when it has not. Everything here is static.
 */
#ifndef LIBCERT_MODEXP_LANES_H
#define LIBCERT_MODEXP_LANES_H

#include "libcert/modexp.h"

#ifndef LANES_TARGET
#include "libcert/modexp_portable.h"
#endif

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
#define LANES_LIMB_BITS 52
#define LANES_LIMB_MASK ((UINT64_C(1) << LANES_LIMB_BITS) - 1)
/* Four bits above the modulus: R >= 16 n. */
#define LANES_LIMBS(bits) (((bits) + 4 + LANES_LIMB_BITS - 1) / LANES_LIMB_BITS)
#define LANES_LIMBS_MAX LANES_LIMBS(MODEXP_BITS_MAX)
/* A number's bytes, with room for reading eight of them wherever a limb starts. */
#define LANES_BYTES_MAX (LANES_LIMBS_MAX * LANES_LIMB_BITS / 8 + 8)
/* So many of an exponent's bits are in x from the start. */
#define LANES_HEAD_BITS 10

struct lanes {
	factor x[LANES_LIMBS_MAX];
	factor m[LANES_LIMBS_MAX]; /* what of n was added in this step */
	factor n[LANES_LIMBS_MAX];
	factor n_inverse; /* -1 / n mod 2^52 */
	unsigned limbs;
};

/* A column's products: the low halves belong to it, the high halves to the next one. */
struct lane_sum {
	vec lo, hi;
};

/* a[i] * b[column - i] for first <= i < end. Four sums, so that none waits for the one before. */
static inline LANES_TARGET struct lane_sum
lanes_products(const factor *a, const factor *b, unsigned column, unsigned first, unsigned end)
{
	unsigned count = end > first ? end - first : 0;
	struct lane_sum even = { lane_sum_lo(count), lane_sum_hi(count) };
	struct lane_sum odd = { lane_all(0), lane_all(0) };
	unsigned i;

	for (i = first; i + 1 < end; i += 2) {
		lane_multiply_add(&even.lo, &even.hi, a[i], b[column - i]);
		lane_multiply_add(&odd.lo, &odd.hi, a[i + 1], b[column - i - 1]);
	}
	if (i < end)
		lane_multiply_add(&even.lo, &even.hi, a[i], b[column - i]);
	even.lo = lane_add(even.lo, odd.lo);
	even.hi = lane_add(even.hi, odd.hi);
	return even;
}

/* This column of x * x: each pair counts twice, the middle once. */
static inline LANES_TARGET struct lane_sum
lanes_square_column(const struct lanes *s, unsigned column)
{
	unsigned first = column < s->limbs ? 0 : column - s->limbs + 1;
	struct lane_sum sum = lanes_products(s->x, s->x, column, first, (column + 1) / 2);

	sum.lo = lane_add(sum.lo, sum.lo);
	sum.hi = lane_add(sum.hi, sum.hi);
	if (column % 2 == 0) {
		factor middle = s->x[column / 2];
		struct lane_sum once = { lane_sum_lo(1), lane_sum_hi(1) };

		lane_multiply_add(&once.lo, &once.hi, middle, middle);
		sum.lo = lane_add(sum.lo, once.lo);
		sum.hi = lane_add(sum.hi, once.hi);
	}
	return sum;
}

/*
 * x <- (x * x if square, else x) / R mod n, times two to the power of twice, which is 0 or 1 in
 * each lane. x is overwritten from below as its limbs are no longer needed.
 */
static inline LANES_TARGET void
lanes_step(struct lanes *s, bool square, vec twice)
{
	const vec zero = lane_all(0);
	unsigned limbs = s->limbs;
	vec carry = zero, hi = zero;

	for (unsigned c = 0; c < limbs; c++) {
		struct lane_sum of_x = { zero, zero };
		struct lane_sum of_n = lanes_products(s->m, s->n, c, 0, c);
		struct lane_sum last = { lane_sum_lo(1), lane_sum_hi(1) };
		vec column;

		if (square)
			of_x = lanes_square_column(s, c);
		else
			of_x.lo = lane_number(s->x[c]);
		column = lane_add(lane_add(of_x.lo, of_n.lo), lane_add(carry, hi));
		s->m[c] = lane_factor(lane_multiply_low(column, s->n_inverse));
		lane_multiply_add(&last.lo, &last.hi, s->m[c], s->n[0]);
		carry = lane_shift_right(lane_add(column, last.lo), LANES_LIMB_BITS);
		hi = lane_add(lane_add(of_x.hi, of_n.hi), last.hi);
	}
	/* From here on a column is doubled as a whole, and so is what comes up from below. */
	carry = lane_shift_left(carry, twice);
	for (unsigned c = limbs; c < 2 * limbs; c++) {
		struct lane_sum of_x = { zero, zero };
		struct lane_sum of_n = lanes_products(s->m, s->n, c, c - limbs + 1, limbs);
		vec column;

		if (square)
			of_x = lanes_square_column(s, c);
		column = lane_add(lane_add(of_x.lo, of_n.lo), hi);
		column = lane_add(lane_shift_left(column, twice), carry);
		s->x[c - limbs] = lane_factor(lane_low_limb(column));
		carry = lane_shift_right(column, LANES_LIMB_BITS);
		hi = lane_add(of_x.hi, of_n.hi);
	}
}

/* The number's limbs into one lane of to. */
static LANES_TARGET int
lanes_put(uint64_t to[][LANES], unsigned lane, unsigned limbs, const BIGNUM *number)
{
	unsigned char bytes[LANES_BYTES_MAX];

	if (BN_bn2lebinpad(number, bytes, sizeof(bytes)) < 0)
		return -1;
	for (unsigned i = 0; i < limbs; i++) {
		unsigned at = i * LANES_LIMB_BITS;
		uint64_t word;

		memcpy(&word, bytes + at / 8, sizeof(word));
		to[i][lane] = le64toh(word) >> at % 8 & LANES_LIMB_MASK;
	}
	return 0;
}

static LANES_TARGET int
lanes_get(uint64_t from[][LANES], unsigned lane, unsigned limbs, BIGNUM *number)
{
	unsigned char bytes[LANES_BYTES_MAX];

	memset(bytes, 0, sizeof(bytes));
	for (unsigned i = 0; i < limbs; i++) {
		unsigned at = i * LANES_LIMB_BITS;
		uint64_t word;

		memcpy(&word, bytes + at / 8, sizeof(word));
		word |= htole64(from[i][lane] << at % 8);
		memcpy(bytes + at / 8, &word, sizeof(word));
	}
	return BN_lebin2bn(bytes, sizeof(bytes), number) ? 0 : -1;
}

/* -1 / n mod 2^52 for an odd n: each turn doubles the bits that are right, from three on. */
static inline uint64_t
lanes_inverse(uint64_t n)
{
	uint64_t inverse = n;

	for (unsigned right = 3; right < LANES_LIMB_BITS; right *= 2)
		inverse *= 2 - n * inverse;
	return -inverse & LANES_LIMB_MASK;
}

static LANES_TARGET void
lanes_load(factor *to, uint64_t from[][LANES], unsigned limbs)
{
	for (unsigned i = 0; i < limbs; i++)
		to[i] = lane_factor(lane_load(from[i]));
}

/*
 * x = 2^head R mod n, where head is what stands in the exponent above its lowest tail bits. A lane
 * without a job repeats the first one's.
 */
static LANES_TARGET int
lanes_start(struct lanes *s, const struct modexp *jobs, unsigned count, unsigned tail, BN_CTX *ctx)
{
	uint64_t n[LANES_LIMBS_MAX][LANES], x[LANES_LIMBS_MAX][LANES], inverse[1][LANES];
	BIGNUM *head;
	int rc = -1;

	BN_CTX_start(ctx);
	head = BN_CTX_get(ctx);
	if (!head)
		goto out;
	for (unsigned lane = 0; lane < LANES; lane++) {
		const struct modexp *job = &jobs[lane < count ? lane : 0];

		if (!BN_rshift(head, job->exponent, (int)tail))
			goto out;
		unsigned shift = s->limbs * LANES_LIMB_BITS + (unsigned)BN_get_word(head);

		BN_zero(head);
		if (!BN_set_bit(head, (int)shift) || !BN_nnmod(head, head, job->modulus, ctx))
			goto out;
		if (lanes_put(x, lane, s->limbs, head) < 0 ||
		    lanes_put(n, lane, s->limbs, job->modulus) < 0)
			goto out;
		inverse[0][lane] = lanes_inverse(n[0][lane]);
	}
	lanes_load(s->x, x, s->limbs);
	lanes_load(s->n, n, s->limbs);
	lanes_load(&s->n_inverse, inverse, 1);
	rc = 0;
out:
	BN_CTX_end(ctx);
	return rc;
}

/*
 * x = 2^exponent R mod n, and with x < 4 n reduction gives at most n; n itself would be 0, which no
 * power of two is.
 */
static LANES_TARGET int
lanes_finish(struct lanes *s, const struct modexp *jobs, unsigned count)
{
	uint64_t x[LANES_LIMBS_MAX][LANES];

	lanes_step(s, false, lane_all(0));
	for (unsigned i = 0; i < s->limbs; i++)
		lane_store(x[i], lane_number(s->x[i]));
	for (unsigned lane = 0; lane < count; lane++)
		if (lanes_get(x, lane, s->limbs, jobs[lane].result) < 0)
			return -1;
	return 0;
}

static LANES_TARGET int
lanes_run(const struct modexp *jobs, unsigned count, unsigned bits, BN_CTX *ctx)
{
	struct lanes s = { .limbs = LANES_LIMBS(bits) };
	unsigned longest = LANES_HEAD_BITS, tail;

	for (unsigned lane = 0; lane < count; lane++)
		if ((unsigned)BN_num_bits(jobs[lane].exponent) > longest)
			longest = (unsigned)BN_num_bits(jobs[lane].exponent);
	tail = longest - LANES_HEAD_BITS;
	if (lanes_start(&s, jobs, count, tail, ctx) < 0)
		return -1;
	for (unsigned bit = tail; bit-- > 0;) {
		uint64_t twice[LANES];

		for (unsigned lane = 0; lane < LANES; lane++)
			twice[lane] =
			    (uint64_t)BN_is_bit_set(jobs[lane < count ? lane : 0].exponent,
				(int)bit);
		lanes_step(&s, true, lane_load(twice));
	}
	return lanes_finish(&s, jobs, count);
}

#endif
