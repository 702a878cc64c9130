/* SPDX-License-Identifier: ISC */
/*
 * csr: PKCS#10 with a subjectAltName. The subject stays empty: CAs ignore a common name or
 * refuse one that is too long, and the names that count are the alternative ones.
 */
#include "libacme/csr.h"

#include "libcert/name.h"

#include <openssl/x509v3.h>

#define CSR_MAX ((size_t)64 * 1024)

bool
csr_name_is_ip(struct span name)
{
	unsigned char ip[16];

	return name_ip_literal(name, ip) > 0;
}

static GENERAL_NAME *
make_name(struct span name)
{
	GENERAL_NAME *general = GENERAL_NAME_new();
	unsigned char ip[16];
	size_t ip_len = name_ip_literal(name, ip);
	ASN1_STRING *text = ip_len ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	if (!general || !text ||
	    ASN1_STRING_set(text, ip_len ? (const void *)ip : name.p,
		(int)(ip_len ? ip_len : name.n)) != 1) {
		ASN1_STRING_free(text);
		GENERAL_NAME_free(general);
		return NULL;
	}
	GENERAL_NAME_set0_value(general, ip_len ? GEN_IPADD : GEN_DNS, text);
	return general;
}

static int
add_names(STACK_OF(X509_EXTENSION) **extensions, const struct span *names, size_t count)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	int rc = -1;

	if (!list)
		goto out;
	for (size_t i = 0; i < count; i++) {
		GENERAL_NAME *name = make_name(names[i]);

		if (!name || sk_GENERAL_NAME_push(list, name) <= 0) {
			GENERAL_NAME_free(name);
			goto out;
		}
	}
	if (X509V3_add1_i2d(extensions, NID_subject_alt_name, list, 0, X509V3_ADD_APPEND) == 1)
		rc = 0;
out:
	GENERAL_NAMES_free(list);
	return rc;
}

/* Feature 5, status_request. */
static int
add_must_staple(STACK_OF(X509_EXTENSION) *extensions)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_tlsfeature, "5");

	if (extension && sk_X509_EXTENSION_push(extensions, extension) > 0)
		return 0;
	X509_EXTENSION_free(extension);
	return -1;
}

static int
add_extensions(X509_REQ *req, const struct span *names, size_t count, bool must_staple)
{
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	int rc = -1;

	if (extensions && add_names(&extensions, names, count) == 0 &&
	    (!must_staple || add_must_staple(extensions) == 0) &&
	    X509_REQ_add_extensions(req, extensions) == 1)
		rc = 0;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return rc;
}

int
csr_build(EVP_PKEY *key, const struct span *names, size_t count, bool must_staple, struct buf *out,
    struct err *e)
{
	bool own_digest = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
	X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int n = 0, rc = -1;

	if (req && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
	    X509_REQ_set_pubkey(req, key) == 1 &&
	    add_extensions(req, names, count, must_staple) == 0 &&
	    X509_REQ_sign(req, key, own_digest ? NULL : EVP_sha256()) > 0)
		n = i2d_X509_REQ(req, &der);
	if (n > 0 && (size_t)n <= CSR_MAX)
		rc = buf_add(out, span_of(der, (size_t)n));
	if (rc < 0)
		err_set_openssl(e, ERR_BUG, "cannot build the certificate request");
	OPENSSL_free(der);
	X509_REQ_free(req);
	return rc;
}
