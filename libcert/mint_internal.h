/* SPDX-License-Identifier: ISC */
/*
 * mint_internal: what mint.c and mint_renew.c share. Nobody else includes it.
 */
#ifndef LIBCERT_MINT_INTERNAL_H
#define LIBCERT_MINT_INTERNAL_H

#include "libcert/local_ca.h"
#include "libcert/mint.h"

/* One request on its way. */
struct minting {
	struct mint_request *request; /* borrowed */
	struct minted *minted;        /* borrowed */
	struct local_ca *ca;          /* NULL = self-signed */
	bool write_key;
	bool keep; /* access to the files that are replaced */
	int64_t not_before, not_after;
};

/* Names, subject, uses, kind of key, life and paths of the certificate at request->renew_path. */
int mint_renew(struct minting *m, struct err *e) __attribute__((warn_unused_result));
/* What a killed run left at minted's paths is set right, before the files are read. */
void mint_recover(const struct minting *m);
/* request->key_from into minted->key. */
int mint_load_key(struct minting *m, const char *path, struct err *e)
    __attribute__((warn_unused_result));

#endif
