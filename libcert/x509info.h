/* SPDX-License-Identifier: ISC */
/*
 * x509info: what a certificate says, in the terms the tools and the proxy reason in.
 */
#ifndef LIBCERT_X509INFO_H
#define LIBCERT_X509INFO_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <openssl/x509.h>

#include <stdint.h>

/* Strings live in the arena it was read into, each with a NUL behind it unless it is empty. */
struct x509info {
	struct span *dns; /* lower case A-labels, wildcards as they are; from subjectAltName */
	size_t dns_count;
	struct span *ip; /* textual form */
	size_t ip_count;
	struct span common_name;       /* subject CN or empty */
	struct span subject, issuer;   /* RFC 2253 */
	struct span serial;            /* hex, upper case */
	int64_t not_before, not_after; /* wall clock seconds */
	unsigned char sha256[32];      /* of the DER */
	bool is_ca, self_signed;
};

void x509info_read(X509 *cert, struct arena *arena, struct x509info *info);
/* Does the certificate cover this name (DNS, one wildcard label; or IP literal)? RFC 6125. */
bool x509info_covers(X509 *cert, struct span name);
/* Does key belong to cert? */
bool x509info_key_matches(X509 *cert, const EVP_PKEY *key);
/* Wall clock seconds; a time that cannot be read counts as 1970: over. */
int64_t x509info_time(const ASN1_TIME *t);
void x509info_sha256(X509 *cert, unsigned char out[32]);
/* SHA-256 of the SubjectPublicKeyInfo, what pins are made of (RFC 7469 2.4). */
void x509info_pin(X509 *cert, unsigned char out[32]);

/* All certificates of a PEM text, in order; refuses text without any, and trailing broken blocks. Free with sk_X509_pop_free. */
int x509info_parse_pem(struct span pem, STACK_OF(X509) **certs, struct err *e)
    __attribute__((warn_unused_result));
/* The same, or one certificate in DER. */
int x509info_parse(struct span bytes, STACK_OF(X509) **certs, struct err *e)
    __attribute__((warn_unused_result));
/* PEM alone. */
int x509info_load(const char *path, STACK_OF(X509) **certs, struct err *e)
    __attribute__((warn_unused_result));
int x509info_format_pem(X509 *cert, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
