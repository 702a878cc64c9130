/* SPDX-License-Identifier: ISC */
/*
 * modexp_avx512: the vector instructions of modexp_lanes.h that do not multiply, in AVX-512F: what the
 * kernels on it share. The includer has set LANES_TARGET.
 */
#ifndef LIBCERT_MODEXP_AVX512_H
#define LIBCERT_MODEXP_AVX512_H

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

#ifndef LANES_TARGET
#define LANES_TARGET __attribute__((target("avx512f")))
#endif
#define vec __m512i

static inline LANES_TARGET vec
lane_all(uint64_t n)
{
	return _mm512_set1_epi64((long long)n);
}

static inline LANES_TARGET vec
lane_load(const uint64_t from[8])
{
	return _mm512_loadu_si512(from);
}

static inline LANES_TARGET void
lane_store(uint64_t to[8], vec a)
{
	_mm512_storeu_si512(to, a);
}

static inline LANES_TARGET vec
lane_add(vec a, vec b)
{
	return _mm512_add_epi64(a, b);
}

static inline LANES_TARGET vec
lane_shift_right(vec a, unsigned n)
{
	return _mm512_srli_epi64(a, n);
}

static inline LANES_TARGET vec
lane_shift_left(vec a, vec n)
{
	return _mm512_sllv_epi64(a, n);
}

static inline LANES_TARGET vec
lane_low_limb(vec a)
{
	return _mm512_and_si512(a, lane_all((UINT64_C(1) << 52) - 1));
}

#endif
#endif
