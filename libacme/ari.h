/* SPDX-License-Identifier: ISC */
/*
 * ari: when the CA wants a certificate renewed (RFC 9773): a window for each certificate, asked for now and then.
 *
 *	DIR/gatehouse/ari/NAME.json   the answer for the live version, the instant chosen in its window, when to ask again
 *
 * The instant is drawn once for a window, uniformly, and kept; a window that lies in the past (as a CA sets it for a certificate
 * that it revokes) makes the certificate due at once. Without an answer the share of life that is left decides.
 */
#ifndef LIBACME_ARI_H
#define LIBACME_ARI_H

#include "base/arena.h"
#include "libacme/acme_http.h"
#include "libcert/certstore.h"

#include <openssl/x509.h>

struct ari {
	int64_t start, end,
	    at;           /* wall clock seconds; at is chosen in between. 0: the CA says nothing */
	int64_t check_at; /* when to ask again */
	const char *explanation; /* a page of the CA about it, or NULL */
};

/* What the CA answered: fills start, end and explanation (in the arena). */
int ari_parse(struct span json, struct arena *arena, struct ari *ari, struct err *e)
    __attribute__((warn_unused_result));
/* AUTHORITY-KEY-ID.SERIAL, each in base64url (4.1); appended to out. -1 for a leaf without key id. */
int ari_cert_id(X509 *leaf, struct buf *out) __attribute__((warn_unused_result));

/* What is known about NAME's live version, whose leaf has that SHA-256. false: nothing, *ari is zero. */
bool ari_load(const struct certstore *store, const char *name, const unsigned char sha256[32],
    struct arena *arena, struct ari *ari);

struct ari_subject {
	const char *name, *server, *ca_file;
	X509 *leaf;
};

/* Who asks: knows where each CA wants to be asked. */
struct ari_asker;

struct ari_asker *ari_asker_new(struct acme_http *http, struct certstore *store);
/* Takes NULL. */
void ari_asker_free(struct ari_asker *asker);
/* Ask for all of these and write down the answers; what fails is asked again later. Runs the loop. */
void ari_ask(struct ari_asker *asker, const struct ari_subject *subjects, size_t count);

/* When renewal is due, given the window and the certificate's life: late windows do not let it run out. */
int64_t ari_due_at(const struct ari *ari, int64_t not_before, int64_t not_after);

#endif
