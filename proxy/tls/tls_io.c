/* SPDX-License-Identifier: ISC */
/* tls_io: see tls_io.h. */
#include "proxy/tls/tls_io.h"

#include "proxy/net/conn_socket.h"
#include "proxy/tls/record_layer.h"
#include "proxy/tls/tls_internal.h"
#include "proxy/tls/tls_reason.h"

#include <openssl/bio.h>
#include <openssl/err.h>

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
	ssize_t sent = conn_socket_send(c, p, (size_t)n, more ? MSG_MORE : 0);

	BIO_clear_retry_flags(bio);
	if (sent == CONN_AGAIN)
		BIO_set_retry_write(bio);
	return sent > 0 ? (int)sent : -1;
}

/* The first bytes of a connection, in c->sealed_in: are they none of TLS, but a request? */
static bool
keep_plain(struct conn *c)
{
	char first = c->sealed_in->data[0];

	c->accept_plain = 0;
	if (first < 'A' || first > 'Z')
		return false;
	c->unread = c->sealed_in;
	c->sealed_in = NULL;
	return true;
}

/* As conn_socket_recv, into c->sealed_in. */
static ssize_t
receive_ahead(struct conn *c)
{
	struct chunk *k = bufpool_borrow(c->pool, BUFPOOL_SMALL);
	ssize_t r = conn_socket_recv(c, k->data, k->size);

	if (r > 0) {
		k->end = (unsigned)r;
		c->sealed_in = k;
	} else {
		bufpool_return(c->pool, k);
	}
	return r;
}

/*
 * As conn_socket_recv. A client's handshake OpenSSL gets as it asks for it, so that what follows is left to whoever takes
 * over; with few calls all the same.
 */
static ssize_t
receive(struct conn *c, char *p, size_t n)
{
	bool ahead = c->handshaking && SSL_is_server(c->ssl);
	ssize_t r = 1;

	if (!c->sealed_in && !ahead)
		return conn_socket_recv(c, p, n);
	if (!c->sealed_in)
		r = receive_ahead(c);
	if (r <= 0)
		return r;
	if (c->accept_plain && keep_plain(c))
		return CONN_ERROR;
	return (ssize_t)bufpool_take(c->pool, &c->sealed_in, p, n);
}

static int
bio_read(BIO *bio, char *p, int n)
{
	struct conn *c = BIO_get_data(bio);
	ssize_t r = receive(c, p, (size_t)n);

	BIO_clear_retry_flags(bio);
	if (r == CONN_AGAIN)
		BIO_set_retry_read(bio);
	else if (r == CONN_EOF)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	if (r == CONN_EOF)
		return 0;
	return r > 0 ? (int)r : -1;
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

void
tls_io_note_pending(struct conn *c)
{
	c->tls_pending = c->unread || c->sealed_in || (c->ssl && SSL_has_pending(c->ssl)) ||
			 (c->records && record_layer_has_ended(c->records));
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

static const char *
reason_for(struct conn *c, int ssl_error, bool handshake)
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
	return tls_reason_of(code);
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
		c->reason = reason_for(c, ssl_error, handshake);
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
		tls_client_note(c);
		SSL_set_read_ahead(c->ssl, 1);
		c->early_data = 0;
		c->in_early = 1;
		if (got > 0)
			c->unread = bufpool_keep(c->pool, span_of(first, got));
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

static void
handshake_done(struct conn *c)
{
	if (SSL_is_server(c->ssl)) {
		tls_client_note(c);
		tls_handover(c);
	}
	if (c->ssl)
		SSL_set_read_ahead(c->ssl, 1);
	tls_io_note_pending(c);
}

static int
shake_hands(struct conn *c)
{
	int r = SSL_do_handshake(c->ssl);

	if (c->unread) {
		clear_errors();
		return CONN_PLAIN;
	}
	if (r != 1)
		return tls_failed(c, r, true);
	handshake_done(c);
	return 1;
}

int
tls_io_handshake(struct conn *c)
{
	struct accept_state *state = SSL_is_server(c->ssl) ? tls_accept_state(c->ssl) : NULL;
	int r;

	clear_errors();
	key_schedule_follow(state ? &state->secrets : NULL);
	r = c->early_data ? accept_early(c) : 0;
	if (r == 0)
		r = shake_hands(c);
	key_schedule_follow(NULL);
	return r;
}

ssize_t
tls_io_read(struct conn *c, void *p, size_t n)
{
	size_t got = 0;
	int r, ssl_error;

	if (c->records)
		return record_layer_read(c, p, n);
	clear_errors();
	c->read_wants_write = 0;
	if (c->in_early) {
		r = SSL_read_early_data(c->ssl, p, n, &got);
		tls_io_note_pending(c);
		if (r == SSL_READ_EARLY_DATA_SUCCESS)
			return (ssize_t)got;
		if (r == SSL_READ_EARLY_DATA_ERROR)
			return tls_failed(c, -1, true);
		c->in_early = 0; /* what follows carries the handshake to its end */
	}
	r = SSL_read_ex(c->ssl, p, n, &got);
	tls_io_note_pending(c);
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

/* As many at a time as are likely to find room: those that do not are kept. */
static ssize_t
write_records(struct conn *c, const void *p, size_t n, int flags)
{
	size_t most = c->room / 2 < BUFPOOL_LARGE ? BUFPOOL_LARGE : c->room / 2;
	ssize_t taken = record_layer_write(c, p, n < most ? n : most, flags);

	if (taken > 0)
		count_sent(c, (size_t)taken);
	return taken;
}

ssize_t
tls_io_write(struct conn *c, const void *p, size_t n, int flags)
{
	size_t written = 0;
	int r, ssl_error;

	if (tls_io_is_full(c, n))
		return CONN_AGAIN;
	if (c->records)
		return write_records(c, p, n, flags);
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
		c->reason = reason_for(c, ssl_error, false);
		clear_errors();
		return CONN_ERROR;
	}
	return tls_failed(c, r, false);
}

int
tls_io_shutdown(struct conn *c, int flags)
{
	int r;

	if (c->write_failed)
		return 1;
	if (c->records)
		return record_layer_shutdown(c, flags);
	if (SSL_in_init(c->ssl))
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
