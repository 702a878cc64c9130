/* SPDX-License-Identifier: ISC */
/*
 * Certificates made by ourselves.
 *
 * Extensions are built from structs, never from configuration text, so that no name can smuggle
 * another extension in.
 */
#include "libcert/x509gen.h"

#include "libcert/name_list.h"
#include "libcert/x509info.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <stdlib.h>

#define X509GEN_SERIAL_BITS 127
/* 9999-12-31T23:59:59Z, where GeneralizedTime ends (RFC 5280 4.1.2.5). */
#define X509GEN_TIME_MAX INT64_C(253402300799)

static bool
is_rsa(const EVP_PKEY *key)
{
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
}

static bool
has_kind(const struct x509gen_request *request, enum name_kind kind)
{
	for (size_t i = 0; i < request->name_count; i++) {
		if (request->names[i].kind == kind)
			return true;
	}
	return false;
}

/* ---- extensions: each returns 0, or -1 with OpenSSL's reason queued ---- */

static int
add_basic_constraints(X509 *cert, const struct x509gen_request *request)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	int rc = -1;

	if (!bc)
		return -1;
	if (request->use == X509GEN_CA) {
		bc->ca = 0xff;
		/* It issues leaves, no further CAs. */
		bc->pathlen = ASN1_INTEGER_new();
		if (!bc->pathlen || !ASN1_INTEGER_set_int64(bc->pathlen, 0))
			goto out;
	}
	if (X509_add1_ext_i2d(cert, NID_basic_constraints, bc, 1, X509V3_ADD_DEFAULT) == 1)
		rc = 0;
out:
	BASIC_CONSTRAINTS_free(bc);
	return rc;
}

/* Bits are numbered from the most significant (RFC 5280 4.2.1.3). */
static int
add_key_usage(X509 *cert, const struct x509gen_request *request)
{
	enum { DIGITAL_SIGNATURE = 0, KEY_ENCIPHERMENT = 2, KEY_CERT_SIGN = 5, CRL_SIGN = 6 };
	ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
	bool ca = request->use == X509GEN_CA;
	int rc = -1;

	if (!usage)
		return -1;
	if (ASN1_BIT_STRING_set_bit(usage, ca ? KEY_CERT_SIGN : DIGITAL_SIGNATURE, 1) != 1)
		goto out;
	if (ca && ASN1_BIT_STRING_set_bit(usage, CRL_SIGN, 1) != 1)
		goto out;
	/* TLS 1.2's RSA key exchange; no other key type can encipher. */
	if (!ca && is_rsa(request->key) && ASN1_BIT_STRING_set_bit(usage, KEY_ENCIPHERMENT, 1) != 1)
		goto out;
	if (X509_add1_ext_i2d(cert, NID_key_usage, usage, 1, X509V3_ADD_DEFAULT) == 1)
		rc = 0;
out:
	ASN1_BIT_STRING_free(usage);
	return rc;
}

static int
push_usage(EXTENDED_KEY_USAGE *usages, int nid)
{
	ASN1_OBJECT *object = OBJ_nid2obj(nid);

	return object && sk_ASN1_OBJECT_push(usages, object) > 0 ? 0 : -1;
}

static int
add_extended_key_usage(X509 *cert, const struct x509gen_request *request)
{
	EXTENDED_KEY_USAGE *usages;
	bool server = request->use == X509GEN_SERVER || request->use == X509GEN_PEER;
	bool client = request->use == X509GEN_CLIENT || request->use == X509GEN_PEER;
	int rc = -1;

	if (request->use == X509GEN_CA)
		return 0;
	usages = sk_ASN1_OBJECT_new_null();
	if (!usages)
		return -1;
	if ((!server || push_usage(usages, NID_server_auth) == 0) &&
	    (!client || push_usage(usages, NID_client_auth) == 0) &&
	    (!has_kind(request, NAME_EMAIL) || push_usage(usages, NID_email_protect) == 0) &&
	    X509_add1_ext_i2d(cert, NID_ext_key_usage, usages, 0, X509V3_ADD_DEFAULT) == 1)
		rc = 0;
	/* The objects are OpenSSL's own, static ones. */
	sk_ASN1_OBJECT_free(usages);
	return rc;
}

/* The SHA-1 of the public key's bits (RFC 5280 4.2.1.2 method 1): an identifier, not a signature. */
static int
add_subject_key_id(X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	unsigned len = 0;
	int rc = -1;

	if (id && X509_pubkey_digest(cert, EVP_sha1(), digest, &len) == 1 &&
	    ASN1_OCTET_STRING_set(id, digest, (int)len) == 1 &&
	    X509_add1_ext_i2d(cert, NID_subject_key_identifier, id, 0, X509V3_ADD_DEFAULT) == 1)
		rc = 0;
	ASN1_OCTET_STRING_free(id);
	return rc;
}

static int
add_authority_key_id(X509 *cert, X509 *issuer)
{
	AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
	ASN1_OCTET_STRING *id;
	int rc = -1;

	id = X509_get_ext_d2i(issuer ? issuer : cert, NID_subject_key_identifier, NULL, NULL);
	/* An issuer without an identifier is found by its name alone. */
	if (!id && issuer) {
		AUTHORITY_KEYID_free(authority);
		return 0;
	}
	if (authority && id) {
		authority->keyid = id;
		if (X509_add1_ext_i2d(cert, NID_authority_key_identifier, authority, 0,
			X509V3_ADD_DEFAULT) == 1)
			rc = 0;
	} else {
		ASN1_OCTET_STRING_free(id);
	}
	AUTHORITY_KEYID_free(authority);
	return rc;
}

static int
add_names(X509 *cert, const struct x509gen_request *request)
{
	bool critical = X509_NAME_entry_count(X509_get_subject_name(cert)) == 0;
	GENERAL_NAMES *names;
	int rc = -1;

	if (request->name_count == 0)
		return 0;
	names = name_list_encode(request->names, request->name_count);
	/* RFC 5280 4.2.1.6: critical when the subject says nothing. */
	if (names &&
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, names, critical, X509V3_ADD_DEFAULT) == 1)
		rc = 0;
	GENERAL_NAMES_free(names);
	return rc;
}

/* RFC 8737 3: critical, so that nobody takes the certificate for one of a service. */
static int
add_acme_identifier(X509 *cert, const struct x509gen_request *request)
{
	unsigned char der[2 + SHA256_DIGEST_LENGTH] = { V_ASN1_OCTET_STRING, SHA256_DIGEST_LENGTH };
	ASN1_OBJECT *oid = OBJ_txt2obj(X509GEN_ACME_IDENTIFIER, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	int rc = -1;

	memcpy(der + 2, request->acme_identifier, SHA256_DIGEST_LENGTH);
	if (oid && value && ASN1_OCTET_STRING_set(value, der, sizeof(der)) == 1)
		ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
	if (ext && X509_add_ext(cert, ext, -1) == 1)
		rc = 0;
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return rc;
}

static int
add_permits(X509 *cert, const struct x509gen_request *request)
{
	NAME_CONSTRAINTS *constraints;
	int rc = -1;

	if (request->permit_count == 0)
		return 0;
	constraints = permit_encode(request->permits, request->permit_count);
	if (constraints &&
	    X509_add1_ext_i2d(cert, NID_name_constraints, constraints, 1, X509V3_ADD_DEFAULT) == 1)
		rc = 0;
	NAME_CONSTRAINTS_free(constraints);
	return rc;
}

static int
add_extensions(X509 *cert, const struct x509gen_request *request)
{
	if (add_basic_constraints(cert, request) < 0 || add_key_usage(cert, request) < 0 ||
	    add_extended_key_usage(cert, request) < 0 || add_subject_key_id(cert) < 0 ||
	    add_authority_key_id(cert, request->issuer) < 0 || add_names(cert, request) < 0 ||
	    add_permits(cert, request) < 0)
		return -1;
	return request->acme_identifier ? add_acme_identifier(cert, request) : 0;
}

/* ---- the rest of the certificate ---- */

static int
set_serial(X509 *cert)
{
	BIGNUM *serial = BN_new();
	int rc = -1;

	if (serial &&
	    BN_rand(serial, X509GEN_SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
	    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)))
		rc = 0;
	BN_free(serial);
	return rc;
}

static int
set_fields(X509 *cert, const struct x509gen_request *request)
{
	const X509_NAME *issuer =
	    request->issuer ? X509_get_subject_name(request->issuer) : request->subject;

	if (X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) == 0 &&
	    ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)request->not_before) &&
	    ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)request->not_after) &&
	    X509_set_subject_name(cert, request->subject) == 1 &&
	    X509_set_issuer_name(cert, issuer) == 1 && X509_set_pubkey(cert, request->key) == 1)
		return 0;
	return -1;
}

static int
check(const struct x509gen_request *request, struct err *e)
{
	if (X509_NAME_entry_count(request->subject) == 0 && request->name_count == 0)
		return err_set(e, ERR_USAGE, "a certificate needs a name or a subject");
	if (request->not_before < 0 || request->not_after > X509GEN_TIME_MAX)
		return err_set(e, ERR_USAGE, "a certificate's dates lie between 1970 and 9999");
	if (request->not_after < request->not_before)
		return err_set(e, ERR_USAGE, "the certificate would end before it begins");
	if (request->issuer && !x509info_key_matches(request->issuer, request->issuer_key))
		return err_set(e, ERR_DATA, "the issuer's key does not belong to its certificate");
	if (request->issuer && X509_check_ca(request->issuer) != 1)
		return err_set(e, ERR_DATA, "the issuer is not a certificate authority");
	return 0;
}

/* A curve is signed with the hash of its size (as the Mozilla root store's policy has it). */
static const EVP_MD *
digest_for(const EVP_PKEY *signer)
{
	/* RFC 8410: Ed25519 hashes by itself. */
	if (EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519)
		return NULL;
	if (EVP_PKEY_get_base_id(signer) != EVP_PKEY_EC || EVP_PKEY_get_bits(signer) <= 256)
		return EVP_sha256();
	return EVP_PKEY_get_bits(signer) <= 384 ? EVP_sha384() : EVP_sha512();
}

const EVP_MD *
x509gen_digest(const EVP_PKEY *signer, const EVP_MD *wanted)
{
	const EVP_MD *own = digest_for(signer);

	return own && wanted ? wanted : own;
}

int
x509gen_make(const struct x509gen_request *request, X509 **cert, struct err *e)
{
	EVP_PKEY *signer = request->issuer ? request->issuer_key : request->key;
	X509 *made;

	if (check(request, e) < 0)
		return -1;
	made = X509_new();
	if (!made || set_fields(made, request) < 0 || add_extensions(made, request) < 0 ||
	    X509_sign(made, signer, x509gen_digest(signer, request->digest)) <= 0) {
		X509_free(made);
		return err_set_openssl(e, ERR_BUG, "cannot make the certificate");
	}
	*cert = made;
	return 0;
}
