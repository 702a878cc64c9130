/* SPDX-License-Identifier: ISC */
/*
 * tls_command: OpenSSL's own configuration commands (SSL_CONF_cmd), which ssl_conf_command hands through.
 */
#ifndef PROXY_CONFIG_TLS_COMMAND_H
#define PROXY_CONFIG_TLS_COMMAND_H

#include "base/err.h"
#include "proxy/config/tls_spec.h"

#include <openssl/ssl.h>

/*
 * Carry out the commands of a server, in order, on ctx or (ctx NULL) on ssl. Refuses what OpenSSL does, and commands
 * that name files: a worker opens none. The error queue is empty after.
 */
int tls_command_run(const struct tls_command *list, SSL_CTX *ctx, SSL *ssl, struct err *e)
    __attribute__((warn_unused_result));

#endif
