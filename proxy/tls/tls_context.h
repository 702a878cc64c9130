/* SPDX-License-Identifier: ISC */
/*
 * tls_context: SSL_CTX objects: one per distinct set of TLS settings, and the choice of certificate by name.
 *
 * A connection starts on its endpoint's default settings; in the ClientHello callback the server is picked by
 * SNI in the newest generation, its SSL_CTX and certificate put in place. A host whose certificate is disabled refuses
 * the handshake with unrecognized_name; others are untouched. Session tickets are encrypted with keys shared by all
 * workers through the generation (ticket_key, later issue) or per context.
 */
#ifndef PROXY_TLS_TLS_CONTEXT_H
#define PROXY_TLS_TLS_CONTEXT_H

#include "base/err.h"
#include "proxy/config/snapshot.h"

#include <openssl/ssl.h>

struct tls_contexts;
struct generation;
struct client;

/*
 * Build the contexts of a generation; equal settings to those of previous (may be NULL) reuse its SSL_CTX, so tickets
 * and sessions go on working across reloads.
 */
int tls_contexts_new(struct generation *g, struct tls_contexts *previous, struct tls_contexts **out, struct err *e)
    __attribute__((warn_unused_result));
void tls_contexts_free(struct tls_contexts *t);

/*
 * Check one server's settings (ciphers, protocols, dhparam) without keeping anything: the monitor's validation.
 */
int tls_settings_check(const struct tls_settings *s, struct err *e) __attribute__((warn_unused_result));

/*
 * A server-side SSL for an accepted connection; client is borrowed for its life (the callback reads the worker's newest
 * generation through it). NULL when memory fails.
 */
SSL *tls_accept_new(struct generation *g, const struct endpoint *ep, struct client *client);

/* The server chosen by SNI, or NULL when none was sent or none matched. Valid while the generation it came from is held. */
struct span tls_server_name(const SSL *ssl);

#endif
