/* SPDX-License-Identifier: ISC */
/* modexp_ifma: eight powers of two at once on AVX-512 IFMA. */
#ifndef LIBCERT_MODEXP_IFMA_H
#define LIBCERT_MODEXP_IFMA_H

#include "libcert/modexp.h"

extern const struct modexp_kernel modexp_ifma;

#endif
