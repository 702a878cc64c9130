/* SPDX-License-Identifier: ISC */
/*
 * dh: Diffie-Hellman parameters: the standard groups, read and written as PKCS#3 PEM
 * ("BEGIN DH PARAMETERS", what nginx's ssl_dhparam and openssl dhparam read), and judged.
 */
#ifndef LIBCERT_DH_H
#define LIBCERT_DH_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <stdbool.h>

/* The RFC 7919 group of 2048, 3072, 4096, 6144 or 8192 bits. Free with EVP_PKEY_free. */
int dh_named(unsigned bits, EVP_PKEY **params, struct err *e) __attribute__((warn_unused_result));
/* The group of p with the generator 2. */
int dh_of_prime(const BIGNUM *p, EVP_PKEY **params, struct err *e)
    __attribute__((warn_unused_result));
/* The first PEM block must hold the parameters (PKCS#3 or X9.42). */
int dh_parse_pem(struct span pem, EVP_PKEY **params, struct err *e)
    __attribute__((warn_unused_result));
int dh_format_pem(EVP_PKEY *params, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));
/* Prime and generator, as openssl prints them. */
int dh_format_text(EVP_PKEY *params, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

struct dh_report {
	unsigned bits;
	bool prime;         /* p is */
	bool safe_prime;    /* (p - 1) / 2 is, too */
	char generator[32]; /* decimal, or "large" */
	/* What the generator generates: all of the group (2q), the subgroup of order q, or neither. */
	enum { DH_ORDER_OTHER, DH_ORDER_Q, DH_ORDER_2Q } order;
	const char *name;    /* "ffdhe2048", "modp_2048" ..., or NULL */
	const char *problem; /* why it is unfit for TLS, or NULL */
};

/* A second or so for 8192 bits that are no known group. */
int dh_check(EVP_PKEY *params, struct dh_report *report, struct err *e)
    __attribute__((warn_unused_result));

#endif
