/* SPDX-License-Identifier: ISC */
/*
 * ocsp: the question whether a certificate is still good, and its answer (RFC 6960, in the profile of RFC 5019).
 *
 * Nothing is sent here: libacme/issue_staple.c asks, the proxy's monitor reads what was answered.
 */
#ifndef LIBCERT_OCSP_H
#define LIBCERT_OCSP_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/x509.h>

#include <stdbool.h>
#include <stdint.h>

/* More is no response to one question. */
#define OCSP_RESPONSE_MAX ((size_t)256 << 10)

/* The URL of the responder the certificate names, on the heap; NULL: none. */
char *ocsp_responder(X509 *leaf);
/* Must servers staple (RFC 7633)? */
bool ocsp_is_demanded(X509 *leaf);

/* DER of the question about leaf. It has no nonce: responders answer with what they have signed ahead. */
int ocsp_question(X509 *leaf, X509 *issuer, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

struct ocsp_answer {
	int64_t from, until; /* wall clock seconds; until INT64_MAX: not said */
	bool revoked;        /* neither revoked nor good: unknown to the responder */
	bool good;
};

/*
 * A store that trusts the issuers in a chain (leaf first) to sign answers, or to name who does. More may be added; the
 * caller frees.
 */
X509_STORE *ocsp_trust_new(STACK_OF(X509) *chain);
/*
 * Is der an answer, in date, about the leaf of chain, signed by whom trust (NULL: unchecked) trusts? Without the leaf's
 * issuer in the chain its serial number has to do. ERR_DATA says what is wrong with it.
 */
int ocsp_check(struct span der, STACK_OF(X509) *chain, X509_STORE *trust,
    struct ocsp_answer *answer, struct err *e) __attribute__((warn_unused_result));

#endif
