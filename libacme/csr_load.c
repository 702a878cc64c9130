/* SPDX-License-Identifier: ISC */
/*
 * csr_load: a PKCS#10 request from a file, and the names it asks for.
 */
#include "base/file.h"
#include "base/mem.h"
#include "libacme/csr.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#define FILE_MAX ((size_t)64 * 1024)
#define NAMES_MAX 200

static void
free_req(void *req)
{
	X509_REQ_free(req);
}

static int
parse(struct span text, struct arena *arena, struct csr *csr)
{
	const unsigned char *p = (const unsigned char *)text.p;
	unsigned char *der = NULL;
	BIO *bio;
	int n;

	if (text.n && text.p[0] == 0x30) {
		csr->req = d2i_X509_REQ(NULL, &p, (long)text.n);
	} else {
		bio = BIO_new_mem_buf(text.p, (int)text.n);
		csr->req = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
		BIO_free(bio);
	}
	if (!csr->req)
		return -1;
	arena_on_free(arena, free_req, csr->req);
	n = i2d_X509_REQ(csr->req, &der);
	if (n <= 0)
		return -1;
	csr->der = arena_dup(arena, span_of(der, (size_t)n));
	OPENSSL_free(der);
	return 0;
}

static void
add_name(struct csr *csr, struct span name)
{
	for (size_t i = 0; i < csr->name_count; i++) {
		if (span_eq_nocase(csr->names[i], name))
			return;
	}
	if (csr->name_count < NAMES_MAX)
		csr->names[csr->name_count++] = name;
}

static void
add_common_name(struct csr *csr, struct arena *arena)
{
	char text[256];
	int n = X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(csr->req), NID_commonName, text,
	    sizeof(text));

	if (n > 0 && (size_t)n < sizeof(text) && strlen(text) == (size_t)n)
		add_name(csr, arena_dup(arena, span_str(text)));
}

/* Other kinds of names make the request one that no ACME CA can serve. */
static int
add_alternative(struct csr *csr, struct arena *arena, const GENERAL_NAME *name)
{
	char text[INET6_ADDRSTRLEN];
	int type, family;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	struct span bytes =
	    span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));

	if (type == GEN_DNS && !memchr(bytes.p, 0, bytes.n)) {
		add_name(csr, arena_dup(arena, bytes));
		return 0;
	}
	if (type != GEN_IPADD || (bytes.n != 4 && bytes.n != 16))
		return -1;
	family = bytes.n == 4 ? AF_INET : AF_INET6;
	if (!inet_ntop(family, bytes.p, text, sizeof(text)))
		return -1;
	add_name(csr, arena_dup(arena, span_str(text)));
	return 0;
}

static int
read_names(struct csr *csr, struct arena *arena, struct err *e)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr->req);
	GENERAL_NAMES *list = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
	int rc = 0;

	csr->names = arena_array(arena, NAMES_MAX, sizeof(*csr->names));
	add_common_name(csr, arena);
	for (int i = 0; rc == 0 && i < sk_GENERAL_NAME_num(list); i++) {
		if (add_alternative(csr, arena, sk_GENERAL_NAME_value(list, i)) < 0)
			rc = err_set(e, ERR_DATA,
			    "it asks for a name that is neither a host name nor an IP address");
	}
	if (rc == 0 && csr->name_count == 0)
		rc = err_set(e, ERR_DATA, "it asks for no name");
	GENERAL_NAMES_free(list);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return rc;
}

int
csr_load(const char *path, struct arena *arena, struct csr *csr, struct err *e)
{
	EVP_PKEY *key;
	struct buf text;
	int rc = -1;

	*csr = (struct csr){ .name_count = 0 };
	/* It may be a file that holds the key as well. */
	buf_init_secret(&text, FILE_MAX);
	if (file_read(path, &text, e) < 0)
		goto out;
	if (parse(buf_span(&text), arena, csr) < 0) {
		err_set_openssl(e, ERR_DATA, "it is no certificate request (PKCS#10)");
	} else {
		key = X509_REQ_get0_pubkey(csr->req);
		if (!key || X509_REQ_verify(csr->req, key) != 1)
			err_set_openssl(e, ERR_DATA, "its signature does not hold");
		else
			rc = read_names(csr, arena, e);
	}
	if (rc < 0)
		err_wrap(e, "cannot use %s", path);
out:
	buf_release(&text);
	return rc;
}
