/* SPDX-License-Identifier: ISC */
/*
 * nonce_store: the last nonce of a run, kept for the next: a request less, if the CA still knows it (RFC 8555 6.5).
 *
 *	DIR/gatehouse/nonces/ID   the directory's URL and the nonce, a line each; ID from the URL
 *
 * A nonce is no secret, and a stale one costs what asking for a new one costs. Whoever takes it removes it.
 */
#ifndef LIBACME_NONCE_STORE_H
#define LIBACME_NONCE_STORE_H

#include "libacme/acme.h"
#include "libcert/certstore.h"

void nonce_store_take(struct certstore *store, struct acme *ca);
void nonce_store_keep(struct certstore *store, struct acme *ca);

#endif
