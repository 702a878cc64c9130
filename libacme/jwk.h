/* SPDX-License-Identifier: ISC */
/*
 * jwk: account keys as JSON (RFC 7517, 7518 6, 8037), the form certbot keeps them in.
 *
 * EC P-256/P-384/P-521, RSA 2048 bits and up, Ed25519; anything else is refused by name.
 */
#ifndef LIBACME_JWK_H
#define LIBACME_JWK_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/evp.h>

/* base64url of SHA-256 and a NUL. */
#define JWK_THUMBPRINT_LEN 43

/* The public members only, in the order RFC 7638 hashes them. */
int jwk_format_public(const EVP_PKEY *key, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));
/* out is a secret buffer. */
int jwk_format_private(const EVP_PKEY *key, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));
/* A private JWK. The caller frees the key. */
int jwk_parse_private(struct span text, EVP_PKEY **key, struct err *e)
    __attribute__((warn_unused_result));
/* RFC 7638. */
int jwk_thumbprint(const EVP_PKEY *key, char out[JWK_THUMBPRINT_LEN + 1], struct err *e)
    __attribute__((warn_unused_result));

#endif
