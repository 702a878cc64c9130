/* SPDX-License-Identifier: ISC */
/*
 * tls_settings: from the configuration's TLS settings to an SSL_CTX.
 */
#ifndef PROXY_TLS_TLS_SETTINGS_H
#define PROXY_TLS_TLS_SETTINGS_H

#include "base/err.h"
#include "proxy/config/snapshot.h"

#include <openssl/ssl.h>

#define TLS_SETTINGS_DIGEST 32

/* Equal settings and parameters have equal digests. dh: the parameters' DER, or empty. */
void tls_settings_digest(const struct tls_settings *s, struct span dh,
    unsigned char digest[TLS_SETTINGS_DIGEST]);
/* A server context without certificates and callbacks. NULL with e set. */
SSL_CTX *tls_settings_context(const struct tls_settings *s, struct span dh, struct err *e);
/* Whether a server with that context may show the chain, leaf first. -1 with e set. */
int tls_settings_try_chain(SSL_CTX *ctx, STACK_OF(X509) *chain, struct err *e)
    __attribute__((warn_unused_result));
/*
 * TLS 1.0 or 1.1 are asked for, but OpenSSL's security level forbids them ("@SECLEVEL=0" in the cipher list allows
 * them): they stay off and the others work.
 */
bool tls_settings_legacy_is_off(const struct tls_settings *s);
/* The monitor's validation: what is wrong with the settings of servers with certificates, and what is worth a warning. */
void tls_settings_check(const struct snapshot *s, struct diagnostics *diags);
/* Bytes in a record sent, at most (ssl_buffer_size). */
size_t tls_settings_record(const struct tls_settings *s);
/* Are records padded ("ssl_conf_command RecordPadding")? */
bool tls_settings_pad(const struct tls_settings *s);
/* What SSL_set_SSL_CTX leaves as it was: versions, options, groups, whether clients' certificates are asked for. */
void tls_settings_apply(SSL *ssl, SSL_CTX *ctx, const struct tls_settings *s);

/* Parts that contexts of clients have in common with those of servers. -1 with e set. */
int tls_settings_set_ciphers(SSL_CTX *ctx, struct span ciphers, struct err *e)
    __attribute__((warn_unused_result));
/* asked: set of enum tls_protocol; without those that OpenSSL's security level forbids. */
int tls_settings_set_protocols(SSL_CTX *ctx, unsigned asked, struct err *e)
    __attribute__((warn_unused_result));

#endif
