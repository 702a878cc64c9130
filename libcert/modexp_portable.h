/* SPDX-License-Identifier: ISC */
/*
 * modexp_portable: the vector instructions of modexp_lanes.h in plain C, slowly: what they mean,
 * for machines that lack them to test the rest with.
 */
#ifndef LIBCERT_MODEXP_PORTABLE_H
#define LIBCERT_MODEXP_PORTABLE_H

#include <stdint.h>
#include <string.h>

#define LANES_TARGET

#define PORTABLE_LOW_LIMB ((UINT64_C(1) << 52) - 1)

struct portable_vec {
	uint64_t lane[8];
};
/* "vec" and "factor" are names that the three sets of instructions share. */
#define vec struct portable_vec
#define factor struct portable_vec

#define PORTABLE_EACH(value)                            \
	({                                              \
		vec r_;                                 \
		for (unsigned i = 0; i < 8; i++)        \
			r_.lane[i] = (uint64_t)(value); \
		r_;                                     \
	})

static inline vec
lane_all(uint64_t n)
{
	return PORTABLE_EACH(n);
}

static inline vec
lane_load(const uint64_t from[8])
{
	return PORTABLE_EACH(from[i]);
}

static inline void
lane_store(uint64_t to[8], vec a)
{
	memcpy(to, a.lane, sizeof(a.lane));
}

static inline vec
lane_add(vec a, vec b)
{
	return PORTABLE_EACH(a.lane[i] + b.lane[i]);
}

static inline vec
lane_shift_right(vec a, unsigned n)
{
	return PORTABLE_EACH(a.lane[i] >> n);
}

static inline vec
lane_shift_left(vec a, vec n)
{
	return PORTABLE_EACH(a.lane[i] << n.lane[i]);
}

/* The lowest 52 bits. */
static inline vec
lane_low_limb(vec a)
{
	return PORTABLE_EACH(a.lane[i] & PORTABLE_LOW_LIMB);
}

/* The lowest 52 bits as what multiplies, whatever stands above them; and back. */
static inline factor
lane_factor(vec a)
{
	return a;
}

static inline vec
lane_number(factor a)
{
	return lane_low_limb(a);
}

/* What a sum that count products will be added to starts from. */
static inline vec
lane_sum_lo(unsigned count)
{
	return lane_all(0);
}

static inline vec
lane_sum_hi(unsigned count)
{
	return lane_all(0);
}

/* Each lane of a * b has 104 bits: the lower 52 are added to lo, the upper 52 to hi. */
static inline void
lane_multiply_add(vec *lo, vec *hi, factor a, factor b)
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned __int128 product = (unsigned __int128)(a.lane[i] & PORTABLE_LOW_LIMB) *
					    (b.lane[i] & PORTABLE_LOW_LIMB);

		lo->lane[i] += (uint64_t)product & PORTABLE_LOW_LIMB;
		hi->lane[i] += (uint64_t)(product >> 52);
	}
}

/* The lower 52 bits of a's lowest limb times b. */
static inline vec
lane_multiply_low(vec a, factor b)
{
	vec lo = lane_all(0), hi = lane_all(0);

	lane_multiply_add(&lo, &hi, lane_low_limb(a), b);
	return lo;
}

#endif
