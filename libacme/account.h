/* SPDX-License-Identifier: ISC */
/*
 * account: ACME accounts on disk, in certbot's layout, and their registration (RFC 8555 7.3).
 *
 *	DIR/accounts/HOST[:PORT]/PATH/ID/private_key.json   the key as JWK, 0400
 *	                                 regr.json          {"body": {}, "uri": account URL}
 *	                                 meta.json          when and where it was made
 *
 * ID is MD5 of the public key's PEM, as certbot computes it, so that either tool finds
 * and uses the other's accounts. The key is on disk before the CA hears of it: a registration
 * that was cut short is completed with the same key, which gives the same account.
 */
#ifndef LIBACME_ACCOUNT_H
#define LIBACME_ACCOUNT_H

#include "libacme/acme.h"
#include "libcert/certstore.h"

#include <openssl/evp.h>

/* MD5 in hexadecimal. */
#define ACCOUNT_ID_LEN 32

struct account {
	char id[ACCOUNT_ID_LEN + 1];
	EVP_PKEY *key;
	char *url; /* NULL: not registered yet */
};

void account_release(struct account *account);

/*
 * The account for a CA: the one named id; with id NULL the only one there is. ERR_NOINPUT when there is
 * none; several and no id is ERR_USAGE, with their ids. One with a key but no URL is a registration cut short.
 */
int account_load(struct certstore *store, const char *server, const char *id,
    struct account *account, struct err *e) __attribute__((warn_unused_result));

struct account_new {
	const char *email; /* NULL = none */
	/* Asked with the terms' address if the CA has terms; may be NULL = never agreed. Returns true to agree. */
	bool (*agree)(void *arg, const char *terms);
	void *arg;
};

/*
 * Makes ca (opened) ready to sign: loads the account or registers a new one (key, newAccount, files), one process at a time.
 * Runs ca's loop.
 */
int account_use(struct certstore *store, struct acme *ca, const char *id,
    const struct account_new *fresh, struct account *account, struct err *e)
    __attribute__((warn_unused_result));

#endif
