/* SPDX-License-Identifier: ISC */
/*
 * tls_context: SSL_CTX objects, one per distinct set of TLS settings, and the choice of server and certificate by name.
 *
 *	accept            SSL from the endpoint's default server's SSL_CTX
 *	ClientHello       server by SNI in the newest generation; its SSL_CTX and settings put in place;
 *	                  without a usable certificate: alert unrecognized_name
 *	certificate       only when no session is resumed: its pairs from the certificate_cache
 *
 * Sessions are bound to the server that made them: one server's ticket is no ticket at another's, however many share
 * an SSL_CTX. Tickets are encrypted with the worker's ticket_keys where it has them.
 */
#ifndef PROXY_TLS_TLS_CONTEXT_H
#define PROXY_TLS_TLS_CONTEXT_H

#include "base/err.h"
#include "proxy/config/snapshot.h"

#include <openssl/ssl.h>

struct tls_contexts;
struct generation;
struct client;
struct conn;
struct client_tls;
struct traffic;

/*
 * Build the contexts of a generation from its snapshot and bundle; equal settings to those of previous (may be NULL)
 * reuse its SSL_CTX. On failure e names the file and line of the server at fault.
 */
int tls_contexts_new(struct generation *g, struct tls_contexts *previous, struct tls_contexts **out,
    struct err *e) __attribute__((warn_unused_result));
/* Takes NULL. */
void tls_contexts_free(struct tls_contexts *t);
/* Distinct ones, for tests and status. */
size_t tls_contexts_count(const struct tls_contexts *t);

/*
 * A server-side SSL for an accepted connection on ep of g, to be freed before client. NULL when memory fails or ep has no
 * TLS in g.
 */
SSL *tls_accept_new(struct generation *g, const struct endpoint *ep, struct client *client);
/* Has any server of g early data on? Which it is for is known in the middle of the handshake only. */
bool tls_accept_may_be_early(const struct generation *g);
/*
 * The handshake is over: let go of what only it needed. ssl: its connection's, NULL = that is gone. Called when it ends by
 * itself, too.
 */
void tls_accept_done(struct client *client, SSL *ssl);
void tls_client_release(struct client_tls *t);

/*
 * The verdict on the client's certificate by the rules of server, of t's generation, into t->verdict: an X509_V_ERR_*,
 * X509_V_OK also when none was sent. Judged anew when those rules are neither the handshake's nor the latest.
 */
void tls_client_judge(struct traffic *t, const struct server *server);

/* What c's handshake has told so far becomes its client's facts. */
void tls_client_note(struct conn *c);

/* Is the handshake only to prove a name to a CA (RFC 8737)? Ask before tls_accept_done. Close, nothing follows. */
bool tls_is_validation(const struct client *client);

/* The name the client sent (SNI), lower case without a trailing dot; empty when it sent none. Lives as long as client. */
struct span tls_server_name(const struct client *client);

#endif
