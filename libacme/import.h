/* SPDX-License-Identifier: ISC */
/*
 * import: accounts and certificates of other ACME clients, taken over into the store as they are: no new account, no new order.
 *
 * A reader per client (import_*.c) says what there is: keys of accounts, files of certificates, how their names are proved, in a
 * struct import. What it cannot tell stays open and is filled from struct import_options. import_apply then checks and copies; the
 * other client's files are only read.
 */
#ifndef LIBACME_IMPORT_H
#define LIBACME_IMPORT_H

#include "base/arena.h"
#include "libacme/acme_http.h"
#include "libacme/renewal.h"

#include <openssl/evp.h>

struct import_account {
	const char *server; /* directory URL */
	const char *url;    /* of the account; NULL: the CA has to be asked */
	EVP_PKEY *key;      /* freed with the arena */
	const char *id;     /* once it is in the store */
	const char *problem;
};

enum import_outcome {
	IMPORT_FAILED,
	IMPORT_TAKEN,
	IMPORT_THERE, /* the store has a lineage of that name */
};

struct import_lineage {
	const char *name;
	const char *cert_path, *key_path; /* leaf and chain; its key */
	struct import_account *account;   /* NULL: the only one */
	struct renewal how;
	const char *problem; /* what cannot be taken over, or why it failed */
	enum import_outcome outcome;
};

struct import {
	struct arena *arena;
	const char *from; /* "lego" */
	struct import_account *accounts;
	struct import_lineage *lineages;
	size_t account_count, lineage_count;
};

struct import_options {
	const char *dir;
	/* "certbot", "dehydrated", "acme.sh", "uacme", "lego"; NULL: by what is there. */
	const char *from;
	const char *server;  /* the CA where the other client does not say; NULL = letsencrypt */
	const char *webroot; /* likewise; NULL = lineages that do not say are refused */
	const char *ca_file;
};

/* Look through options->dir. Everything lives in in->arena, which the caller made. */
int import_read(const struct import_options *options, struct import *in, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Take it over. Outcomes and problems are in the lineages; -1 only if nothing could be begun. The CA is asked
 * (through http) for the URL of an account that is not known.
 */
int import_apply(const struct import_options *options, struct import *in, struct acme_http *http,
    struct certstore *store, struct err *e) __attribute__((warn_unused_result));

#endif
