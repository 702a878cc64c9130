/* SPDX-License-Identifier: ISC */
/*
 * issued: what is live under one name of the store, and when it has to be renewed.
 */
#ifndef LIBACME_ISSUED_H
#define LIBACME_ISSUED_H

#include "base/arena.h"
#include "base/err.h"
#include "libcert/certstore.h"

#include <openssl/x509.h>

#include <stdint.h>

struct issued {
	int64_t not_before, not_after; /* wall clock seconds; 0: nothing is live */
	struct span *names;            /* DNS names, then IP addresses; in the arena */
	size_t name_count;
	unsigned char sha256[32]; /* of the leaf */
	char *key;                /* "ECDSA P-256"; in the arena */
	X509 *leaf;               /* NULL: not loaded, or let go of */
};

/* Lets go of the leaf; the rest lives as long as the arena. */
void issued_release(struct issued *issued);
/* ERR_NOINPUT when nothing is live. */
int issued_load(struct certstore *store, const char *name, struct arena *arena,
    struct issued *issued, struct err *e) __attribute__((warn_unused_result));

/* When renewal is due: a third of its life before the end; half for lives under ten days. */
int64_t issued_due_at(int64_t not_before, int64_t not_after);

/* The same names, in any order? */
bool issued_has_names(const struct issued *issued, const struct span *names, size_t count);

#endif
