/* SPDX-License-Identifier: ISC */
/*
 * certificate_cache: certificates and keys in parsed form, made at the first handshake that needs them.
 *
 * Keyed by the digest of their bytes: a reload that did not change a certificate keeps its parsed form; the same
 * pair named twice is parsed once; an intermediate that many chains share is held once. Bounded, least recently
 * used out first; what a connection uses lives on with it.
 */
#ifndef PROXY_TLS_CERTIFICATE_CACHE_H
#define PROXY_TLS_CERTIFICATE_CACHE_H

#include "base/err.h"
#include "base/span.h"

#include <openssl/ssl.h>

struct certificate_cache;

/* max_entries: pairs held at most, at least 1. About 8 KiB each. */
struct certificate_cache *certificate_cache_new(size_t max_entries);
/* Takes NULL. */
void certificate_cache_free(struct certificate_cache *c);

/*
 * Put the certificate, chain and key of a BUNDLE_CERTIFICATE entry into ssl, beside those of other key types. -1: the
 * entry is disabled (empty) or cannot be parsed, or key and certificate do not fit. The error queue is
 * empty after.
 */
int certificate_cache_use(struct certificate_cache *c, struct span entry, SSL *ssl, struct err *e)
    __attribute__((warn_unused_result));

/* Pairs held now. */
size_t certificate_cache_count(const struct certificate_cache *c);

/*
 * The narrow interface of private-key operations: keys are used through the EVP_PKEY made here only; a later key-keeper process
 * replaces this one function. NULL with e set.
 */
EVP_PKEY *key_from_der(struct span pkcs8, struct err *e);

#endif
