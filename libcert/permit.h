/* SPDX-License-Identifier: ISC */
/*
 * permit: what a CA may issue for (RFC 5280 4.2.1.10, name constraints), as people type it: domains and networks.
 */
#ifndef LIBCERT_PERMIT_H
#define LIBCERT_PERMIT_H

#include "base/err.h"

#include <openssl/x509v3.h>

struct permit {
	char *domain;             /* lower case A-labels; NULL: a network */
	unsigned char subnet[32]; /* address, then mask */
	size_t subnet_len;        /* 8 or 32 */
};

/* "example.com" (itself and all below it; ".example.com" and "*.example.com" say the same), "10.0.0.0/8", "fd00::/8", a single address. */
int permit_parse(struct span text, struct permit *permit, struct err *e)
    __attribute__((warn_unused_result));
void permit_release(struct permit *permit);

/*
 * The extension's content: those domains for DNS names, hosts of e-mail addresses and URIs; those networks for
 * addresses; a kind of name that no permit speaks of is excluded whole. NULL: out of memory.
 */
NAME_CONSTRAINTS *permit_encode(const struct permit *permits, size_t count);

/* Are all names of cert among those its issuer may issue for? ERR_DATA says what it may. */
int permit_check(X509 *issuer, X509 *cert, struct err *e) __attribute__((warn_unused_result));
/* "example.com, 10.0.0.0/8" on the heap; NULL when it may issue for anybody. */
char *permit_describe(X509 *issuer);

#endif
