/* SPDX-License-Identifier: ISC */
/*
 * fake_tls: certificates as the bundle has them, and handshakes in memory.
 */
#ifndef TESTS_UNIT_PROXY_TLS_FAKE_TLS_H
#define TESTS_UNIT_PROXY_TLS_FAKE_TLS_H

#include "base/buf.h"
#include "proxy/monitor/bundle.h"
#include "tests/unit/libcert/made.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

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

/* Both sides in turn until neither has anything to say. True when both are done. */
static inline bool
fake_handshake(SSL *server, SSL *client)
{
	BIO *a = NULL, *b = NULL;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_connect_state(client);
	for (int i = 0; i < 20; i++) {
		int c = SSL_do_handshake(client), s;
		int reason = SSL_get_error(client, c);

		if (c != 1 && reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE)
			return false;
		s = SSL_do_handshake(server);
		reason = SSL_get_error(server, s);
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
