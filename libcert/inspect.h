/* SPDX-License-Identifier: ISC */
/*
 * inspect: what is wrong with a certificate, its key and its chain, each finding by a word and a sentence.
 *
 * The judgement is that of a server's visitor: what a browser would stumble over is critical, what will become so is
 * a warning. Whether the visitor trusts the last issuer is the visitor's business.
 */
#ifndef LIBCERT_INSPECT_H
#define LIBCERT_INSPECT_H

#include "base/arena.h"
#include "base/span.h"

#include <openssl/x509.h>

#include <stdint.h>

enum inspect_kind {
	INSPECT_EXPIRED,
	INSPECT_EXPIRING,
	INSPECT_NOT_YET_VALID,
	INSPECT_KEY_MISMATCH,
	INSPECT_KEY_UNREADABLE,
	INSPECT_CHAIN_INCOMPLETE,
	INSPECT_CHAIN_MISORDERED,
	INSPECT_CHAIN_BROKEN,
	INSPECT_WEAK_KEY,
	INSPECT_WEAK_SIGNATURE,
	INSPECT_NAME_NOT_COVERED,
	INSPECT_NO_NAMES,
	INSPECT_WRONG_USE,
	INSPECT_WIRE_DIFFERS,
	INSPECT_WIRE_UNREACHABLE,
	INSPECT_NOT_DEPLOYED,
	INSPECT_RENEWAL_FAILS,
	INSPECT_KINDS,
};

enum inspect_weight { INSPECT_FINE, INSPECT_WARNING, INSPECT_CRITICAL };

struct inspect_finding {
	enum inspect_kind kind;
	enum inspect_weight weight;
	struct span text; /* fit for a terminal */
};

/* Findings live in the arena. */
struct inspection {
	struct arena *arena; /* borrowed */
	struct inspect_finding *items;
	size_t count, room;
};

/* Shares of life below which a certificate is expiring; 0 = as for 90 days: 20 and 7, in proportion to its life. */
struct inspect_limits {
	int64_t warn_s, crit_s;
};

/* "expired", "key-mismatch" ... : stable, for programs. */
const char *inspect_word(enum inspect_kind kind);
/* "ok", "warning", "critical" */
const char *inspect_weight_word(enum inspect_weight weight);

void inspection_add(struct inspection *in, enum inspect_kind kind, enum inspect_weight weight,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
enum inspect_weight inspection_worst(const struct inspection *in);

/* The limits that hold for a life of that many seconds. */
struct inspect_limits inspect_limits_for(const struct inspect_limits *limits, int64_t life_s);

/* certs: as a server sends them, leaf first; now: wall clock seconds. */
void inspect_dates(struct inspection *in, STACK_OF(X509) *certs, int64_t now,
    const struct inspect_limits *limits);
/* Key sizes and signatures of all of them. */
void inspect_strength(struct inspection *in, STACK_OF(X509) *certs);
/* Do they lead from the leaf upwards? roots (may be NULL) may know the issuer of a leaf that stands alone. */
void inspect_chain(struct inspection *in, STACK_OF(X509) *certs, X509_STORE *roots);
/* Names and usages that a server's certificate needs; nothing is said about one that is plainly a CA's. */
void inspect_use(struct inspection *in, X509 *leaf);
/* path: the key's file, for the text; or NULL. */
void inspect_key(struct inspection *in, X509 *leaf, const EVP_PKEY *key, const char *path);
void inspect_name(struct inspection *in, X509 *leaf, struct span name);

#endif
