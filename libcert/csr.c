/* SPDX-License-Identifier: ISC */
/*
 * Signing requests: what they ask for, checked word by word, so that nothing asked for is silently left out.
 */
#include "libcert/csr.h"

#include "base/file.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define CSR_MAX ((size_t)256 * 1024)
/* NIST SP 800-57: RSA 2048, a curve of 224 bits. */
#define SECURITY_BITS_MIN 112

static X509_REQ *
decode(struct span text)
{
	const unsigned char *der = (const unsigned char *)text.p;
	X509_REQ *request = NULL;
	BIO *bio;

	if (text.n > 0 && (unsigned char)text.p[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED)) {
		request = d2i_X509_REQ(NULL, &der, (long)text.n);
		if (request && der != (const unsigned char *)text.p + text.n) {
			X509_REQ_free(request);
			request = NULL;
		}
		return request;
	}
	bio = BIO_new_mem_buf(text.p, (int)text.n);
	if (bio)
		request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return request;
}

static int
take_key(X509_REQ *request, struct csr *csr, struct err *e)
{
	csr->key = X509_REQ_get_pubkey(request);
	if (!csr->key)
		return err_set_openssl(e, ERR_DATA, "its public key cannot be read");
	if (X509_REQ_verify(request, csr->key) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_DATA, "it is not signed with its own key");
	}
	if (EVP_PKEY_get_security_bits(csr->key) < SECURITY_BITS_MIN)
		return err_set(e, ERR_DATA, "its key is too weak (%d bits)",
		    EVP_PKEY_get_bits(csr->key));
	csr->subject = X509_NAME_dup(X509_REQ_get_subject_name(request));
	return csr->subject ? 0 : err_set_openssl(e, ERR_BUG, "cannot copy a subject");
}

/* ---- extensions ---- */

static int
take_names(const X509_EXTENSION *extension, struct csr *csr, struct err *e)
{
	GENERAL_NAMES *san = X509V3_EXT_d2i((X509_EXTENSION *)(uintptr_t)extension);
	int rc = san ? name_list_add_san(&csr->names, san, e)
		     : err_set(e, ERR_DATA, "its subjectAltName cannot be read");

	GENERAL_NAMES_free(san);
	return rc;
}

static int
check_constraints(const X509_EXTENSION *extension, struct err *e)
{
	BASIC_CONSTRAINTS *bc = X509V3_EXT_d2i((X509_EXTENSION *)(uintptr_t)extension);
	bool ca = bc && bc->ca;
	bool read = bc != NULL;

	BASIC_CONSTRAINTS_free(bc);
	if (!read)
		return err_set(e, ERR_DATA, "its basicConstraints cannot be read");
	return ca ? err_set(e, ERR_DATA, "it asks to be a CA (CA:TRUE)") : 0;
}

static int
take_usages(const X509_EXTENSION *extension, struct csr *csr, struct err *e)
{
	EXTENDED_KEY_USAGE *usages = X509V3_EXT_d2i((X509_EXTENSION *)(uintptr_t)extension);
	int rc = usages ? 0 : err_set(e, ERR_DATA, "its extendedKeyUsage cannot be read");

	for (int i = 0; rc == 0 && i < sk_ASN1_OBJECT_num(usages); i++) {
		char name[80];

		switch (OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i))) {
		case NID_server_auth:
			csr->server = true;
			break;
		case NID_client_auth:
			csr->client = true;
			break;
		case NID_email_protect:
			break; /* follows from an e-mail address among the names */
		default:
			OBJ_obj2txt(name, sizeof(name), sk_ASN1_OBJECT_value(usages, i), 0);
			rc = err_set(e, ERR_DATA,
			    "it asks for the usage \"%s\", which is not given", name);
		}
	}
	EXTENDED_KEY_USAGE_free(usages);
	return rc;
}

static int
take_extension(X509_EXTENSION *extension, struct csr *csr, struct err *e)
{
	char name[80];

	switch (OBJ_obj2nid(X509_EXTENSION_get_object(extension))) {
	case NID_subject_alt_name:
		return take_names(extension, csr, e);
	case NID_basic_constraints:
		return check_constraints(extension, e);
	case NID_ext_key_usage:
		return take_usages(extension, csr, e);
	case NID_key_usage:
	case NID_subject_key_identifier:
		return 0; /* both follow from the key */
	default:
		OBJ_obj2txt(name, sizeof(name), X509_EXTENSION_get_object(extension), 0);
		return err_set(e, ERR_DATA, "it asks for the extension \"%s\", which is not given",
		    name);
	}
}

static int
take_extensions(X509_REQ *request, struct csr *csr, struct err *e)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
	int rc = 0;

	for (int i = 0; rc == 0 && i < sk_X509_EXTENSION_num(extensions); i++)
		rc = take_extension(sk_X509_EXTENSION_value(extensions, i), csr, e);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	ERR_clear_error();
	return rc;
}

int
csr_parse(struct span text, struct csr *csr, struct err *e)
{
	X509_REQ *request;
	int rc = -1;

	*csr = (struct csr){ 0 };
	if (text.n == 0 || text.n > CSR_MAX)
		return err_set(e, ERR_DATA, "%s",
		    text.n ? "too large to be a signing request" : "empty, not a signing request");
	ERR_clear_error();
	request = decode(text);
	if (!request) {
		ERR_clear_error();
		return err_set(e, ERR_DATA, "not a certificate signing request in PEM or DER form");
	}
	if (take_key(request, csr, e) == 0)
		rc = take_extensions(request, csr, e);
	X509_REQ_free(request);
	if (rc < 0)
		csr_release(csr);
	if (rc < 0 && e && e->kind == ERR_USAGE)
		e->kind = ERR_DATA; /* a name, but not one that was typed */
	return rc;
}

int
csr_load(const char *path, struct csr *csr, struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, CSR_MAX);
	rc = file_read(path, &text, e);
	if (rc == 0) {
		rc = csr_parse(buf_span(&text), csr, e);
		if (rc < 0)
			err_wrap(e, "%s", path);
	}
	buf_release(&text);
	return rc;
}

void
csr_release(struct csr *csr)
{
	EVP_PKEY_free(csr->key);
	X509_NAME_free(csr->subject);
	name_list_release(&csr->names);
	*csr = (struct csr){ 0 };
}
