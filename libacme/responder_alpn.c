/* SPDX-License-Identifier: ISC */
/*
 * responder_alpn: the server's side of tls-alpn-01 (RFC 8737 3): a handshake for "acme-tls/1" and a server name that is on
 * show, nothing after it.
 */
#include "libacme/responder_internal.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <ctype.h>
#include <string.h>

struct alpn_conn {
	struct listener_conn conn;
	SSL_CTX *ctx;
	SSL *ssl;
	const struct responder *responder;
};

/* RFC 8737 3: the client offers this protocol and no other. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	if (!span_eq(span_of(in, in_len), SPAN(VALIDATION_CERT_ALPN_WIRE)))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = in + 1;
	*out_len = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static int
choose_cert(SSL *ssl, void *arg)
{
	const struct alpn_conn *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	char lower[VALIDATION_CERT_SERVER_MAX + 1] = "";
	const struct shown *shown;

	for (size_t i = 0; name && name[i] && i < VALIDATION_CERT_SERVER_MAX; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	shown = responder_find(c->responder, span_str(lower));
	return shown && SSL_use_certificate(ssl, shown->validation.cert) == 1 &&
	       SSL_use_PrivateKey(ssl, shown->validation.key) == 1;
}

static bool
begin(struct alpn_conn *c)
{
	c->ctx = SSL_CTX_new(TLS_server_method());
	if (!c->ctx || SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1)
		return false;
	SSL_CTX_set_alpn_select_cb(c->ctx, choose_protocol, NULL);
	SSL_CTX_set_cert_cb(c->ctx, choose_cert, c);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(c->ctx, 0);
	c->ssl = SSL_new(c->ctx);
	return c->ssl && SSL_set_fd(c->ssl, c->conn.watch.fd) == 1;
}

static void
ready(struct listener_conn *conn, void *responder, short revents)
{
	struct alpn_conn *c = (struct alpn_conn *)conn;
	int rc, why;

	c->responder = responder;
	ERR_clear_error();
	if (!c->ssl && !begin(c)) {
		listener_drop(conn);
		return;
	}
	rc = SSL_accept(c->ssl);
	why = SSL_get_error(c->ssl, rc);
	if (rc != 1 && (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)) {
		conn->watch.events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return;
	}
	if (rc == 1)
		SSL_shutdown(c->ssl);
	listener_drop(conn);
	ERR_clear_error();
}

static void
release(struct listener_conn *conn)
{
	struct alpn_conn *c = (struct alpn_conn *)conn;

	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
}

const struct responder_protocol responder_alpn = {
	.conn_size = sizeof(struct alpn_conn),
	.ready = ready,
	.release = release,
};
