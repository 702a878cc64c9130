/* SPDX-License-Identifier: ISC */
/*
 * revocation: a certificate taken back (RFC 8555 7.6), and the note of it beside its lineage, which makes the next
 * renewal replace the certificate, with another key if the key was the reason.
 *
 *	DIR/gatehouse/revoked/NAME.json   {"schema":1,"sha256":"...","reason":N}
 */
#ifndef LIBACME_REVOCATION_H
#define LIBACME_REVOCATION_H

#include "libacme/acme.h"
#include "libcert/certstore.h"

#include <openssl/x509.h>

/* RFC 5280 5.3.1, those that an ACME CA takes from a subscriber. */
enum revocation_reason {
	REVOCATION_UNSPECIFIED = 0,
	REVOCATION_KEY_COMPROMISE = 1,
	REVOCATION_AFFILIATION_CHANGED = 3,
	REVOCATION_SUPERSEDED = 4,
	REVOCATION_CESSATION = 5,
};

/* "keyCompromise" in any case, or "1". */
int revocation_reason_parse(const char *text, enum revocation_reason *reason, struct err *e)
    __attribute__((warn_unused_result));
const char *revocation_reason_name(enum revocation_reason reason);
/* All of them, a line each. */
void revocation_reason_offer(struct buf *out);

/* Signed by what ca signs with: an account, or the certificate's own key. *already: it was revoked before. */
int revocation_send(struct acme *ca, X509 *leaf, enum revocation_reason reason, bool *already,
    struct err *e) __attribute__((warn_unused_result));

struct revocation_note {
	unsigned char sha256[32]; /* of the certificate */
	bool key_compromised;
};
int revocation_note_save(struct certstore *store, const char *name, X509 *leaf,
    enum revocation_reason reason, struct err *e) __attribute__((warn_unused_result));
/* false: there is none. One that cannot be read counts as none. */
bool revocation_note_load(struct certstore *store, const char *name, struct revocation_note *note);
void revocation_note_remove(struct certstore *store, const char *name);

#endif
