/* SPDX-License-Identifier: ISC */
/* client_trust: see client_trust.h. */
#include "proxy/tls/client_trust.h"

#include "base/buf.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <stdint.h>
#include <stdlib.h>

int
client_trust_load(SSL_CTX *ctx, const struct tls_text *t, STACK_OF(X509_NAME) *names, struct err *e)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	STACK_OF(X509_INFO) *all = NULL;
	BIO *in;
	int rc = 0;

	if (t->text.n == 0)
		return 0;
	in = BIO_new_mem_buf(t->text.p, (int)t->text.n);
	if (in)
		all = PEM_X509_INFO_read_bio(in, NULL, NULL, NULL);
	if (!all)
		rc = err_set_openssl(e, ERR_DATA, "cannot parse \"" SPAN_FMT "\"",
		    SPAN_ARG(t->path));
	for (int i = 0; rc == 0 && i < sk_X509_INFO_num(all); i++) {
		const X509_INFO *info = sk_X509_INFO_value(all, i);
		X509_NAME *name = NULL;

		if ((info->x509 && X509_STORE_add_cert(store, info->x509) != 1) ||
		    (info->crl && X509_STORE_add_crl(store, info->crl) != 1))
			rc = err_set_openssl(e, ERR_DATA, "cannot use \"" SPAN_FMT "\"",
			    SPAN_ARG(t->path));
		if (names && info->x509)
			name = X509_NAME_dup(X509_get_subject_name(info->x509));
		if (name && sk_X509_NAME_push(names, name) == 0)
			X509_NAME_free(name);
	}
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	BIO_free(in);
	return rc;
}

/* The verdict is kept by OpenSSL and looked at with the request. */
static int
on_verify(int ok, X509_STORE_CTX *store)
{
	return 1;
}

int
client_trust_set(SSL_CTX *ctx, const struct tls_settings *s, struct err *e)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	int rc = client_trust_load(ctx, &s->client_ca, names, e);

	if (rc == 0)
		rc = client_trust_load(ctx, &s->trusted_ca, NULL, e);
	if (rc == 0)
		rc = client_trust_load(ctx, &s->crl, NULL, e);
	SSL_CTX_set_client_CA_list(ctx, names); /* taken */
	if (s->crl.text.n > 0)
		X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx),
		    X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	SSL_CTX_set_verify_depth(ctx, (int)s->verify_depth);
	if (s->verify != TLS_VERIFY_OFF)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, on_verify);
	return rc;
}

static void
add_field(struct buf *out, struct span s)
{
	buf_printf(out, " %zu:", s.n);
	(void)buf_add(out, s);
}

void
client_trust_digest(const struct tls_settings *s, unsigned char digest[CLIENT_TRUST_DIGEST])
{
	struct buf all;

	buf_init(&all, SIZE_MAX / 2);
	if (s->verify != TLS_VERIFY_OFF) {
		buf_printf(&all, "%u %u", s->verify, s->verify_depth);
		add_field(&all, s->client_ca.text);
		add_field(&all, s->trusted_ca.text);
		add_field(&all, s->crl.text);
	}
	if (EVP_Digest(all.len ? all.p : "", all.len, digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
	buf_release(&all);
}

bool
client_trust_is_about_ca(long verify_result)
{
	switch (verify_result) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return true;
	default:
		return false;
	}
}

long
client_trust_judge(const struct tls_facts *f, SSL_CTX *ctx)
{
	X509 *cert = f->certificate;
	X509_STORE_CTX *verification;
	X509_VERIFY_PARAM *param;
	long result = X509_V_ERR_UNSPECIFIED;

	if (!cert)
		return X509_V_OK;
	verification = X509_STORE_CTX_new();
	if (verification &&
	    X509_STORE_CTX_init(verification, SSL_CTX_get_cert_store(ctx), cert, f->chain) == 1) {
		X509_STORE_CTX_set_default(verification, "ssl_client");
		param = X509_STORE_CTX_get0_param(verification);
		X509_VERIFY_PARAM_set_depth(param, SSL_CTX_get_verify_depth(ctx));
		/* As OpenSSL in a handshake: weak keys and digests are none to trust. */
		X509_VERIFY_PARAM_set_auth_level(param, SSL_CTX_get_security_level(ctx));
		/* It looks at everything, and the last that is wrong counts. */
		X509_STORE_CTX_set_verify_cb(verification, on_verify);
		(void)X509_verify_cert(verification);
		result = X509_STORE_CTX_get_error(verification);
	}
	X509_STORE_CTX_free(verification);
	ERR_clear_error();
	return result;
}
