/* SPDX-License-Identifier: ISC */
/* csr: what a request asks for, and requests that are not given what they ask for. */
#include "libcert/csr.h"
#include "tests/unit/libcert/made.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* As openssl.cnf writes extensions: "NAME=VALUE"; ends with NULL. */
struct asked {
	const char *subject;
	const char *extensions[4];
};

static void
made_request(EVP_PKEY *key, struct asked asked, struct buf *pem)
{
	X509_REQ *request = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	X509_NAME *subject = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	X509V3_CTX ctx;
	char *bytes;
	long len;

	assert_int_equal(subject_parse(span_str(asked.subject), &subject, NULL), 0);
	X509_REQ_set_subject_name(request, subject);
	X509_REQ_set_pubkey(request, key);
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, NULL, NULL, request, NULL, 0);
	for (size_t i = 0; asked.extensions[i]; i++) {
		const char *equals = strchr(asked.extensions[i], '=');
		char name[64];
		X509_EXTENSION *extension;

		snprintf(name, sizeof(name), "%.*s", (int)(equals - asked.extensions[i]),
		    asked.extensions[i]);
		extension = X509V3_EXT_nconf(NULL, &ctx, name, equals + 1);
		assert_non_null(extension);
		sk_X509_EXTENSION_push(extensions, extension);
	}
	if (sk_X509_EXTENSION_num(extensions) > 0)
		X509_REQ_add_extensions(request, extensions);
	assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	PEM_write_bio_X509_REQ(bio, request);
	len = BIO_get_mem_data(bio, &bytes);
	buf_reset(pem);
	buf_add(pem, span_of(bytes, (size_t)len));
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_NAME_free(subject);
	X509_REQ_free(request);
	BIO_free(bio);
}

static void
what_is_asked_for_is_read(void **state)
{
	EVP_PKEY *key = made_key("ec");
	struct buf pem;
	struct csr csr;

	buf_init(&pem, 65536);
	made_request(key,
	    (struct asked){ "/O=Example/CN=a.example",
		{ "subjectAltName=DNS:B.example,IP:192.0.2.1", "basicConstraints=CA:FALSE",
		    "extendedKeyUsage=serverAuth,clientAuth" } },
	    &pem);
	assert_int_equal(csr_parse(buf_span(&pem), &csr, NULL), 0);
	assert_int_equal(EVP_PKEY_eq(csr.key, key), 1);
	assert_int_equal(X509_NAME_entry_count(csr.subject), 2);
	assert_int_equal(csr.names.count, 2);
	assert_string_equal(csr.names.items[0].text, "b.example");
	assert_true(csr.server && csr.client);
	csr_release(&csr);
	made_request(key, (struct asked){ "/CN=Jane Doe", { NULL } }, &pem);
	assert_int_equal(csr_parse(buf_span(&pem), &csr, NULL), 0);
	assert_int_equal(csr.names.count, 0);
	assert_false(csr.server || csr.client);
	csr_release(&csr);
	buf_release(&pem);
	EVP_PKEY_free(key);
}

static void
what_is_not_given_is_refused(void **state)
{
	static const struct {
		const char *extension, *why;
	} cases[] = {
		{ "basicConstraints=CA:TRUE", "to be a CA" },
		{ "extendedKeyUsage=codeSigning", "Code Signing" },
		{ "extendedKeyUsage=1.2.3.4", "1.2.3.4" },
		{ "tlsfeature=status_request", "TLS Feature" },
		{ "subjectAltName=DNS:a..b", "empty label" },
		{ "subjectAltName=RID:1.2.3.4", "no DNS name" },
	};
	EVP_PKEY *key = made_key("ec");
	struct buf pem;
	struct csr csr;

	buf_init(&pem, 65536);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = ERR_INIT;

		made_request(key, (struct asked){ "/CN=a.example", { cases[i].extension } }, &pem);
		assert_int_equal(csr_parse(buf_span(&pem), &csr, &e), -1);
		assert_non_null(strstr(err_text(&e), cases[i].why));
		assert_int_equal(e.kind, ERR_DATA);
		err_release(&e);
	}
	buf_release(&pem);
	EVP_PKEY_free(key);
}

static void
broken_requests_are_refused(void **state)
{
	EVP_PKEY *key = made_key("ec"), *weak = EVP_RSA_gen(1024);
	X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;
	struct buf pem;
	struct csr csr;
	int len;

	buf_init(&pem, 65536);
	assert_refused(csr_parse(SPAN(""), &csr, &e), "empty");
	assert_refused(csr_parse(SPAN("no request"), &csr, &e),
	    "not a certificate signing request");
	made_request(weak, (struct asked){ "/CN=a.example", { NULL } }, &pem);
	assert_refused(csr_parse(buf_span(&pem), &csr, &e), "too weak");
	/* DER, signed by another key than the one inside. */
	X509_REQ_set_pubkey(request, key);
	assert_true(X509_REQ_sign(request, weak, EVP_sha256()) > 0);
	len = i2d_X509_REQ(request, &der);
	assert_true(len > 0);
	assert_refused(csr_parse(span_of(der, (size_t)len), &csr, &e), "its own key");
	assert_refused(csr_parse(span_of(der, (size_t)len - 1), &csr, &e),
	    "not a certificate signing");
	OPENSSL_free(der);
	buf_release(&pem);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	EVP_PKEY_free(weak);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_for_is_read),
		cmocka_unit_test(what_is_not_given_is_refused),
		cmocka_unit_test(broken_requests_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
