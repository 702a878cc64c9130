/* SPDX-License-Identifier: ISC */
/*
 * ticket_key: the keys that encrypt session tickets, one set for all workers, so that a client resumes whichever
 * worker it meets.
 *
 *	monitor: ticket_keys_new -> fork workers -> ticket_keys_rotate every TICKET_KEY_INTERVAL_MS
 *	worker:  ticket_keys_seal (read-only from now on) -> tls_context encrypts with the newest, decrypts with
 *	         the newest or one of the two before
 *
 * They live in anonymous shared memory that a fork inherits: never on disk, never in a core dump, not swapped where
 * the kernel allows. A ticket is worth something for at most three intervals.
 */
#ifndef PROXY_TLS_TICKET_KEY_H
#define PROXY_TLS_TICKET_KEY_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define TICKET_KEY_INTERVAL_MS INT64_C(43200000)

#define TICKET_KEY_NAME 16

struct ticket_key {
	unsigned char name[TICKET_KEY_NAME];
	unsigned char cipher[32]; /* AES-256-CBC, or AES-128-CBC when key_bytes is 16 */
	unsigned char mac[32];    /* HMAC-SHA256 */
	unsigned key_bytes;       /* of cipher and mac: 32, or 16 in old files */
};

/*
 * The content of an ssl_session_ticket_key file: 80 random bytes, or 48 (name, then HMAC, then AES key). -1: it is
 * neither.
 */
int ticket_key_parse(struct span file, struct ticket_key *key) __attribute__((warn_unused_result));

struct ticket_keys;

/* With one fresh key. NULL with errno when there is no memory or no randomness. */
struct ticket_keys *ticket_keys_new(void);
/* Unmaps; the kernel clears the pages when the last process that has them does. Takes NULL. */
void ticket_keys_free(struct ticket_keys *keys);
/* A fresh newest key; the oldest is forgotten. By one process only. -1: no randomness, all stays. */
int ticket_keys_rotate(struct ticket_keys *keys) __attribute__((warn_unused_result));
/* This process can only read them from now on. 0 or -1 with errno. */
int ticket_keys_seal(struct ticket_keys *keys) __attribute__((warn_unused_result));

/* To encrypt with. */
const struct ticket_key *ticket_keys_newest(const struct ticket_keys *keys);
/* To decrypt with; NULL when the name is not (or no longer) known. *newest: no renewal needed. */
const struct ticket_key *ticket_keys_find(const struct ticket_keys *keys,
    const unsigned char name[TICKET_KEY_NAME], bool *newest);

#endif
