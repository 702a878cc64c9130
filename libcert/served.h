/* SPDX-License-Identifier: ISC */
/*
 * served: which certificates a live TLS server really shows for a name.
 */
#ifndef LIBCERT_SERVED_H
#define LIBCERT_SERVED_H

#include "base/err.h"
#include "base/span.h"

#include <openssl/x509.h>

#include <stdint.h>

/*
 * Connect to address ("HOST:PORT", "[::1]:443"), say name in SNI (not for an IP literal; "*.example.com" asks for
 * "wildcard.example.com") and take what is shown, leaf first, as it was sent. Nothing is verified, nothing is too
 * weak: what is served is the question. ERR_UNAVAILABLE when nothing answers or no TLS comes about within
 * timeout_ms. The caller frees *certs (sk_X509_pop_free).
 */
int served_chain(const char *address, struct span name, int64_t timeout_ms, STACK_OF(X509) **certs,
    struct err *e) __attribute__((warn_unused_result));
/* The leaf alone; the caller frees it. */
int served_leaf(const char *address, struct span name, int64_t timeout_ms, X509 **leaf,
    struct err *e) __attribute__((warn_unused_result));

/* Is it "HOST:PORT" with a number that is a port? */
int served_address_check(const char *address, struct err *e) __attribute__((warn_unused_result));
/* Its host without brackets, on the heap; NULL with e set when it is no address. */
char *served_address_host(const char *address, struct err *e);

#endif
