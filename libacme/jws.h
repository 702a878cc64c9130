/* SPDX-License-Identifier: ISC */
/*
 * jws: signed requests in ACME's flattened JSON form (RFC 7515, RFC 8555 6.2).
 *
 * The algorithm follows from the key: P-256 ES256, P-384 ES384, P-521 ES512, RSA RS256, Ed25519 EdDSA.
 */
#ifndef LIBACME_JWS_H
#define LIBACME_JWS_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/evp.h>

struct jws_header {
	const char *url;
	const char *nonce; /* NULL = none (inner objects) */
	const char *kid;   /* account URL; NULL = the public key itself is sent */
};

/* "ES256" ...; NULL for a key ACME has no algorithm for. */
const char *jws_algorithm(const EVP_PKEY *key);

/* payload.n == 0 is the empty payload of POST-as-GET. Appends to out. */
int jws_sign(EVP_PKEY *key, const struct jws_header *header, struct span payload, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));
/* HS256 with a shared key; header->kid says which. For external account binding. */
int jws_sign_hmac(struct span key, const struct jws_header *header, struct span payload,
    struct buf *out, struct err *e) __attribute__((warn_unused_result));

#endif
