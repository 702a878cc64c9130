/* SPDX-License-Identifier: ISC */
/*
 * pkey: private keys: made, read, written, told apart.
 *
 * The key itself is OpenSSL's EVP_PKEY; the caller owns what it receives
 * (EVP_PKEY_free). PEM output is unencrypted PKCS#8 in a secret buffer.
 */
#ifndef LIBCERT_PKEY_H
#define LIBCERT_PKEY_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/evp.h>

enum pkey_kind { PKEY_RSA, PKEY_EC, PKEY_ED25519 };

/* What key to make. */
struct pkey_spec {
	enum pkey_kind kind;
	unsigned bits;     /* RSA: 2048..8192 */
	const char *curve; /* EC: OpenSSL's group name, "P-256" ...; static */
};

/*
 * "rsa", "rsa:3072", "ec", "ec:P-256", "P-384", "secp384r1", "prime256v1", "ecdsa", "ed25519".
 * Refuses anything else with the list of what is known.
 */
int pkey_spec_parse(struct span text, struct pkey_spec *spec, struct err *e)
    __attribute__((warn_unused_result));
/* "RSA 2048", "ECDSA P-256", "Ed25519" into out (32 bytes). */
void pkey_describe(const EVP_PKEY *key, char out[32]);

int pkey_generate(const struct pkey_spec *spec, EVP_PKEY **key, struct err *e)
    __attribute__((warn_unused_result));

/* PEM (PKCS#8, SEC1, PKCS#1); an encrypted key is refused with a reason unless password is given. */
int pkey_parse_pem(struct span pem, const char *password, EVP_PKEY **key, struct err *e)
    __attribute__((warn_unused_result));
int pkey_load(const char *path, const char *password, EVP_PKEY **key, struct err *e)
    __attribute__((warn_unused_result));
int pkey_format_pem(const EVP_PKEY *key, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
