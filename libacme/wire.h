/* SPDX-License-Identifier: ISC */
/*
 * wire: which certificate a TLS server really shows for a name.
 */
#ifndef LIBACME_WIRE_H
#define LIBACME_WIRE_H

#include "base/err.h"
#include "base/span.h"

#include <openssl/x509.h>

#include <stdint.h>

/*
 * Connect to address ("HOST:PORT", "[::1]:443"), say name in SNI (not for an IP literal; "*.example.com" asks for
 * "wildcard.example.com") and take the leaf. Nothing is verified: what is served is the question. ERR_UNAVAILABLE when
 * nothing answers or no TLS comes about within timeout_ms. The caller frees *leaf.
 */
int wire_leaf(const char *address, struct span name, int64_t timeout_ms, X509 **leaf, struct err *e)
    __attribute__((warn_unused_result));

/* Is it "HOST:PORT" with a number that is a port? */
int wire_address_check(const char *address, struct err *e) __attribute__((warn_unused_result));

#endif
