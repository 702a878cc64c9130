/* SPDX-License-Identifier: ISC */
/*
 * x509gen: certificates made by ourselves, with the extensions that clients ask for.
 *
 * One request serves a self-signed leaf, a CA, and what a CA issues to a server or a client: who
 * signs and what it may be used for are fields of it. Every certificate is X.509 v3 with a random
 * 127-bit serial number, basicConstraints, keyUsage, extendedKeyUsage, subject and authority key
 * identifiers (RFC 5280) and all names in subjectAltName.
 */
#ifndef LIBCERT_X509GEN_H
#define LIBCERT_X509GEN_H

#include "base/err.h"
#include "libcert/name.h"
#include "libcert/permit.h"

#include <openssl/x509.h>

#include <stdint.h>

/* RFC 8737 6.1: id-pe-acmeIdentifier. */
#define X509GEN_ACME_IDENTIFIER "1.3.6.1.5.5.7.1.31"

/* PEER: server and client both. */
enum x509gen_use { X509GEN_SERVER, X509GEN_CLIENT, X509GEN_PEER, X509GEN_CA };

/* All borrowed. */
struct x509gen_request {
	enum x509gen_use use;
	const X509_NAME *subject; /* may be empty if there are names */
	const struct name *names;
	size_t name_count;
	int64_t not_before, not_after; /* wall clock seconds, both inclusive */
	const EVP_MD *digest;          /* NULL = by the signer's key; not asked for Ed25519 */
	EVP_PKEY *key; /* the subject's; its public half is enough if an issuer signs */
	X509 *issuer;  /* NULL = self-signed with key */
	EVP_PKEY *issuer_key;
	const unsigned char
	    *acme_identifier;         /* SHA-256 of a key authorization (RFC 8737 3), or NULL */
	const struct permit *permits; /* of a CA: all that it may issue for; none = anything */
	size_t permit_count;
};

int x509gen_make(const struct x509gen_request *request, X509 **cert, struct err *e)
    __attribute__((warn_unused_result));

/* What to sign with: wanted, or SHA-256 (384 and 512 for larger curves); NULL for Ed25519, which hashes by itself. */
const EVP_MD *x509gen_digest(const EVP_PKEY *signer, const EVP_MD *wanted);

#endif
