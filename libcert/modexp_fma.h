/* SPDX-License-Identifier: ISC */
/* modexp_fma: eight powers of two at once on AVX-512F, for CPUs that lack IFMA. */
#ifndef LIBCERT_MODEXP_FMA_H
#define LIBCERT_MODEXP_FMA_H

#include "libcert/modexp.h"

extern const struct modexp_kernel modexp_fma;

#endif
