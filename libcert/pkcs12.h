/* SPDX-License-Identifier: ISC */
/*
 * pkcs12: certificate, chain and private key in one encrypted file (RFC 7292), for browsers, Windows and Java.
 */
#ifndef LIBCERT_PKCS12_H
#define LIBCERT_PKCS12_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/x509.h>

/*
 * certs: the leaf, then its chain. label is what programs show for it. AES-256 and PBKDF2, HMAC with SHA-256. out
 * should be a secret buffer.
 */
int pkcs12_format(STACK_OF(X509) *certs, EVP_PKEY *key, const char *label, const char *password,
    struct buf *out, struct err *e) __attribute__((warn_unused_result));

/* The first line of a file, without its end: 1 to 255 bytes of UTF-8; on the heap, to be wiped (mem_wipe_free). */
int pkcs12_read_password(const char *path, char **password, struct err *e)
    __attribute__((warn_unused_result));

#endif
