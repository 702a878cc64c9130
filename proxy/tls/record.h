/* SPDX-License-Identifier: ISC */
/*
 * record: TLS 1.3 records under the keys of one direction (RFC 8446, 5.2 to 5.5, 7.2 and 7.3).
 *
 * Bytes in, bytes out: no socket, and no state but the keys and how many records they have seen. The algorithms are
 * OpenSSL's; the contexts they run in are the process's, not a connection's, so one that is idle costs the keys alone.
 */
#ifndef PROXY_TLS_RECORD_H
#define PROXY_TLS_RECORD_H

#include "base/span.h"
#include "proxy/tls/hkdf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RECORD_HEAD 5
#define RECORD_TAG 16
#define RECORD_TEXT_MAX 16384
/* What sealing adds: head, type, tag. */
#define RECORD_ADDED (RECORD_HEAD + 1 + RECORD_TAG)
/* Of a record that is received, head included; the peer may pad. */
#define RECORD_MAX (RECORD_HEAD + RECORD_TEXT_MAX + 256)
#define RECORD_SECRET_MAX HKDF_HASH_MAX

enum record_type {
	RECORD_CHANGE_CIPHER_SPEC = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_DATA = 23,
};

struct record_suite;

struct record_keys {
	const struct record_suite *suite;
	uint64_t id; /* of this key: no two have the same */
	uint64_t sequence;
	unsigned char secret[RECORD_SECRET_MAX], key[32], iv[12];
};

/* By the number TLS gives it. NULL: not one of RFC 8446's that we do. */
const struct record_suite *record_suite_find(unsigned number);
/* Bytes of a suite's secrets. */
size_t record_suite_secret(const struct record_suite *s);

/* From a traffic secret of the suite's size, at the first record. False: OpenSSL failed. */
bool record_keys_set(struct record_keys *k, const struct record_suite *s,
    const unsigned char *secret) __attribute__((warn_unused_result));
/* The next ones, as after a KeyUpdate (7.2). False: OpenSSL failed. */
bool record_keys_update(struct record_keys *k) __attribute__((warn_unused_result));
/* What OpenSSL has seen of them, too. All zeros: there are none. */
void record_keys_wipe(struct record_keys *k);
/* Has this key done so much that the next should follow (5.5)? */
bool record_keys_are_worn(const struct record_keys *k);

/* One record of at most RECORD_TEXT_MAX bytes into out, text.n + RECORD_ADDED. False: OpenSSL failed. */
bool record_seal(struct record_keys *k, enum record_type type, struct span text, char *out)
    __attribute__((warn_unused_result));

/* What record_open found wrong; the alert that says so. */
enum record_verdict {
	RECORD_OK = 0,
	RECORD_UNEXPECTED = 10, /* unexpected_message */
	RECORD_BAD_MAC = 20,    /* bad_record_mac */
	RECORD_OVERFLOW = 22,   /* record_overflow */
};

/* How many bytes the record has that begins here, head included. 0: not even its head is whole. */
size_t record_size(struct span bytes);
/* Is this the head of a record that may be opened? bytes.n >= RECORD_HEAD. */
enum record_verdict record_check(struct span bytes);
/*
 * Open a whole record (record_size bytes, checked) into out, which has room for its size - RECORD_HEAD - RECORD_TAG bytes or
 * is the record itself behind its head. *text and *type: what was in it. When it is not RECORD_OK, what out holds is
 * nothing.
 */
enum record_verdict record_open(struct record_keys *k, struct span record, char *out,
    struct span *text, unsigned *type) __attribute__((warn_unused_result));

#endif
