/* SPDX-License-Identifier: ISC */
/*
 * account_store: ACME accounts on disk, in certbot's layout.
 *
 *	DIR/accounts/HOST[:PORT]/PATH/ID/private_key.json   the key as JWK, 0400
 *	                                 regr.json          {"body": {}, "uri": account URL}
 *	                                 meta.json          when and where it was made
 *
 * ID is MD5 of the public key's PEM, as certbot computes it, so that either tool finds and uses
 * the other's accounts. A key is on disk before the CA hears of it; a directory without
 * regr.json is a registration that was cut short, and certbot passes over it. A change of keys (account_rollover)
 * gives the account another id: the old one is a link to it for as long as a lineage names it.
 */
#ifndef LIBACME_ACCOUNT_STORE_H
#define LIBACME_ACCOUNT_STORE_H

#include "base/arena.h"
#include "base/err.h"
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

/* The id that a key's account has. */
int account_key_id(const EVP_PKEY *key, char id[ACCOUNT_ID_LEN + 1], struct err *e)
    __attribute__((warn_unused_result));

/* A private key in a file: PEM, or a JWK as certbot keeps it. */
int account_key_load(const char *path, EVP_PKEY **key, struct err *e)
    __attribute__((warn_unused_result));

/* Sets account's id and writes its key; one that is there already is left as it is. */
int account_save_key(struct certstore *store, const char *server, struct account *account,
    struct err *e) __attribute__((warn_unused_result));
/* Writes the rest: from now on it is a whole account. */
int account_save_url(struct certstore *store, const char *server, const struct account *account,
    struct err *e) __attribute__((warn_unused_result));
/* Its directory and all in it. */
int account_remove(struct certstore *store, const char *server, const char *id, struct err *e)
    __attribute__((warn_unused_result));

struct account_entry {
	const char *server; /* directory URL */
	const char *id;
	const char *url;     /* NULL: not registered */
	const char *key;     /* "ECDSA P-256"; NULL with problem set */
	const char *problem; /* why it cannot be used, or NULL */
	const char **lineages;
	size_t lineage_count;
};
/* All accounts for all CAs, and which lineages renew with them. */
int account_list(struct certstore *store, struct arena *arena, struct account_entry **entries,
    size_t *count, struct err *e) __attribute__((warn_unused_result));

/*
 * Have every lineage that renews with the account from (at server) renew with to. One that another process works on
 * keeps its setting and *left becomes true.
 */
int account_move_lineages(struct certstore *store, const char *server, const char *from,
    const char *to, bool *left, struct err *e) __attribute__((warn_unused_result));

/* DIR/accounts/SERVER, on the heap; NULL with e set for a server that makes no safe path. */
char *account_server_dir(const struct certstore *store, const char *server, struct err *e);
bool account_id_ok(const char *id);

#endif
