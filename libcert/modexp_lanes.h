/* SPDX-License-Identifier: ISC */
/*
 * modexp_lanes: eight powers of two modulo eight numbers at once, one in each lane of a vector:
 * the code of a kernel, for a .c file that brings the vector instructions.
 *
 * Numbers are in limbs of 52 bits, since that is the width IFMA multiplies (and a double holds).
 * One step squares x and reduces it after Montgomery:
 *
 *	             x * x + m * n          m chosen so that the lower half is zero
 *	   x  <-   ---------------          limbs = L, R = 2^(52 L)
 *	                  R
 *
 * four columns at a time from the lowest. What goes into four columns are squares of four limbs by
 * four (tiles), whose 32 products all find their operands and their sums in registers: eight loads
 * for each, where a column by itself takes one for each product. The step also doubles the result in the lanes whose exponent has this bit set: with 2 as base no table is
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
/* Limbs come in blocks: a tile's side. */
#define LANES_BLOCK 4
#define LANES_BLOCK_BITS (LANES_BLOCK * LANES_LIMB_BITS)
/* Four bits above the modulus: R >= 16 n. */
#define LANES_LIMBS(bits) (((bits) + 4 + LANES_BLOCK_BITS - 1) / LANES_BLOCK_BITS * LANES_BLOCK)
#define LANES_LIMBS_MAX LANES_LIMBS(MODEXP_BITS_MAX)
/* A number's bytes, with room for reading eight of them wherever a limb starts. */
#define LANES_BYTES_MAX (LANES_LIMBS_MAX * LANES_LIMB_BITS / 8 + 8)
/* So many of an exponent's bits are in x from the start. */
#define LANES_HEAD_BITS 10

struct lanes {
	factor x[LANES_LIMBS_MAX];
	factor m[LANES_LIMBS_MAX]; /* what of n was added in this step */
	factor n[LANES_LIMBS_MAX];
	factor by[LANES_LIMBS_MAX]; /* what a step multiplies by */
	factor n_inverse;           /* -1 / n mod 2^52 */
	unsigned limbs;
};

/* What a step makes of x before it is reduced: x itself, x * x, x * by. */
enum lanes_what { LANES_REDUCE, LANES_SQUARE, LANES_MULTIPLY };

#define LANES_INLINE inline __attribute__((always_inline))

/* Sums over tiles: column c has lo[c] and hi[c - 1]. */
struct lanes_sums {
	vec lo[7], hi[7];
};

/* Each by itself, so that the compiler keeps each in a register. */
static LANES_INLINE LANES_TARGET struct lanes_sums
lanes_no_sums(void)
{
	const vec zero = lane_all(0);

	return (struct lanes_sums){ { zero, zero, zero, zero, zero, zero, zero },
		{ zero, zero, zero, zero, zero, zero, zero } };
}

/* Make ready for so many products in column c. */
static LANES_INLINE LANES_TARGET void
lanes_expect(struct lanes_sums *t, unsigned c, unsigned count)
{
	t->lo[c] = lane_add(t->lo[c], lane_sum_lo(count));
	t->hi[c] = lane_add(t->hi[c], lane_sum_hi(count));
}

static LANES_INLINE LANES_TARGET void
lanes_expect_tiles(struct lanes_sums *t, unsigned tiles)
{
	lanes_expect(t, 0, tiles);
	lanes_expect(t, 1, 2 * tiles);
	lanes_expect(t, 2, 3 * tiles);
	lanes_expect(t, 3, 4 * tiles);
	lanes_expect(t, 4, 3 * tiles);
	lanes_expect(t, 5, 2 * tiles);
	lanes_expect(t, 6, tiles);
}

static LANES_INLINE LANES_TARGET void
lanes_product(struct lanes_sums *t, unsigned c, factor a, factor b)
{
	lane_multiply_add(&t->lo[c], &t->hi[c], a, b);
}

/* A tile: four limbs by four. Column 3 has most to add up, and every sum waits for its last one: more has half. */
static LANES_INLINE LANES_TARGET void
lanes_tile(struct lanes_sums *t, vec *more_lo, vec *more_hi, const factor *a, const factor *b)
{
	factor b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3];

	/* Neighbours never go into one sum. */
	lanes_product(t, 3, a[0], b3);
	lanes_product(t, 2, a[0], b2);
	lanes_product(t, 1, a[0], b1);
	lanes_product(t, 0, a[0], b0);
	lanes_product(t, 4, a[1], b3);
	lanes_product(t, 3, a[1], b2);
	lanes_product(t, 2, a[1], b1);
	lanes_product(t, 1, a[1], b0);
	lanes_product(t, 5, a[2], b3);
	lanes_product(t, 4, a[2], b2);
	lane_multiply_add(more_lo, more_hi, a[2], b1);
	lanes_product(t, 2, a[2], b0);
	lanes_product(t, 6, a[3], b3);
	lanes_product(t, 5, a[3], b2);
	lanes_product(t, 4, a[3], b1);
	lane_multiply_add(more_lo, more_hi, a[3], b0);
}

/* a's blocks from first to before end, each by the block of b that makes them block k. */
static LANES_INLINE LANES_TARGET void
lanes_tiles(struct lanes_sums *t, const factor *a, const factor *b, unsigned k, unsigned first,
    unsigned end)
{
	vec more_lo = lane_all(0), more_hi = lane_all(0);

	for (unsigned i = first; i < end; i++)
		lanes_tile(t, &more_lo, &more_hi, a + LANES_BLOCK * i, b + LANES_BLOCK * (k - i));
	t->lo[3] = lane_add(t->lo[3], more_lo);
	t->hi[3] = lane_add(t->hi[3], more_hi);
}

/* Block k of x * x: what stands for two products goes to pairs, the squares in the middle to rest. */
static LANES_INLINE LANES_TARGET void
lanes_square(struct lanes_sums *pairs, struct lanes_sums *rest, const factor *x, unsigned k,
    unsigned first)
{
	const factor *middle = x + LANES_BLOCK * (k / 2);
	unsigned end = (k + 1) / 2;

	lanes_expect_tiles(pairs, end > first ? end - first : 0);
	lanes_tiles(pairs, x, x, k, first, end);
	if (k % 2 != 0)
		return;
	lanes_expect(pairs, 1, 1);
	lanes_expect(pairs, 2, 1);
	lanes_expect(pairs, 3, 2);
	lanes_expect(pairs, 4, 1);
	lanes_expect(pairs, 5, 1);
	lanes_product(pairs, 1, middle[0], middle[1]);
	lanes_product(pairs, 2, middle[0], middle[2]);
	lanes_product(pairs, 3, middle[0], middle[3]);
	lanes_product(pairs, 4, middle[1], middle[3]);
	lanes_product(pairs, 5, middle[2], middle[3]);
	lanes_product(pairs, 3, middle[1], middle[2]);
	lanes_expect(rest, 0, 1);
	lanes_expect(rest, 2, 1);
	lanes_expect(rest, 4, 1);
	lanes_expect(rest, 6, 1);
	lanes_product(rest, 0, middle[0], middle[0]);
	lanes_product(rest, 2, middle[1], middle[1]);
	lanes_product(rest, 4, middle[2], middle[2]);
	lanes_product(rest, 6, middle[3], middle[3]);
}

/* Column c, to which nothing is added any more. */
static LANES_INLINE LANES_TARGET vec
lanes_column(const struct lanes_sums *pairs, const struct lanes_sums *rest, unsigned c)
{
	vec twice = pairs->lo[c], once = rest->lo[c];

	if (c > 0) {
		twice = lane_add(twice, pairs->hi[c - 1]);
		once = lane_add(once, rest->hi[c - 1]);
	}
	return lane_add(once, lane_add(twice, twice));
}

/* Column 4 becomes column 0. */
static LANES_INLINE LANES_TARGET void
lanes_move_up(struct lanes_sums *t)
{
	const vec zero = lane_all(0);

	*t = (struct lanes_sums){ { lane_add(t->lo[4], t->hi[3]), t->lo[5], t->lo[6], zero, zero,
				      zero, zero },
		{ t->hi[4], t->hi[5], t->hi[6], zero, zero, zero, zero } };
}

/* Four columns and the four above them. */
struct lanes_columns {
	vec at[2 * LANES_BLOCK];
};

/* What is in a step from one block to the next. */
struct lanes_sum {
	struct lanes_sums pairs, rest;
};

/* The columns of block k, and all that goes up from them. */
static LANES_INLINE LANES_TARGET struct lanes_columns
lanes_block(const struct lanes *s, enum lanes_what what, struct lanes_sum *t, unsigned k,
    unsigned first_x, unsigned end_x, unsigned first_m, unsigned end_m)
{
	struct lanes_columns c;

	if (what == LANES_SQUARE)
		lanes_square(&t->pairs, &t->rest, s->x, k, first_x);
	if (what == LANES_MULTIPLY) {
		lanes_expect_tiles(&t->rest, end_x - first_x);
		lanes_tiles(&t->rest, s->x, s->by, k, first_x, end_x);
	}
	lanes_expect_tiles(&t->rest, end_m - first_m);
	lanes_tiles(&t->rest, s->m, s->n, k, first_m, end_m);
	c.at[0] = lanes_column(&t->pairs, &t->rest, 0);
	c.at[1] = lanes_column(&t->pairs, &t->rest, 1);
	c.at[2] = lanes_column(&t->pairs, &t->rest, 2);
	c.at[3] = lanes_column(&t->pairs, &t->rest, 3);
	lanes_move_up(&t->pairs);
	lanes_move_up(&t->rest);
	c.at[4] = t->rest.lo[0];
	c.at[5] = t->rest.lo[1];
	c.at[6] = t->rest.lo[2];
	c.at[7] = t->rest.lo[3];
	return c;
}

/*
 * The limb of m that makes column i zero in its lower 52 bits; what is left of the column goes up. What m * n[0] would
 * add to them is known: so much that they become 2^52, or nothing if they are zero. Not waiting for it makes the
 * chain from column to column shorter by a third, and that chain is what small numbers wait for.
 */
static LANES_INLINE LANES_TARGET factor
lanes_clear(struct lanes_columns *c, unsigned i, const struct lanes *s)
{
	factor m = lane_factor(lane_multiply_low(c->at[i], s->n_inverse));
	vec up = lane_shift_right(lane_add(c->at[i], lane_all(LANES_LIMB_MASK)), LANES_LIMB_BITS);
	vec known = lane_sum_lo(1), hi = lane_sum_hi(1);

	c->at[i + 1] = lane_add(lane_add(c->at[i + 1], lane_sum_lo(1)), up);
	c->at[i + 2] = lane_add(c->at[i + 2], lane_add(lane_sum_lo(1), lane_sum_hi(1)));
	c->at[i + 3] = lane_add(c->at[i + 3], lane_add(lane_sum_lo(1), lane_sum_hi(1)));
	c->at[i + 4] = lane_add(c->at[i + 4], lane_sum_hi(1));
	lane_multiply_add(&known, &hi, m, s->n[0]);
	lane_multiply_add(&c->at[i + 1], &c->at[i + 2], m, s->n[1]);
	c->at[i + 1] = lane_add(c->at[i + 1], hi);
	lane_multiply_add(&c->at[i + 2], &c->at[i + 3], m, s->n[2]);
	lane_multiply_add(&c->at[i + 3], &c->at[i + 4], m, s->n[3]);
	return m;
}

/* One block of the lower half: m's block is found. */
static LANES_INLINE LANES_TARGET void
lanes_lower(struct lanes *s, enum lanes_what what, unsigned k, struct lanes_sum *t)
{
	struct lanes_columns c = lanes_block(s, what, t, k, 0, k + 1, 0, k);
	factor *m = s->m + LANES_BLOCK * k;

	for (unsigned i = 0; what == LANES_REDUCE && i < LANES_BLOCK; i++)
		c.at[i] = lane_add(c.at[i], lane_number(s->x[LANES_BLOCK * k + i]));
	m[0] = lanes_clear(&c, 0, s);
	m[1] = lanes_clear(&c, 1, s);
	m[2] = lanes_clear(&c, 2, s);
	m[3] = lanes_clear(&c, 3, s);
	t->rest.lo[0] = c.at[4];
	t->rest.lo[1] = c.at[5];
	t->rest.lo[2] = c.at[6];
	t->rest.lo[3] = c.at[7];
}

/* One block of the upper half: a block of the result, in place of one of x that is needed no longer. */
static LANES_INLINE LANES_TARGET void
lanes_upper(struct lanes *s, enum lanes_what what, vec twice, unsigned k, struct lanes_sum *t,
    vec *carry)
{
	unsigned blocks = s->limbs / LANES_BLOCK, first = k - blocks + 1;
	struct lanes_columns c = lanes_block(s, what, t, k, first, blocks, first, blocks);
	factor *x = s->x + LANES_BLOCK * (k - blocks);

	for (unsigned i = 0; i < LANES_BLOCK; i++) {
		vec column = lane_add(lane_shift_left(c.at[i], twice), *carry);

		x[i] = lane_factor(column);
		*carry = lane_shift_right(column, LANES_LIMB_BITS);
	}
}

/*
 * x <- (x, x * x or x * by) / R mod n, times two to the power of twice, which is 0 or 1 in
 * each lane.
 */
static LANES_INLINE LANES_TARGET void
lanes_step(struct lanes *s, enum lanes_what what, vec twice)
{
	struct lanes_sum t = { lanes_no_sums(), lanes_no_sums() };
	unsigned blocks = s->limbs / LANES_BLOCK;
	vec carry = lane_all(0);

	for (unsigned k = 0; k < blocks; k++)
		lanes_lower(s, what, k, &t);
	/* From here on a column is doubled as a whole, and so is what has come up from below. */
	for (unsigned k = blocks; k < 2 * blocks; k++)
		lanes_upper(s, what, twice, k, &t, &carry);
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

/* With x < 4 n reduction gives at most n; n itself stands for 0, which no power of two is. */
static LANES_TARGET int
lanes_finish(struct lanes *s, BIGNUM *const *results, unsigned count)
{
	uint64_t x[LANES_LIMBS_MAX][LANES];

	lanes_step(s, LANES_REDUCE, lane_all(0));
	for (unsigned i = 0; i < s->limbs; i++)
		lane_store(x[i], lane_number(s->x[i]));
	for (unsigned lane = 0; lane < count; lane++)
		if (lanes_get(x, lane, s->limbs, results[lane]) < 0)
			return -1;
	return 0;
}

static LANES_TARGET int
lanes_run(const struct modexp *jobs, unsigned count, unsigned bits, BN_CTX *ctx)
{
	struct lanes s = { .limbs = LANES_LIMBS(bits) };
	unsigned longest = LANES_HEAD_BITS, tail;
	unsigned char exponent[LANES][MODEXP_BITS_MAX / 8];
	BIGNUM *results[LANES];

	for (unsigned lane = 0; lane < count; lane++)
		if ((unsigned)BN_num_bits(jobs[lane].exponent) > longest)
			longest = (unsigned)BN_num_bits(jobs[lane].exponent);
	tail = longest - LANES_HEAD_BITS;
	if (lanes_start(&s, jobs, count, tail, ctx) < 0)
		return -1;
	for (unsigned lane = 0; lane < LANES; lane++)
		if (BN_bn2lebinpad(jobs[lane < count ? lane : 0].exponent, exponent[lane],
			sizeof(exponent[lane])) < 0)
			return -1;
	for (unsigned bit = tail; bit-- > 0;) {
		uint64_t twice[LANES];

		for (unsigned lane = 0; lane < LANES; lane++)
			twice[lane] = exponent[lane][bit / 8] >> bit % 8 & 1;
		lanes_step(&s, LANES_SQUARE, lane_load(twice));
	}
	for (unsigned lane = 0; lane < count; lane++)
		results[lane] = jobs[lane].result;
	return lanes_finish(&s, results, count);
}

/* x = by = base R mod n in each lane; one without a base repeats the first one's. */
static LANES_TARGET int
lanes_start_powers(struct lanes *s, const struct modexp_powers *p, unsigned count, BN_CTX *ctx)
{
	uint64_t n[LANES_LIMBS_MAX][LANES], x[LANES_LIMBS_MAX][LANES], inverse[1][LANES];
	BIGNUM *base;
	int rc = -1;

	BN_CTX_start(ctx);
	base = BN_CTX_get(ctx);
	for (unsigned lane = 0; base && lane < LANES; lane++) {
		if (!BN_lshift(base, p->bases[lane < count ? lane : 0],
			(int)s->limbs * LANES_LIMB_BITS) ||
		    !BN_nnmod(base, base, p->modulus, ctx) ||
		    lanes_put(x, lane, s->limbs, base) < 0 ||
		    lanes_put(n, lane, s->limbs, p->modulus) < 0)
			goto out;
		inverse[0][lane] = lanes_inverse(n[0][lane]);
	}
	if (!base)
		goto out;
	lanes_load(s->x, x, s->limbs);
	lanes_load(s->by, x, s->limbs);
	lanes_load(s->n, n, s->limbs);
	lanes_load(&s->n_inverse, inverse, 1);
	rc = 0;
out:
	BN_CTX_end(ctx);
	return rc;
}

static LANES_TARGET int
lanes_powers(const struct modexp_powers *p, unsigned count, BN_CTX *ctx)
{
	struct lanes s = { .limbs = LANES_LIMBS((unsigned)BN_num_bits(p->modulus)) };

	if (lanes_start_powers(&s, p, count, ctx) < 0)
		return -1;
	for (int bit = BN_num_bits(p->exponent) - 1; bit-- > 0;) {
		lanes_step(&s, LANES_SQUARE, lane_all(0));
		if (BN_is_bit_set(p->exponent, bit))
			lanes_step(&s, LANES_MULTIPLY, lane_all(0));
	}
	return lanes_finish(&s, p->results, count);
}

#endif
