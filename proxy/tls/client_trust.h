/* SPDX-License-Identifier: ISC */
/*
 * client_trust: whose word for clients counts: CAs, revocation lists, depth; and the verdict on a client's certificate.
 *
 * The handshake never fails over a client's certificate: the request is answered with a page that says what is
 * wrong, as in nginx.
 */
#ifndef PROXY_TLS_CLIENT_TRUST_H
#define PROXY_TLS_CLIENT_TRUST_H

#include "base/err.h"
#include "proxy/config/tls_spec.h"
#include "proxy/tls/tls_facts.h"

#include <openssl/ssl.h>

#define CLIENT_TRUST_DIGEST 32

/* Ask for certificates as the settings say, with the CAs and lists they name. */
int client_trust_set(SSL_CTX *ctx, const struct tls_settings *s, struct err *e)
    __attribute__((warn_unused_result));
/* Equal rules have equal digests. */
void client_trust_digest(const struct tls_settings *s, unsigned char digest[CLIENT_TRUST_DIGEST]);

/* Who signed it does not matter under optional_no_ca; that it is sound and in date does. */
bool client_trust_is_about_ca(long verify_result);
/*
 * Judge the client's certificate by the rules of ctx, made by client_trust_set, which need not be those of its handshake.
 * An X509_V_ERR_*; X509_V_OK also when there is no certificate.
 */
long client_trust_judge(const struct tls_facts *f, SSL_CTX *ctx);

/* Everything in a PEM text into the context's store; the subjects of its certificates into names (may be NULL). */
int client_trust_load(SSL_CTX *ctx, const struct tls_text *t, STACK_OF(X509_NAME) *names,
    struct err *e) __attribute__((warn_unused_result));

#endif
