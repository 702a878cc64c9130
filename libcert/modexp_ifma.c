/* SPDX-License-Identifier: ISC */
/*
 * Eight powers of two at once on AVX-512 IFMA: vpmadd52luq and vpmadd52huq multiply 52 bits by 52
 * and add the lower or the upper half to a 64-bit lane. The code is modexp_lanes.h; these are its
 * instructions. Compiled for any x86-64, run where the CPU and the system have them.
 */
#include "libcert/modexp_ifma.h"

#if defined(__x86_64__)

#define LANES_TARGET __attribute__((target("avx512f,avx512ifma")))
#include "libcert/modexp_avx512.h"

#define factor __m512i

/* The multiplier does not see what stands above. */
static inline LANES_TARGET factor
lane_factor(vec a)
{
	return a;
}

static inline LANES_TARGET vec
lane_number(factor a)
{
	return lane_low_limb(a);
}

static inline LANES_TARGET vec
lane_sum_lo(unsigned count)
{
	return _mm512_setzero_si512();
}

static inline LANES_TARGET vec
lane_sum_hi(unsigned count)
{
	return _mm512_setzero_si512();
}

static inline LANES_TARGET void
lane_multiply_add(vec *lo, vec *hi, factor a, factor b)
{
	*lo = _mm512_madd52lo_epu64(*lo, a, b);
	*hi = _mm512_madd52hi_epu64(*hi, a, b);
}

static inline LANES_TARGET vec
lane_multiply_low(vec a, factor b)
{
	return _mm512_madd52lo_epu64(_mm512_setzero_si512(), a, b);
}

#include "libcert/modexp_lanes.h"

static bool
ifma_supported(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
}

#else

static bool
ifma_supported(void)
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

const struct modexp_kernel modexp_ifma = {
	.name = "ifma",
	.lanes = 8,
	.supported = ifma_supported,
	.run = lanes_run,
	.powers = lanes_powers,
};
