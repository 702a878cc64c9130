/* SPDX-License-Identifier: ISC */
/*
 * certificate_cache: certificates and keys in parsed form, made at the first handshake that needs them.
 *
 * Keyed by the digest of their bytes: a reload that did not change a certificate keeps its parsed form; the same
 * pair named twice is parsed once. Bounded, least recently used out first (entries in use stay).
 */
#ifndef PROXY_TLS_CERTIFICATE_CACHE_H
#define PROXY_TLS_CERTIFICATE_CACHE_H

#include "base/err.h"
#include "base/span.h"

#include <openssl/ssl.h>

struct certificate_cache;

struct certificate_cache *certificate_cache_new(size_t max_entries);
void certificate_cache_free(struct certificate_cache *c);

/*
 * Put the certificate, chain and key of a BUNDLE_CERTIFICATE entry into ssl. -1: the entry is
 * disabled (empty) or cannot be parsed.
 */
int certificate_cache_use(struct certificate_cache *c, struct span entry, SSL *ssl, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The narrow interface of private-key operations: keys are used through the EVP_PKEY made here only; a later key-keeper process
 * replaces this one function.
 */
EVP_PKEY *key_from_der(struct span pkcs8, struct err *e);

#endif
