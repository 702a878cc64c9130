/* SPDX-License-Identifier: ISC */
/*
 * account: an account at a CA (RFC 8555 7.3): registered, used, asked about, changed, given another key, ended.
 *
 * A registration that was cut short is completed with the same key, which gives the same account; a change of keys that
 * was cut short is settled by asking the CA which key it knows. All of these run ca's loop.
 */
#ifndef LIBACME_ACCOUNT_H
#define LIBACME_ACCOUNT_H

#include "libacme/account_store.h"
#include "libacme/acme.h"
#include "libacme/eab.h"
#include "libcert/pkey.h"

#include <cjson/cJSON.h>

struct account_new {
	const char *email;            /* addresses, separated by commas; NULL = none */
	EVP_PKEY *key;                /* this one instead of a new one; or NULL */
	const struct pkey_spec *spec; /* for a new one; NULL = P-256 */
	const struct eab *eab;        /* NULL, or one without kid: no binding */
	/* Asked with the terms' address if the CA has terms; may be NULL = never agreed. Returns true to agree. */
	bool (*agree)(void *arg, const char *terms);
	void *arg;
};

/*
 * Makes ca (opened) ready to sign: loads the account, or registers a new one (key, newAccount, files), one
 * process at a time. With fresh->key: the account of that key, known to the store or not.
 */
int account_use(struct certstore *store, struct acme *ca, const char *id,
    const struct account_new *fresh, struct account *account, struct err *e)
    __attribute__((warn_unused_result));
/* The same, but one that the store does not have is ERR_NOINPUT. */
int account_use_known(struct certstore *store, struct acme *ca, const char *id,
    struct account *account, struct err *e) __attribute__((warn_unused_result));

/* Of ca's account. The account object (7.1.2) is the caller's: cJSON_Delete. */
int account_query(struct acme *ca, cJSON **doc, struct err *e) __attribute__((warn_unused_result));
/* email: as in account_new; "" removes all contacts. */
int account_update(struct acme *ca, const char *email, cJSON **doc, struct err *e)
    __attribute__((warn_unused_result));
/* For good: nothing can be ordered or revoked with it any more. Removes it from the store. */
int account_deactivate(struct certstore *store, struct acme *ca, const struct account *account,
    struct err *e) __attribute__((warn_unused_result));
/* Another key for the account (7.3.5): key, or a new one by spec. account becomes the new one. */
int account_rollover(struct certstore *store, struct acme *ca, struct account *account,
    EVP_PKEY *key, const struct pkey_spec *spec, struct err *e) __attribute__((warn_unused_result));

/* account.c, for account_rollover.c: the URL of the account that the CA has for key, ERR_NOINPUT if it has none. */
int account_find_url(struct acme *ca, EVP_PKEY *key, char **url, struct err *e)
    __attribute__((warn_unused_result));
/* account_rollover.c, for account.c: finish a change of keys that was cut short, if there is one. */
int account_settle(struct certstore *store, struct acme *ca, struct err *e)
    __attribute__((warn_unused_result));
bool account_is_unsettled(struct certstore *store, const char *server);

#endif
