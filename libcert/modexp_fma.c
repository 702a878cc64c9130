/* SPDX-License-Identifier: ISC */
/*
 * Eight powers of two at once on AVX-512F without IFMA: its fused multiply-add of doubles gives
 * both halves of a product of two 52-bit integers exactly. With h and l as the halves,
 *
 *	upper = a * b + 2^104, rounded down   = 2^104 + h 2^52    mantissa: h
 *	lower = a * b + (2^104 + 2^52 - upper) = 2^52 + l         mantissa: l
 *
 * and what stands above the mantissas is known, so the bits are added up as integers and the
 * exponents taken out of the whole sum beforehand. The code is modexp_lanes.h.
 */
#include "libcert/modexp_fma.h"

#if defined(__x86_64__)

#define LANES_TARGET __attribute__((target("avx512f")))
#include "libcert/modexp_avx512.h"

#define factor __m512d

#define FMA_TWO_52 0x1p52
#define FMA_TWO_104 0x1p104
/* Their bits. */
#define FMA_EXPONENT_52 (UINT64_C(0x433) << 52)
#define FMA_EXPONENT_104 (UINT64_C(0x467) << 52)

static inline LANES_TARGET factor
lane_factor(vec a)
{
	vec bits = _mm512_or_si512(lane_low_limb(a), lane_all(FMA_EXPONENT_52));

	return _mm512_sub_pd(_mm512_castsi512_pd(bits), _mm512_set1_pd(FMA_TWO_52));
}

static inline LANES_TARGET vec
lane_number(factor a)
{
	return lane_low_limb(_mm512_castpd_si512(_mm512_add_pd(a, _mm512_set1_pd(FMA_TWO_52))));
}

static inline LANES_TARGET vec
lane_sum_lo(unsigned count)
{
	return lane_all(0 - count * FMA_EXPONENT_52);
}

static inline LANES_TARGET vec
lane_sum_hi(unsigned count)
{
	return lane_all(0 - count * FMA_EXPONENT_104);
}

static inline LANES_TARGET void
lane_multiply_add(vec *lo, vec *hi, factor a, factor b)
{
	factor upper = _mm512_fmadd_round_pd(a, b, _mm512_set1_pd(FMA_TWO_104),
	    _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
	factor rest = _mm512_sub_pd(_mm512_set1_pd(FMA_TWO_104 + FMA_TWO_52), upper);
	factor lower = _mm512_fmadd_pd(a, b, rest);

	*lo = lane_add(*lo, _mm512_castpd_si512(lower));
	*hi = lane_add(*hi, _mm512_castpd_si512(upper));
}

static inline LANES_TARGET vec
lane_multiply_low(vec a, factor b)
{
	vec lo = lane_all(0), hi = lane_all(0);

	lane_multiply_add(&lo, &hi, lane_factor(a), b);
	return lane_low_limb(lo);
}

#include "libcert/modexp_lanes.h"

static bool
fma_supported(void)
{
	return __builtin_cpu_supports("avx512f");
}

#else

static bool
fma_supported(void)
{
	return false;
}

static int
lanes_run(const struct modexp *jobs, unsigned count, unsigned bits, BN_CTX *ctx)
{
	return -1;
}

static int
lanes_powers(const struct modexp_powers *powers, unsigned count, BN_CTX *ctx)
{
	return -1;
}

#endif

const struct modexp_kernel modexp_fma = {
	.name = "fma",
	.lanes = 8,
	.supported = fma_supported,
	.run = lanes_run,
	.powers = lanes_powers,
};
