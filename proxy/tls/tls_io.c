/* SPDX-License-Identifier: ISC */
/* tls_io: see tls_io.h. */
#include "proxy/tls/tls_io.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <errno.h>
#include <limits.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#define PROBE_AT 4096

/* A TLS 1.3 ticket, which nobody waits for: it leaves with what is sent next, or the kernel sends it a little later. */
static bool
is_ticket(const SSL *ssl)
{
	return SSL_get_state(ssl) == TLS_ST_SW_SESSION_TICKET && SSL_version(ssl) == TLS1_3_VERSION;
}

static int
bio_write(BIO *bio, const char *p, int n)
{
	struct conn *c = BIO_get_data(bio);
	bool more = c->tls_more || is_ticket(c->ssl);
	int flags = more ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
	ssize_t sent;

	BIO_clear_retry_flags(bio);
	if (!c->writable) {
		BIO_set_retry_write(bio);
		return -1;
	}
	do
		sent = send(c->watch.fd, p, (size_t)n, flags);
	while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		if (errno == EAGAIN) {
			conn_wait_writable(c);
			BIO_set_retry_write(bio);
		} else {
			c->saved_errno = errno;
		}
		return -1;
	}
	return (int)sent;
}

/* The first bytes of a connection: are they none of TLS, but a request? */
static bool
keep_plain(struct conn *c, struct span first)
{
	c->accept_plain = 0;
	if (first.p[0] < 'A' || first.p[0] > 'Z')
		return false;
	c->unread = bufpool_borrow(c->pool, first.n);
	memcpy(c->unread->data, first.p, first.n);
	c->unread->end = (unsigned)first.n;
	return true;
}

static int
bio_read(BIO *bio, char *p, int n)
{
	struct conn *c = BIO_get_data(bio);
	ssize_t r;

	BIO_clear_retry_flags(bio);
	if (!c->readable) {
		BIO_set_retry_read(bio);
		return -1;
	}
	do
		r = recv(c->watch.fd, p, (size_t)n, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		if (errno == EAGAIN) {
			c->readable = 0;
			BIO_set_retry_read(bio);
		} else {
			c->saved_errno = errno;
		}
		return -1;
	}
	if (r == 0) {
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
		return 0;
	}
	/* A short read has emptied the socket, unless its end is what comes next. */
	if (r < n && !c->peer_closed)
		c->readable = 0;
	if (c->accept_plain && keep_plain(c, span_of(p, (size_t)r)))
		return -1;
	return (int)r;
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DUP:
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	default:
		return 0;
	}
}

static int
bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

/* Made once per process, immutable after. */
static const BIO_METHOD *
bio_method(void)
{
	static BIO_METHOD *method;

	if (!method) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_ctrl(method, bio_ctrl);
		BIO_meth_set_create(method, bio_create);
	}
	return method;
}

void
tls_io_attach(struct conn *c)
{
	BIO *bio = BIO_new(bio_method());

	BIO_set_data(bio, c);
	SSL_set_bio(c->ssl, bio, bio);
}

struct conn *
tls_io_conn(const SSL *ssl)
{
	return BIO_get_data(SSL_get_rbio(ssl));
}

/* Nearly always there are none, and looking costs a tenth of clearing. */
static void
clear_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

/* OpenSSL's reasons that say little to whoever reads the log. */
static const struct {
	int reason;
	const char *words;
} reasons[] = {
	{ SSL_R_HTTP_REQUEST, "peer sent plain HTTP to a TLS port" },
	{ SSL_R_HTTPS_PROXY_REQUEST, "peer sent a plain CONNECT to a TLS port" },
	{ SSL_R_WRONG_VERSION_NUMBER, "peer does not speak TLS" },
	{ SSL_R_BAD_RECORD_TYPE, "peer does not speak TLS" },
	{ SSL_R_UNKNOWN_PROTOCOL, "peer offers SSL 2.0 and nothing later" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "peer offers only TLS versions that are off" },
	{ SSL_R_VERSION_TOO_LOW, "peer offers only TLS versions that are off" },
	{ SSL_R_INAPPROPRIATE_FALLBACK, "peer fell back to an older TLS version for no reason" },
	{ SSL_R_NO_SHARED_CIPHER, "peer has no cipher in common with us and our keys" },
	{ SSL_R_NO_SUITABLE_GROUPS, "peer has no key exchange group in common with us" },
	{ SSL_R_NO_SHARED_GROUPS, "peer has no key exchange group in common with us" },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, "peer has no key exchange group in common with us" },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "peer accepts no signature our keys can make" },
	{ SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "peer accepts no signature our keys can make" },
	{ SSL_R_NO_APPLICATION_PROTOCOL, "peer offers (ALPN) no protocol that is spoken here" },
	{ SSL_R_CALLBACK_FAILED, "handshake refused" },
	{ SSL_R_CERT_CB_ERROR, "no certificate can be used" },
	{ ERR_R_ASN1_LIB, "peer sent a certificate that cannot be parsed" },
	{ SSL_R_WRONG_CURVE, "peer's certificate is on a curve that is off" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "peer does not know the CA of our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "peer does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "peer does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "peer finds our certificate out of date" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "peer finds our certificate revoked" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "peer finds nothing in common with us" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "peer does not speak any TLS version of ours" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "peer demands a certificate of us" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, "peer knows no server of the name we asked for" },
};

static const char *
words_for(unsigned long code)
{
	const char *text = ERR_reason_error_string(code);

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (ERR_GET_REASON(code) == reasons[i].reason)
			return reasons[i].words;
	}
	return text ? text : "TLS protocol error";
}

/* What went wrong, in words an operator can act on; static text. */
static const char *
tls_reason(struct conn *c, int ssl_error, bool handshake)
{
	unsigned long code = ERR_peek_last_error();

	if (ssl_error == SSL_ERROR_SYSCALL || c->saved_errno) {
		return handshake ? "peer closed the connection in the TLS handshake"
				 : "peer reset the connection";
	}
	if (ssl_error == SSL_ERROR_ZERO_RETURN ||
	    ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return handshake ? "peer closed the connection in the TLS handshake"
				 : "peer closed the connection without close_notify";
	return words_for(code);
}

static int
tls_failed(struct conn *c, int r, bool handshake)
{
	int ssl_error = SSL_get_error(c->ssl, r);
	int result = CONN_ERROR;

	switch (ssl_error) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		result = CONN_AGAIN;
		break;
	default:
		c->failed = 1;
		c->reason = tls_reason(c, ssl_error, handshake);
		break;
	}
	clear_errors();
	return result;
}

/* RFC 8446, 2.3. 1: there was early data, now in c->unread; 0: there was none; else as tls_io_handshake. */
static int
accept_early(struct conn *c)
{
	unsigned char first[BUFPOOL_LARGE];
	size_t got = 0;

	switch (SSL_read_early_data(c->ssl, first, sizeof(first), &got)) {
	case SSL_READ_EARLY_DATA_SUCCESS:
		c->early_data = 0;
		c->in_early = 1;
		if (got > 0) {
			c->unread = bufpool_borrow(c->pool, got);
			memcpy(c->unread->data, first, got);
			c->unread->end = (unsigned)got;
		}
		c->tls_pending = 1;
		return 1;
	case SSL_READ_EARLY_DATA_FINISH:
		c->early_data = 0;
		return 0;
	default:
		if (!c->unread)
			return tls_failed(c, -1, true);
		clear_errors();
		return CONN_PLAIN;
	}
}

int
tls_io_handshake(struct conn *c)
{
	int r;

	clear_errors();
	r = c->early_data ? accept_early(c) : 0;
	if (r != 0)
		return r;
	r = SSL_do_handshake(c->ssl);
	if (c->unread) {
		clear_errors();
		return CONN_PLAIN;
	}
	if (r == 1) {
		c->tls_pending = SSL_has_pending(c->ssl) != 0;
		return 1;
	}
	return tls_failed(c, r, true);
}

ssize_t
tls_io_read(struct conn *c, void *p, size_t n)
{
	size_t got = 0;
	int r, ssl_error;

	clear_errors();
	c->read_wants_write = 0;
	if (c->in_early) {
		r = SSL_read_early_data(c->ssl, p, n, &got);
		c->tls_pending = SSL_has_pending(c->ssl) != 0;
		if (r == SSL_READ_EARLY_DATA_SUCCESS)
			return (ssize_t)got;
		if (r == SSL_READ_EARLY_DATA_ERROR)
			return tls_failed(c, -1, true);
		c->in_early = 0; /* what follows carries the handshake to its end */
	}
	r = SSL_read_ex(c->ssl, p, n, &got);
	c->tls_pending = SSL_has_pending(c->ssl) != 0;
	if (r == 1)
		return (ssize_t)got;
	ssl_error = SSL_get_error(c->ssl, r);
	if (ssl_error == SSL_ERROR_ZERO_RETURN)
		return CONN_EOF;
	if (ssl_error == SSL_ERROR_WANT_READ)
		c->tls_pending = 0; /* what is left inside is a part of a record */
	if (ssl_error == SSL_ERROR_WANT_WRITE)
		c->read_wants_write = 1;
	return tls_failed(c, r, false);
}

/*
 * May n bytes find too little room (what the kernel counts is memory, up to twice as much), and would it say when there
 * is more (sk_stream_is_writeable)? Where it does not tell, no.
 */
static bool
socket_is_full(struct conn *c, size_t n)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);
	uint32_t queued;

	/* The peer only makes room, and what we took of it is counted. */
	if (c->room >= 2 * n)
		return false;
	if (getsockopt(c->watch.fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return false;
	queued = info[SK_MEMINFO_WMEM_QUEUED];
	c->room = info[SK_MEMINFO_SNDBUF] > queued ? info[SK_MEMINFO_SNDBUF] - queued : 0;
	return c->room < 2 * n && c->room < queued / 2;
}

static void
count_sent(struct conn *c, size_t n)
{
	c->room = c->room > 2 * n ? c->room - (uint32_t)(2 * n) : 0;
}

bool
tls_io_is_full(struct conn *c, size_t n)
{
	if (n < PROBE_AT || c->record_made || !socket_is_full(c, n))
		return false;
	/* Nobody was refused: the kernel must be asked for the event. */
	c->watches_out = 0;
	conn_wait_writable(c);
	return true;
}

ssize_t
tls_io_write(struct conn *c, const void *p, size_t n, int flags)
{
	size_t written = 0;
	int r, ssl_error;

	if (tls_io_is_full(c, n))
		return CONN_AGAIN;
	clear_errors();
	c->tls_more = (flags & MSG_MORE) != 0;
	/* Early data is answered before the client's part of the handshake is there. */
	if (!SSL_is_init_finished(c->ssl) &&
	    SSL_get_early_data_status(c->ssl) == SSL_EARLY_DATA_ACCEPTED)
		r = SSL_write_early_data(c->ssl, p, n, &written);
	else
		r = SSL_write_ex(c->ssl, p, n, &written);
	c->tls_more = 0;
	c->record_made = 0;
	count_sent(c, n);
	if (r == 1)
		return (ssize_t)written;
	ssl_error = SSL_get_error(c->ssl, r);
	c->record_made = ssl_error == SSL_ERROR_WANT_WRITE;
	if (ssl_error == SSL_ERROR_WANT_READ)
		c->write_wants_read = 1;
	/* The socket failed, not TLS: records that have arrived are as good as they were. */
	if (ssl_error == SSL_ERROR_SYSCALL && c->read_after_write_error) {
		c->write_failed = 1;
		c->reason = tls_reason(c, ssl_error, false);
		clear_errors();
		return CONN_ERROR;
	}
	return tls_failed(c, r, false);
}

int
tls_io_shutdown(struct conn *c, int flags)
{
	int r;

	if (SSL_in_init(c->ssl) || c->write_failed)
		return 1;
	clear_errors();
	c->tls_more = (flags & MSG_MORE) != 0;
	r = SSL_shutdown(c->ssl);
	c->tls_more = 0;
	if (r < 0 && SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_WRITE) {
		clear_errors();
		return CONN_AGAIN;
	}
	clear_errors();
	return 1;
}
