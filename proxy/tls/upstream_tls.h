/* SPDX-License-Identifier: ISC */
/*
 * upstream_tls: TLS to upstreams: an SSL_CTX for each distinct set of proxy_ssl_* settings, made when first needed, and
 * one session for each peer and name.
 *
 * Counted by the generations that use it and by each connection made with it; so what did not change over a reload is the
 * same object, and kept connections stay fit for use.
 */
#ifndef PROXY_TLS_UPSTREAM_TLS_H
#define PROXY_TLS_UPSTREAM_TLS_H

#include "base/arena.h"
#include "base/err.h"
#include "proxy/config/tls_spec.h"

#include <openssl/ssl.h>

struct generation;
struct upstream_tls;

/* The one for these settings of g's snapshot; lives as long as g. NULL with e set. */
struct upstream_tls *upstream_tls_get(struct generation *g, const struct upstream_tls_settings *s,
    struct err *e);
/* g uses none any more. */
void upstream_tls_release(struct generation *g);

/* "host:port", "[address]:port" or "host" without port and brackets. */
struct span upstream_tls_name(struct span host);
/* For a connection to the peer at address, whose certificate is to be that of name. NULL with e set. */
SSL *upstream_tls_connect(struct upstream_tls *t, struct span address, struct span name,
    struct err *e);
/* Was it made by t for this name? */
bool upstream_tls_fits(const SSL *ssl, const struct upstream_tls *t, struct span name);
/* The handshake is done: NULL, or what is wrong with the peer's certificate (in arena). */
const char *upstream_tls_verify(const SSL *ssl, struct arena *arena);
/* The handshake failed: the session that it may have offered is not offered again. */
void upstream_tls_forget(const SSL *ssl);

#endif
