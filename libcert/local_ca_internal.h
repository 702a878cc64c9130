/* SPDX-License-Identifier: ISC */
/*
 * local_ca_internal: what local_ca.c (the CA itself, issuing) and local_ca_record.c (what it issued and revoked)
 * share. Nobody else includes it.
 */
#ifndef LIBCERT_LOCAL_CA_INTERNAL_H
#define LIBCERT_LOCAL_CA_INTERNAL_H

#include "libcert/local_ca.h"

struct local_ca {
	char *dir, *cert_path, *key_path, *crl_path, *issued_dir, *lock_path;
	X509 *cert;
	EVP_PKEY *key;
};

/* Its entry among those issued. */
int local_ca_record(const struct local_ca *ca, X509 *cert, struct err *e)
    __attribute__((warn_unused_result));

#endif
