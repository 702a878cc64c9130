/* SPDX-License-Identifier: ISC */
/* modexp_word: the kernel for every machine: one power of two at a time, by OpenSSL. */
#ifndef LIBCERT_MODEXP_WORD_H
#define LIBCERT_MODEXP_WORD_H

#include "libcert/modexp.h"

extern const struct modexp_kernel modexp_word;

#endif
