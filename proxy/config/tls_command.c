/* SPDX-License-Identifier: ISC */
/* tls_command: see tls_command.h. */
#include "proxy/config/tls_command.h"

#include "base/mem.h"

#include <openssl/err.h>

static int
run_one(SSL_CONF_CTX *conf, const struct tls_command *c, struct err *e)
{
	char *name = mem_dup_span(c->name), *value = mem_dup_span(c->value);
	int type = SSL_CONF_cmd_value_type(conf, name), rc = 0;

	if (type == SSL_CONF_TYPE_UNKNOWN) {
		rc = err_set(e, ERR_CONFIG, "OpenSSL knows no command \"%s\" for servers", name);
	} else if (type == SSL_CONF_TYPE_FILE || type == SSL_CONF_TYPE_DIR) {
		rc = err_set(e, ERR_CONFIG,
		    "the command \"%s\" reads files, which is not supported", name);
		err_hint(e, "there is a directive for each kind of file");
	} else if (SSL_CONF_cmd(conf, name, value) <= 0) {
		rc = err_set_openssl(e, ERR_CONFIG, "SSL_CONF_cmd(\"%s\", \"%s\") failed", name,
		    value);
	}
	free(name);
	free(value);
	return rc;
}

int
tls_command_run(const struct tls_command *list, SSL_CTX *ctx, SSL *ssl, struct err *e)
{
	SSL_CONF_CTX *conf;
	int rc = 0;

	if (!list)
		return 0;
	conf = SSL_CONF_CTX_new();
	if (!conf)
		return err_set_openssl(e, ERR_UNAVAILABLE, "cannot run TLS commands");
	SSL_CONF_CTX_set_flags(conf, SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER |
					 SSL_CONF_FLAG_SHOW_ERRORS | SSL_CONF_FLAG_CERTIFICATE);
	if (ctx)
		SSL_CONF_CTX_set_ssl_ctx(conf, ctx);
	else
		SSL_CONF_CTX_set_ssl(conf, ssl);
	for (; list && rc == 0; list = list->next)
		rc = run_one(conf, list, e);
	if (rc == 0 && SSL_CONF_CTX_finish(conf) != 1)
		rc = err_set_openssl(e, ERR_CONFIG, "cannot finish TLS commands");
	/* What a handshake needs is let go of when it is over, and a second one would have nothing. */
	if (rc == 0 && ctx && (SSL_CTX_get_options(ctx) & SSL_OP_ALLOW_CLIENT_RENEGOTIATION))
		rc = err_set(e, ERR_CONFIG, "renegotiation is not supported");
	SSL_CONF_CTX_free(conf);
	ERR_clear_error();
	return rc;
}
