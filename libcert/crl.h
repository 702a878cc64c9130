/* SPDX-License-Identifier: ISC */
/*
 * crl: certificate revocation lists (RFC 5280 section 5): made, read, asked.
 */
#ifndef LIBCERT_CRL_H
#define LIBCERT_CRL_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stdint.h>

/* "keyCompromise", "superseded" ..., any case; ERR_USAGE lists them. */
int crl_reason_parse(struct span word, int *reason, struct err *e)
    __attribute__((warn_unused_result));
const char *crl_reason_word(int reason);
/* All of them, a line each. */
void crl_reason_offer(struct buf *out);

/* All borrowed. */
struct crl_request {
	X509 *issuer;
	EVP_PKEY *issuer_key;
	X509_CRL *before; /* what it says stays, and the number goes up; NULL = the first list */
	const ASN1_INTEGER *serial; /* one more; NULL = none */
	int reason;                 /* CRL_REASON_... of openssl/x509v3.h, by RFC 5280 5.3.1 */
	int64_t now, next; /* when it is made, when the next one is due; wall clock seconds */
};

int crl_make(const struct crl_request *request, X509_CRL **crl, struct err *e)
    __attribute__((warn_unused_result));

int crl_parse(struct span pem, X509_CRL **crl, struct err *e) __attribute__((warn_unused_result));
int crl_format_pem(X509_CRL *crl, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

/* Is it on the list? when and reason (may be NULL) are filled if it is. crl may be NULL. */
bool crl_lookup(X509_CRL *crl, const ASN1_INTEGER *serial, int64_t *when, int *reason);

#endif
