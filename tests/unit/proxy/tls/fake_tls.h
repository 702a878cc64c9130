/* SPDX-License-Identifier: ISC */
/*
 * fake_tls: certificates as the bundle has them, and handshakes over a socket pair.
 */
#ifndef TESTS_UNIT_PROXY_TLS_FAKE_TLS_H
#define TESTS_UNIT_PROXY_TLS_FAKE_TLS_H

#include "base/buf.h"
#include "proxy/monitor/bundle.h"
#include "proxy/tls/tls_io.h"
#include "tests/unit/libcert/made.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <sys/socket.h>

/* A BUNDLE_CERTIFICATE entry, on the heap. */
static inline struct span
fake_entry(X509 *const *chain, uint32_t count, EVP_PKEY *key)
{
	struct bundle_certificate head = { .chain_count = count };
	unsigned char *der = NULL;
	struct buf body, all;
	size_t n;
	int len;

	buf_init(&body, 1 << 20);
	buf_init(&all, 1 << 20);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t length;

		len = i2d_X509(chain[i], &der);
		assert_true(len > 0);
		length = (uint32_t)len;
		assert_int_equal(buf_add(&body, span_of(&length, sizeof(length))), 0);
		assert_int_equal(buf_add(&body, span_of(der, length)), 0);
		OPENSSL_free(der);
		der = NULL;
	}
	head.chain_bytes = (uint32_t)body.len;
	len = i2d_PrivateKey(key, &der);
	assert_true(len > 0);
	head.key_bytes = (uint32_t)len;
	assert_int_equal(buf_add(&body, span_of(der, (size_t)len)), 0);
	OPENSSL_free(der);
	assert_int_equal(EVP_Digest(body.p, body.len, head.digest, NULL, EVP_sha256(), NULL), 1);
	assert_int_equal(buf_add(&all, span_of(&head, sizeof(head))), 0);
	assert_int_equal(buf_add(&all, buf_span(&body)), 0);
	buf_release(&body);
	all.p = buf_detach(&all, &n);
	return span_of(all.p, n);
}

/* Self-signed for names. */
static inline struct span
fake_site(const char *key_type, const char *names)
{
	EVP_PKEY *key = made_key(key_type);
	X509 *cert = made_cert(key, names, (struct made_options){ 0 });
	struct span entry = fake_entry(&cert, 1, key);

	X509_free(cert);
	EVP_PKEY_free(key);
	return entry;
}

static inline void
fake_entry_free(struct span entry)
{
	free((void *)(uintptr_t)entry.p);
}

/* Our BIO under server->ssl, the client at the other end of a socket pair; close server->watch.fd. */
static inline void
fake_join(struct conn *server, SSL *client)
{
	BIO *bio;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	server->watch.fd = pair[0];
	server->writable = 1;
	tls_io_attach(server);
	bio = BIO_new_socket(pair[1], BIO_CLOSE);
	SSL_set_bio(client, bio, bio);
	SSL_set_connect_state(client);
}

/* What the loop would tell. */
static inline SSL *
fake_readable(struct conn *server)
{
	server->readable = 1;
	return server->ssl;
}

/* Both sides in turn until neither has anything to say. True when both are done. */
static inline bool
fake_handshake(struct conn *server, SSL *client)
{
	fake_join(server, client);
	for (int i = 0; i < 20; i++) {
		int c = SSL_do_handshake(client), s;
		int reason = SSL_get_error(client, c);

		if (c != 1 && reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE)
			return false;
		s = SSL_do_handshake(fake_readable(server));
		reason = SSL_get_error(server->ssl, s);
		if (s == 1 && c == 1)
			return true;
		if (s != 1 && reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
			/* Let the client see the alert. */
			ERR_clear_error();
			SSL_do_handshake(client);
			return false;
		}
	}
	return false;
}

/* Common name of what the server showed, "" when nothing. */
static inline const char *
fake_common_name(SSL *client)
{
	static char name[256];
	X509 *cert = SSL_get0_peer_certificate(client);

	name[0] = '\0';
	if (cert)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name,
		    sizeof(name));
	return name;
}

#endif
