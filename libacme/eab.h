/* SPDX-License-Identifier: ISC */
/*
 * eab: external account binding (RFC 8555 7.3.4): the proof that a new ACME account belongs to an account
 * of the CA's web site, by a key id and an HMAC key that the site gave out.
 *
 * The HMAC key is a secret: it comes from a file, from standard input or from the environment, never from
 * the command line, and is taken out of the environment when it is read, so that no hook inherits it.
 */
#ifndef LIBACME_EAB_H
#define LIBACME_EAB_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/evp.h>

#define EAB_KID_VARIABLE "ACME_EAB_KID"
#define EAB_KEY_VARIABLE "ACME_EAB_HMAC_KEY"

struct eab {
	char *kid; /* NULL: no binding */
	struct buf key;
};

void eab_init(struct eab *eab);
void eab_release(struct eab *eab);

/*
 * kid: NULL = EAB_KID_VARIABLE; neither = no binding. source: a file, "-" for standard input, "env:NAME",
 * NULL = EAB_KEY_VARIABLE. The key is base64url, or base64, as the site shows it.
 */
int eab_load(const char *kid, const char *source, struct eab *eab, struct err *e)
    __attribute__((warn_unused_result));

/* The value of externalAccountBinding for the account key, for a request to url; appended to out. */
int eab_format(const struct eab *eab, const EVP_PKEY *account_key, const char *url, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));

#endif
