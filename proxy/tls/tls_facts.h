/* SPDX-License-Identifier: ISC */
/*
 * tls_facts: what a client's handshake has told and agreed on: kept for the connection's time, when OpenSSL's state of it
 * may be long gone.
 */
#ifndef PROXY_TLS_TLS_FACTS_H
#define PROXY_TLS_TLS_FACTS_H

#include "base/span.h"

#include <openssl/ssl.h>

#include <stdbool.h>

struct tls_facts {
	const char *version, *cipher; /* OpenSSL's names; static */
	X509 *certificate;            /* the client's, owned; NULL = it sent none */
	STACK_OF(X509) *chain;        /* what came with that, owned; NULL = nothing */
	long verdict;                 /* the handshake's on it: X509_V_* */
	int group;                    /* of the key exchange, NID_undef = none */
	bool reused;                  /* a session was resumed */
	bool early;                   /* what comes is early data (RFC 8470) */
	struct span session_id, alpn; /* may be empty */
	/* What the client offered: pairs of bytes; numbers as SSL_get1_groups has them. */
	struct span ciphers;
	const int *groups;
	size_t group_count;
};

/* Of a handshake that is done, or far enough for early data. In one piece with what it points to. */
struct tls_facts *tls_facts_new(SSL *ssl);
/* Takes NULL. */
void tls_facts_free(struct tls_facts *f);
/* The name of a pair of facts->ciphers; NULL: the library knows none. */
const char *tls_facts_cipher_name(const char pair[2]);

#endif
