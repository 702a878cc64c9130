/* SPDX-License-Identifier: ISC */
/*
 * chain: is this leaf, with these intermediates, what it should be?
 */
#ifndef LIBCERT_CHAIN_H
#define LIBCERT_CHAIN_H

#include "base/err.h"

#include <openssl/x509.h>

#include <stdint.h>

/* Each certificate is signed by the next (certs[0] is the leaf); names the first break. */
int chain_check_order(STACK_OF(X509) *certs, struct err *e) __attribute__((warn_unused_result));
/* Dates of every certificate include now (wall clock seconds). */
int chain_check_dates(STACK_OF(X509) *certs, int64_t now, struct err *e)
    __attribute__((warn_unused_result));

#endif
