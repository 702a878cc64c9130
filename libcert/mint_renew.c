/* SPDX-License-Identifier: ISC */
/*
 * Once more what an old certificate was.
 */
#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/certpair.h"
#include "libcert/mint_internal.h"
#include "libcert/x509info.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdlib.h>

static int
take_names(struct mint_request *r, X509 *old, struct err *e)
{
	GENERAL_NAMES *san = X509_get_ext_d2i(old, NID_subject_alt_name, NULL, NULL);
	int rc = name_list_add_san(&r->names, san, e);

	GENERAL_NAMES_free(san);
	ERR_clear_error();
	if (rc < 0) {
		if (e && e->kind == ERR_USAGE)
			e->kind = ERR_DATA; /* nobody typed it */
		return err_wrap(e, "%s", r->renew_path);
	}
	r->subject = X509_NAME_dup(X509_get_subject_name(old));
	return r->subject ? 0 : err_set_openssl(e, ERR_BUG, "cannot copy a subject");
}

static enum x509gen_use
use_of(X509 *old)
{
	uint32_t uses = X509_get_extended_key_usage(old);

	/* Without the extension every use is allowed: UINT32_MAX. A server is what people mean. */
	if (uses == UINT32_MAX || !(uses & XKU_SSL_CLIENT))
		return X509GEN_SERVER;
	return uses & XKU_SSL_SERVER ? X509GEN_PEER : X509GEN_CLIENT;
}

/* The key's file: named, the certificate's own, or the one beside it. */
static char *
key_path_of(const struct mint_request *r)
{
	EVP_PKEY *key = NULL;
	char *path;

	if (r->key_path)
		return mem_strdup(r->key_path);
	if (r->key_from)
		return mem_strdup(r->key_from);
	if (pkey_load(r->renew_path, NULL, &key, NULL) == 0)
		path = mem_strdup(r->renew_path);
	else
		path = certpair_key_name(r->renew_path);
	EVP_PKEY_free(key);
	return path;
}

/* Whose key it is that will be written over. */
static int
check_key(struct minting *m, X509 *old, struct err *e)
{
	const char *path = m->minted->key_path;
	EVP_PKEY *key = NULL;
	int rc = 0;

	if (m->request->key_from)
		return 0;
	if (pkey_load(path, NULL, &key, e) < 0) {
		err_wrap(e, "cannot renew %s without its key", m->request->renew_path);
		return err_hint(e, "say where it is with -keyout; for somebody else's key, --csr");
	}
	if (!x509info_key_matches(old, key))
		rc = err_set(e, ERR_DATA, "%s is not the key of %s", path, m->request->renew_path);
	EVP_PKEY_free(key);
	return rc;
}

/* A new key is of the old one's kind, if that is one we make. */
static int
take_key_spec(struct mint_request *r, X509 *old, struct err *e)
{
	EVP_PKEY *key = X509_get0_pubkey(old);
	char words[32], *spec;
	int rc;

	if (r->key_spec_given || r->reuse_key || r->key_from)
		return 0;
	if (!key)
		return err_set_openssl(e, ERR_DATA, "%s: its key cannot be read", r->renew_path);
	pkey_describe(key, words);
	/* "RSA 2048", "ECDSA P-256", "Ed25519" */
	for (char *c = words; *c; c++) {
		if (*c == ' ')
			*c = ':';
	}
	spec = mem_strdup(words);
	rc = pkey_spec_parse(span_str(spec), &r->key_spec, e);
	free(spec);
	if (rc < 0)
		return err_hint(e, "say which key to make: -newkey ec:P-256");
	return 0;
}

/* Not X509_check_issued: a self-signed leaf may not sign certificates, and yet it signed this one. */
static bool
issued_by(X509 *cert, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool is = key && X509_verify(cert, key) == 1 &&
		  X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) == 0;

	ERR_clear_error();
	return is;
}

/* By whom: itself, or the local CA (given, or the usual one). */
static int
find_issuer(struct minting *m, X509 *old, struct err *e)
{
	char *dir;
	int rc = -1;

	if (m->ca || issued_by(old, old))
		return 0;
	dir = local_ca_default_dir(NULL);
	if (dir && local_ca_open(dir, &m->ca, NULL) == 0 && issued_by(old, local_ca_cert(m->ca)))
		rc = 0;
	free(dir);
	if (rc == 0)
		return 0;
	err_set(e, ERR_DATA, "%s was signed neither by itself nor by the local CA",
	    m->request->renew_path);
	return err_hint(e,
	    "--ca lets the local CA sign the new one; --ca-dir says which CA it was");
}

int
mint_renew(struct minting *m, struct err *e)
{
	struct mint_request *r = m->request;
	STACK_OF(X509) *certs = NULL;
	X509 *old;
	int rc = -1;

	m->minted->cert_path = mem_strdup(r->renew_path);
	m->minted->key_path = key_path_of(r);
	mint_recover(m);
	if (x509info_load(r->renew_path, &certs, e) < 0)
		return -1;
	old = sk_X509_value(certs, 0);
	m->minted->use = use_of(old);
	m->keep = true;
	m->not_after =
	    x509info_time(X509_get0_notAfter(old)) - x509info_time(X509_get0_notBefore(old));
	if (m->not_after <= 0)
		err_set(e, ERR_DATA, "%s ends before it begins", r->renew_path);
	else if (take_names(r, old, e) == 0 && check_key(m, old, e) == 0 &&
		 take_key_spec(r, old, e) == 0)
		rc = find_issuer(m, old, e);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}
