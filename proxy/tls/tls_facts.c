/* SPDX-License-Identifier: ISC */
/* tls_facts: see tls_facts.h. */
#include "proxy/tls/tls_facts.h"

#include "base/mem.h"

#include <openssl/objects.h>

#include <stdlib.h>
#include <string.h>

static struct span
session_id_of(SSL *ssl)
{
	const SSL_SESSION *session = SSL_get0_session(ssl);
	const unsigned char *id = NULL;
	unsigned n = 0;

	if (session)
		id = SSL_SESSION_get_id(session, &n);
	return span_of(id, n);
}

static struct span
alpn_of(SSL *ssl)
{
	const unsigned char *name = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(ssl, &name, &n);
	return span_of(name, n);
}

static struct span
ciphers_of(SSL *ssl)
{
	const unsigned char *list = NULL;
	size_t n = SSL_get0_raw_cipherlist(ssl, &list);

	return span_of(list, list ? n : 0);
}

/* The bytes of s, at *at, which moves behind them. */
static struct span
put(char **at, struct span s)
{
	char *p = *at;

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*at += s.n;
	return span_of(p, s.n);
}

static STACK_OF(X509) *
chain_of(SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);

	return chain ? X509_chain_up_ref(chain) : NULL;
}

struct tls_facts *
tls_facts_new(SSL *ssl)
{
	struct span id = session_id_of(ssl), alpn = alpn_of(ssl), ciphers = ciphers_of(ssl);
	int count = (int)SSL_get1_groups(ssl, NULL);
	size_t groups = count > 0 ? (size_t)count * sizeof(int) : 0;
	struct tls_facts *f = mem_alloc(sizeof(*f) + groups + id.n + alpn.n + ciphers.n);
	int *numbers = (int *)(f + 1);
	char *at = (char *)numbers + groups;

	*f = (struct tls_facts){
		.version = SSL_get_version(ssl),
		.cipher = SSL_get_cipher_name(ssl),
		.certificate = SSL_get1_peer_certificate(ssl),
		.chain = chain_of(ssl),
		.verdict = SSL_get_verify_result(ssl),
		.group = SSL_get0_session(ssl) ? (int)SSL_get_negotiated_group(ssl) : NID_undef,
		.reused = SSL_session_reused(ssl) == 1,
		.early = !SSL_is_init_finished(ssl) &&
			 SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED,
		.session_id = put(&at, id),
		.alpn = put(&at, alpn),
		.ciphers = put(&at, ciphers),
		.groups = numbers,
		.group_count = groups / sizeof(int),
	};
	if (groups > 0)
		SSL_get1_groups(ssl, numbers);
	return f;
}

void
tls_facts_free(struct tls_facts *f)
{
	if (!f)
		return;
	X509_free(f->certificate);
	sk_X509_pop_free(f->chain, X509_free);
	free(f);
}

const char *
tls_facts_cipher_name(const char pair[2])
{
	/* OpenSSL looks names up by a connection: the process's, made at first use. */
	static SSL *any;
	const SSL_CIPHER *cipher;
	SSL_CTX *ctx;

	if (!any) {
		ctx = SSL_CTX_new(TLS_server_method());
		any = ctx ? SSL_new(ctx) : NULL;
		SSL_CTX_free(ctx);
	}
	cipher = any ? SSL_CIPHER_find(any, (const unsigned char *)pair) : NULL;
	return cipher ? SSL_CIPHER_get_name(cipher) : NULL;
}
