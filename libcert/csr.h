/* SPDX-License-Identifier: ISC */
/*
 * csr: a certificate signing request (PKCS#10, RFC 2986), read from somebody else.
 */
#ifndef LIBCERT_CSR_H
#define LIBCERT_CSR_H

#include "libcert/name_list.h"

#include <openssl/x509.h>

struct csr {
	EVP_PKEY *key; /* the public half */
	X509_NAME *subject;
	struct name_list names; /* of subjectAltName */
	bool server, client;    /* the uses it asks for; neither = it does not say */
};

/*
 * PEM, or DER. Refused (ERR_DATA, with the reason): a request that its own key did not sign, a key too weak, names
 * that name_parse refuses, a request to be a CA, extensions and usages that a certificate of ours would not have.
 */
int csr_parse(struct span text, struct csr *csr, struct err *e) __attribute__((warn_unused_result));
int csr_load(const char *path, struct csr *csr, struct err *e) __attribute__((warn_unused_result));
void csr_release(struct csr *csr);

#endif
