/* SPDX-License-Identifier: ISC */
/*
 * tls_internal: what tls_context.c (building), tls_accept.c (choosing by ClientHello), tls_session.c (resuming), tls_io.c
 * (running the handshake) and tls_handover.c (at its end) share. Nobody else includes it.
 *
 * An SSL_CTX may outlive the tls_context that made it (each SSL holds its own), so its callbacks find everything
 * through the handshake's accept state and the worker, never through memory of the tls_context.
 */
#ifndef PROXY_TLS_TLS_INTERNAL_H
#define PROXY_TLS_TLS_INTERNAL_H

#include "proxy/tls/client_trust.h"
#include "proxy/tls/key_schedule.h"
#include "proxy/tls/session_cache.h"
#include "proxy/tls/ticket_key.h"
#include "proxy/tls/tls_context.h"
#include "proxy/tls/tls_settings.h"

struct conn;
struct shared_zone;

/* One SSL_CTX, shared by generations, and what sessions made with it are kept in. */
struct tls_context {
	unsigned refs;
	unsigned char digest[TLS_SETTINGS_DIGEST];
	/* The same without ticket keys: for sessions. */
	unsigned char settings[TLS_SETTINGS_DIGEST];
	unsigned char rules[CLIENT_TRUST_DIGEST];
	SSL_CTX *ctx;
	struct ticket_key *ticket_keys; /* of its own; the first encrypts; NULL = the worker's */
	size_t ticket_key_count;
	struct shared_zone *stores[2]; /* builtin, shared; NULL = none */
	bool pads;                     /* records */
};

struct tls_contexts {
	bool early_data;            /* of any */
	struct tls_context *keeper; /* one that keeps sessions, if any does; of distinct */
	struct tls_context **distinct;
	size_t count;
	struct tls_context **by_server; /* by server->index; NULL = no server has TLS */
	uint64_t *server_ids;           /* by server->index */
	struct span *certificates; /* bundle entries by certificate_ref->index; empty = disabled */
};

/* A handshake under way; client->tls.accept. Holds secrets: wiped when it is over. */
struct accept_state {
	struct client *client;
	struct generation *generation; /* counted; from ClientHello on */
	const struct server *server;   /* in that generation */
	bool validation;               /* a CA asks for the proof of a name: acme-tls/1 */
	bool pads;                     /* OpenSSL does, by what any of its contexts said */
	/* tls_handover.c's */
	struct key_schedule_secrets secrets;
	uint64_t records_out; /* since our Finished */
};

/* On a client's certificate: the rules that OpenSSL judged it by in the handshake, and those that we did since. 0 = none. */
struct client_verdict {
	unsigned char handshake[CLIENT_TRUST_DIGEST];
	unsigned char rules[CLIENT_TRUST_DIGEST];
	long result; /* by rules: X509_V_* */
};

/* Not "ssl_session_cache off". */
bool tls_context_keeps(const struct tls_context *c);

/* By way of the SSL's connection. NULL outside of the handshake. */
struct accept_state *tls_accept_state(const SSL *ssl);
/* Of the server that was chosen; NULL before, and outside of the handshake. */
const struct tls_context *tls_accept_context(const struct accept_state *state);

/* tls_accept.c: the callbacks that choose; tls_session.c: those that resume. */
void tls_accept_set_callbacks(SSL_CTX *ctx);
void tls_session_set_callbacks(SSL_CTX *ctx, const struct tls_context *c,
    const struct ticket_keys *tickets);
/* tls_handover.c: those that learn what the record layer needs. */
void tls_handover_set_callbacks(SSL_CTX *ctx);
/* It is done: the record layer takes over (c->records), if it does what this connection needs; c->ssl is NULL then. */
void tls_handover(struct conn *c);
/* Keys and caches of a context, for a generation. */
int tls_session_open(struct tls_context *c, const struct tls_settings *s,
    const struct generation *g, struct err *e) __attribute__((warn_unused_result));
void tls_session_close(struct tls_context *c);

#endif
