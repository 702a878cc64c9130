/* SPDX-License-Identifier: ISC */
/*
 * The sieve of candidates for safe primes.
 *
 * A prime r divides q = start + 12 k where k = -start / 12 mod r, and p = 2 q + 1 where k is that
 * less 1 / 24 mod r. Small primes strike often: their first positions are kept, and a unit is a stretch
 * of the window that fits the L1 cache. A large prime strikes the whole window a few times or
 * not at all, so its cost is finding start mod r: a unit is a stretch of the numbers, whose primes are
 * found by a sieve of Eratosthenes, used and forgotten, eight at a time.
 *
 * start mod r: two primes make one odd modulus below 2^58, and Montgomery's reduction takes start
 * limb by limb from the lowest, two multiplications each; four such chains run side by side, since
 * each of them only ever waits for its last product.
 */
#include "libcert/sieve.h"

#include "base/mem.h"

#include <string.h>

/* Primes below this are small; its square is above any bound, so they find all others. */
#define SMALL_LIMIT 65536
#define SMALL_COUNT 6540 /* of them, without 2 and 3 */
/* Candidates in a unit of small primes. */
#define STRETCH (UINT64_C(1) << 18)
/* Numbers in a unit of large primes; a bit for each odd one. */
#define CHUNK (UINT64_C(1) << 19)
#define CHUNK_WORDS (CHUNK / 2 / 64)
#define GROUP 8 /* large primes at a time: */
#define PAIRS 4
#define LIMBS_MAX (SIEVE_BITS_MAX / 64)

struct small_prime {
	uint32_t prime;
	uint32_t first_q, first_p; /* the first candidates whose q or p it divides */
};

struct sieve {
	uint64_t *struck; /* bit k % 64 of word k / 64 */
	uint64_t length;
	uint64_t bound;
	uint64_t start[LIMBS_MAX];
	unsigned limbs;
	struct small_prime small[SMALL_COUNT];
};

static void
find_small_primes(struct small_prime *small)
{
	bool *composite = mem_zalloc(SMALL_LIMIT);
	unsigned count = 0;

	for (uint32_t n = 5; n < SMALL_LIMIT; n++) {
		if (n % 2 == 0 || n % 3 == 0 || composite[n])
			continue;
		small[count++].prime = n;
		for (uint64_t multiple = (uint64_t)n * n; multiple < SMALL_LIMIT; multiple += n)
			composite[multiple] = true;
	}
	free(composite);
}

struct sieve *
sieve_new(unsigned bound_log2, uint64_t length)
{
	struct sieve *s = mem_zalloc(sizeof(*s));

	s->length = (length + 63) / 64 * 64;
	s->bound = UINT64_C(1) << bound_log2;
	s->struck = mem_zalloc(s->length / 8);
	find_small_primes(s->small);
	return s;
}

void
sieve_free(struct sieve *s)
{
	if (!s)
		return;
	free(s->struck);
	free(s);
}

uint64_t
sieve_length(const struct sieve *s)
{
	return s->length;
}

/* 1 / 24 mod r, for r coprime to 6: r * r = 1 mod 24, so 24 divides what is above the line. */
static inline uint32_t
inverse_of_24(uint32_t r)
{
	return (uint32_t)((1 + (uint64_t)r * (24 - r % 24)) / 24);
}

static inline uint32_t
first_p(uint32_t first_q, uint32_t inverse_24, uint32_t r)
{
	return first_q >= inverse_24 ? first_q - inverse_24 : first_q + r - inverse_24;
}

int
sieve_start(struct sieve *s, const BIGNUM *start)
{
	unsigned char bytes[SIEVE_BITS_MAX / 8];

	s->limbs = ((unsigned)BN_num_bits(start) + 63) / 64;
	if (BN_bn2lebinpad(start, bytes, sizeof(bytes)) < 0)
		return -1;
	for (unsigned i = 0; i < s->limbs; i++) {
		s->start[i] = 0;
		for (unsigned byte = 8; byte-- > 0;)
			s->start[i] = s->start[i] << 8 | bytes[8 * i + byte];
	}
	for (unsigned i = 0; i < SMALL_COUNT; i++) {
		struct small_prime *small = &s->small[i];
		uint32_t r = small->prime, inverse_24 = inverse_of_24(r);
		BN_ULONG residue = BN_mod_word(start, r);

		if (residue == (BN_ULONG)-1)
			return -1;
		small->first_q = (uint32_t)((r - residue) * 2 * inverse_24 % r);
		small->first_p = first_p(small->first_q, inverse_24, r);
	}
	memset(s->struck, 0, s->length / 8);
	return 0;
}

uint64_t
sieve_small_units(const struct sieve *s)
{
	return (s->length + STRETCH - 1) / STRETCH;
}

/* The first candidate at or after at that is k mod r. */
static inline uint64_t
first_from(uint64_t at, uint32_t k, uint32_t r)
{
	return at <= k ? k : at + (r - (at - k) % r) % r;
}

void
sieve_small(struct sieve *s, uint64_t unit)
{
	uint64_t begin = unit * STRETCH;
	uint64_t end = s->length - begin < STRETCH ? s->length : begin + STRETCH;

	for (unsigned i = 0; i < SMALL_COUNT; i++) {
		const struct small_prime *small = &s->small[i];
		uint32_t r = small->prime;

		for (uint64_t k = first_from(begin, small->first_q, r); k < end; k += r)
			s->struck[k / 64] |= UINT64_C(1) << k % 64;
		for (uint64_t k = first_from(begin, small->first_p, r); k < end; k += r)
			s->struck[k / 64] |= UINT64_C(1) << k % 64;
	}
}

uint64_t
sieve_large_units(const struct sieve *s)
{
	return (s->bound - SMALL_LIMIT + CHUNK - 1) / CHUNK;
}

/* Other threads strike the same words. Most candidates have been struck before. */
static inline void
strike_every(struct sieve *s, uint64_t k, uint32_t r)
{
	for (; k < s->length; k += r) {
		uint64_t bit = UINT64_C(1) << k % 64;

		if (!(__atomic_load_n(&s->struck[k / 64], __ATOMIC_RELAXED) & bit))
			__atomic_fetch_or(&s->struck[k / 64], bit, __ATOMIC_RELAXED);
	}
}

/* An odd modulus of two primes, at least 2^32 and below 2^58, and its inverse mod 2^64. */
struct modulus {
	uint64_t n, inverse;
};

static inline struct modulus
modulus_of(uint32_t a, uint32_t b)
{
	struct modulus m = { .n = (uint64_t)a * b };

	/* Five bits are right at first, and twice as many after each turn. */
	m.inverse = 3 * m.n ^ 2;
	for (unsigned right = 5; right < 64; right *= 2)
		m.inverse *= 2 - m.n * m.inverse;
	return m;
}

static inline uint64_t
high_product(uint64_t a, uint64_t b)
{
	return (uint64_t)((unsigned __int128)a * b >> 64);
}

/* (r + limb) / 2^64 mod n, for r <= n + 1; so is the result. */
static inline uint64_t
reduce_limb(uint64_t r, uint64_t limb, struct modulus m)
{
	uint64_t sum = r + limb;

	return m.n - high_product(sum * m.inverse, m.n) + (sum < limb);
}

/* a * b / 2^64 mod n, for a < n and b <= n + 1. */
static inline uint64_t
multiply(uint64_t a, uint64_t b, struct modulus m)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	uint64_t upper = (uint64_t)(product >> 64);
	uint64_t taken = high_product((uint64_t)product * m.inverse, m.n);

	return upper - taken + (upper < taken ? m.n : 0);
}

/* v mod n with the help of 1 / n, for v / n < 2^50: the quotient is off by one at most. */
static inline uint64_t
reduce(uint64_t v, double quotient, uint64_t n)
{
	int64_t r = (int64_t)(v - (uint64_t)(int64_t)quotient * n);

	r += r < 0 ? (int64_t)n : 0;
	r -= r >= (int64_t)n ? (int64_t)n : 0;
	return (uint64_t)r;
}

static inline uint32_t
reduce_to_prime(uint64_t v, uint32_t r, double reciprocal)
{
	return (uint32_t)reduce(v, (double)(int64_t)v * reciprocal, r);
}

/* 2^(64 (limbs + 1)) mod n: by squaring, from an exponent that has its first five bits. */
static inline uint64_t
power_of_two(unsigned limbs, struct modulus m)
{
	unsigned exponent = 64 * limbs, shift = 0;
	uint64_t power;

	while (exponent >> shift > 16)
		shift++;
	power = reduce(0, 0x1p64 * (double)(1U << (exponent >> shift)) / (double)(int64_t)m.n, m.n);
	while (shift-- > 0) {
		power = multiply(power, power, m);
		if (exponent >> shift & 1) {
			power *= 2;
			power -= power >= m.n ? m.n : 0;
		}
	}
	return power;
}

/* Strike out by eight primes. */
static void
strike_group(struct sieve *s, const uint32_t *primes)
{
	struct modulus m[PAIRS];
	uint64_t a = 0, b = 0, c = 0, d = 0, residues[PAIRS];

	for (unsigned i = 0; i < PAIRS; i++)
		m[i] = modulus_of(primes[2 * i], primes[2 * i + 1]);
	for (unsigned i = 0; i < s->limbs; i++) {
		uint64_t limb = s->start[i];

		a = reduce_limb(a, limb, m[0]);
		b = reduce_limb(b, limb, m[1]);
		c = reduce_limb(c, limb, m[2]);
		d = reduce_limb(d, limb, m[3]);
	}
	residues[0] = multiply(power_of_two(s->limbs, m[0]), a, m[0]);
	residues[1] = multiply(power_of_two(s->limbs, m[1]), b, m[1]);
	residues[2] = multiply(power_of_two(s->limbs, m[2]), c, m[2]);
	residues[3] = multiply(power_of_two(s->limbs, m[3]), d, m[3]);
	for (unsigned i = 0; i < GROUP; i++) {
		uint32_t r = primes[i], inverse_24 = inverse_of_24(r), q;
		double reciprocal = 1.0 / r;

		q = r - reduce_to_prime(residues[i / 2], r, reciprocal);
		q = reduce_to_prime((uint64_t)q * 2 * inverse_24, r, reciprocal);
		strike_every(s, q, r);
		strike_every(s, first_p(q, inverse_24, r), r);
	}
}

/* Bit i of composite is set when begin + 1 + 2 i is none. 3 is not among the small primes. */
static void
mark_composites(const struct sieve *s, uint64_t begin, uint64_t composite[CHUNK_WORDS])
{
	memset(composite, 0, CHUNK_WORDS * sizeof(composite[0]));
	for (unsigned i = 0; i <= SMALL_COUNT; i++) {
		uint64_t r = i ? s->small[i - 1].prime : 3;
		uint64_t multiple = (begin / r + 1) * r;

		if (r * r >= begin + CHUNK)
			break;
		if (multiple % 2 == 0)
			multiple += r;
		for (uint64_t k = (multiple - begin) / 2; k < CHUNK / 2; k += r)
			composite[k / 64] |= UINT64_C(1) << k % 64;
	}
}

void
sieve_large(struct sieve *s, uint64_t unit)
{
	uint64_t composite[CHUNK_WORDS];
	uint64_t begin = SMALL_LIMIT + unit * CHUNK;
	uint64_t end = s->bound - begin < CHUNK ? s->bound : begin + CHUNK;
	uint32_t group[GROUP];
	unsigned count = 0;

	mark_composites(s, begin, composite);
	for (uint64_t word = 0; word < (end - begin) / 128; word++) {
		uint64_t left = ~composite[word];

		for (; left; left &= left - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(left);

			group[count++] = (uint32_t)(begin + 1 + 2 * (word * 64 + bit));
			if (count == GROUP) {
				strike_group(s, group);
				count = 0;
			}
		}
	}
	/* The last group is filled up with what it has. */
	for (unsigned have = count; have && count < GROUP; count++)
		group[count] = group[count % have];
	if (count)
		strike_group(s, group);
}

bool
sieve_next(const struct sieve *s, uint64_t *k)
{
	uint64_t word = *k / 64;
	uint64_t left;

	if (*k >= s->length)
		return false;
	left = ~s->struck[word] & ~UINT64_C(0) << *k % 64;
	while (!left) {
		if (++word == s->length / 64)
			return false;
		left = ~s->struck[word];
	}
	*k = word * 64 + (unsigned)__builtin_ctzll(left);
	return true;
}

/* By Mertens' theorem beyond the small primes: the product over r of 1 - 2 / r falls as 1 / ln(r)^2. */
double
sieve_density(unsigned bound_log2)
{
	struct small_prime *small = mem_alloc(SMALL_COUNT * sizeof(*small));
	double beyond = 16.0 / bound_log2, density = beyond * beyond;

	find_small_primes(small);
	for (unsigned i = 0; i < SMALL_COUNT; i++)
		density *= 1 - 2.0 / small[i].prime;
	free(small);
	return density;
}
