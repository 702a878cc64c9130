/* SPDX-License-Identifier: ISC */
/*
 * csr: the request that finalizes an order (RFC 8555 7.4): key, names, and whether servers must staple.
 */
#ifndef LIBACME_CSR_H
#define LIBACME_CSR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/*
 * DER, names (DNS or IP) in subjectAltName, with must_staple the TLS feature extension (RFC 7633), signed by key;
 * appended to out.
 */
int csr_build(EVP_PKEY *key, const struct span *names, size_t count, bool must_staple,
    struct buf *out, struct err *e) __attribute__((warn_unused_result));

/* A request that somebody else made. */
struct csr {
	struct span der;
	X509_REQ *req; /* freed with the arena */
	/* DNS names and IP addresses asked for, the common name first if it is one. */
	struct span *names;
	size_t name_count;
};
/* PEM or DER, with a signature that holds; strings in the arena. */
int csr_load(const char *path, struct arena *arena, struct csr *csr, struct err *e)
    __attribute__((warn_unused_result));

/* Is it an IP literal? Then an order's identifier has type "ip" (RFC 8738). */
bool csr_name_is_ip(struct span name);

#endif
