/* SPDX-License-Identifier: ISC */
/*
 * key_schedule: TLS 1.3's key schedule (RFC 8446, 7.1), which OpenSSL asks of a provider; so this is one, for the contexts
 * that name it.
 *
 * There are two reasons. What OpenSSL derives passes through here, so whoever takes over after the handshake (record_layer.h)
 * knows the traffic secrets without OpenSSL's key log, which costs more than deriving them. And OpenSSL 3.0's own spends
 * more on finding and making HMACs than on running them: a fifth of a handshake's instructions.
 */
#ifndef PROXY_TLS_KEY_SCHEDULE_H
#define PROXY_TLS_KEY_SCHEDULE_H

#include "proxy/tls/hkdf.h"

/* A traffic secret; n = 0: not derived yet. */
struct key_schedule_secret {
	unsigned char bytes[HKDF_HASH_MAX];
	size_t n;
};

/* Of a handshake: what the client sends after it is protected by in, what we do by out. */
struct key_schedule_secrets {
	struct key_schedule_secret in, out;
};

/* The property query for SSL_CTX_new_ex. NULL: the provider cannot be loaded, and OpenSSL's own serves. */
const char *key_schedule_properties(void);
/* Whose handshake runs from now on: its secrets go there. NULL: nobody's. */
void key_schedule_follow(struct key_schedule_secrets *s);

#endif
