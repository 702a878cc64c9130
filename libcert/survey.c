/* SPDX-License-Identifier: ISC */
/*
 * All there is to say about one certificate: read, inspected, made fit to print.
 */
#include "libcert/survey.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/certpair.h"
#include "libcert/pkey.h"
#include "libcert/served.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)1024 * 1024)
#define TEXT_MAX ((size_t)64 * 1024)

struct span
survey_text(const struct survey_options *options, struct span raw)
{
	struct buf visible;
	struct span text;

	buf_init(&visible, TEXT_MAX);
	encode_visible(&visible, raw);
	text = arena_dup(options->arena, buf_span(&visible));
	buf_release(&visible);
	return text;
}

void
survey_failed(const struct survey_options *options, struct survey *s, const struct err *e)
{
	s->error = survey_text(options, span_str(err_text(e)));
	s->error_kind = e->kind;
}

/* ---- what a certificate says ---- */

static struct span
issuer_name(const X509 *cert)
{
	const X509_NAME *issuer = X509_get_issuer_name(cert);
	int at = X509_NAME_get_index_by_NID(issuer, NID_commonName, -1);
	const ASN1_STRING *text;

	if (at < 0)
		return span_of(NULL, 0);
	text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(issuer, at));
	return span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
}

/* Bits of the modulus in an RSAPublicKey (RFC 8017 A.1.1); 0 when it is none. */
static int
modulus_bits(const unsigned char *der, int len)
{
	ASN1_SEQUENCE_ANY *numbers = len > 0 ? d2i_ASN1_SEQUENCE_ANY(NULL, &der, len) : NULL;
	const ASN1_TYPE *first = sk_ASN1_TYPE_value(numbers, 0);
	BIGNUM *modulus = NULL;
	int bits;

	if (first && first->type == V_ASN1_INTEGER)
		modulus = ASN1_INTEGER_to_BN(first->value.integer, NULL);
	bits = modulus ? BN_num_bits(modulus) : 0;
	BN_free(modulus);
	sk_ASN1_TYPE_pop_free(numbers, ASN1_TYPE_free);
	return bits;
}

/* As pkey_describe, from the SubjectPublicKeyInfo alone. */
static void
describe_undecoded(X509 *leaf, char out[32])
{
	const unsigned char *der = NULL;
	const void *parameter = NULL;
	ASN1_OBJECT *object = NULL;
	X509_ALGOR *algorithm = NULL;
	const char *curve = NULL;
	int len = 0, kind, nid;

	if (!X509_PUBKEY_get0_param(&object, &der, &len, &algorithm, X509_get_X509_PUBKEY(leaf)))
		return;
	nid = OBJ_obj2nid(object);
	X509_ALGOR_get0(NULL, &kind, &parameter, algorithm);
	if (nid == NID_rsaEncryption) {
		snprintf(out, 32, "RSA %d", modulus_bits(der, len));
	} else if (nid == NID_X9_62_id_ecPublicKey && kind == V_ASN1_OBJECT) {
		nid = OBJ_obj2nid(parameter);
		curve = EC_curve_nid2nist(nid);
		snprintf(out, 32, "ECDSA %.24s", curve ? curve : OBJ_nid2sn(nid));
	} else {
		snprintf(out, 32, "%.31s", nid == NID_ED25519 ? "Ed25519" : OBJ_nid2sn(nid));
	}
}

/* Not X509_digest: it would look for SHA-256 in the certificate's own library context. */
static void
read_print(X509 *leaf, unsigned char out[32])
{
	unsigned char *der = NULL;
	int len = i2d_X509(leaf, &der);

	if (len > 0)
		(void)EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
}

static void
read_key(const struct survey_options *options, struct survey *s, X509 *leaf)
{
	const char *signature = OBJ_nid2ln(X509_get_signature_nid(leaf));
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	char words[32] = "unknown";

	if (key)
		pkey_describe(key, words);
	else
		describe_undecoded(leaf, words);
	s->key = survey_text(options, span_str(words));
	s->signature = span_str(signature ? signature : "unknown");
	ERR_clear_error();
}

static void
read_chain(const struct survey_options *options, struct survey *s, STACK_OF(X509) *certs)
{
	int count = sk_X509_num(certs);

	s->chain = arena_array(options->arena, (size_t)count, sizeof(*s->chain));
	for (int i = 1; i < count; i++) {
		struct survey_link *link = &s->chain[s->chain_count++];
		struct x509info info;

		x509info_read(sk_X509_value(certs, i), options->arena, &info);
		link->subject = survey_text(options, info.subject);
		link->not_after = info.not_after;
	}
}

static void
read_leaf(const struct survey_options *options, struct survey *s, X509 *leaf)
{
	struct x509info info;

	x509info_read(leaf, options->arena, &info);
	s->names =
	    arena_array(options->arena, info.dns_count + info.ip_count + 1, sizeof(*s->names));
	for (size_t i = 0; i < info.dns_count; i++)
		s->names[s->name_count++] = info.dns[i];
	for (size_t i = 0; i < info.ip_count; i++)
		s->names[s->name_count++] = info.ip[i];
	s->common_name = survey_text(options, info.common_name);
	s->subject = survey_text(options, info.subject);
	s->issuer = survey_text(options, info.issuer);
	s->issuer_name = survey_text(options, issuer_name(leaf));
	if (s->issuer_name.n == 0)
		s->issuer_name = s->issuer;
	s->serial = info.serial;
	s->not_before = info.not_before;
	s->not_after = info.not_after;
	s->self_signed = info.self_signed;
	read_print(leaf, s->sha256);
	x509info_pin(leaf, s->pin);
	read_key(options, s, leaf);
}

void
survey_certs(const struct survey_options *options, struct survey *s, STACK_OF(X509) *certs)
{
	X509 *leaf = sk_X509_value(certs, 0);

	s->found = (struct inspection){ .arena = options->arena };
	read_leaf(options, s, leaf);
	read_chain(options, s, certs);
	inspect_dates(&s->found, certs, options->now, &options->limits);
	if (!options->keyless) {
		inspect_chain(&s->found, certs, options->roots);
		inspect_strength(&s->found, certs);
	}
	inspect_use(&s->found, leaf);
	if (options->name)
		inspect_name(&s->found, leaf, span_str(options->name));
}

/* ---- files ---- */

/* A private key, and the file it is in; owned. */
struct survey_key {
	EVP_PKEY *key;
	char *path;
};

/* A key of its own file, one that lies with the certificates, or "a.key" beside "a.crt", if it is ours to read. */
static int
load_key(const struct survey_options *options, const char *path, struct span pem,
    struct survey_key *key, struct err *e)
{
	*key = (struct survey_key){ 0 };
	if (options->key_path) {
		key->path = mem_strdup(options->key_path);
		return pkey_load(key->path, NULL, &key->key, e);
	}
	if (memmem(pem.p, pem.n, "PRIVATE KEY-----", 16))
		return pkey_parse_pem(pem, NULL, &key->key, e);
	key->path = certpair_key_name(path);
	(void)!pkey_load(key->path, NULL, &key->key, NULL);
	return 0;
}

static int
read_file(const struct survey_options *options, const char *path, struct survey *s, struct err *e)
{
	STACK_OF(X509) *certs = NULL;
	struct err why = ERR_INIT;
	struct survey_key key = { 0 };
	struct buf pem;
	int rc = -1;

	buf_init_secret(&pem, FILE_MAX);
	if (file_read(path, &pem, e) < 0)
		goto out;
	if (x509info_parse(buf_span(&pem), &certs, e) < 0) {
		err_wrap(e, "%s", path);
		goto out;
	}
	survey_certs(options, s, certs);
	if (load_key(options, path, buf_span(&pem), &key, &why) < 0)
		inspection_add(&s->found, INSPECT_KEY_UNREADABLE, INSPECT_WARNING,
		    "its key cannot be checked: %s", err_text(&why));
	else if (key.key)
		inspect_key(&s->found, sk_X509_value(certs, 0), key.key, key.path);
	rc = 0;
out:
	EVP_PKEY_free(key.key);
	free(key.path);
	sk_X509_pop_free(certs, X509_free);
	buf_release(&pem);
	err_release(&why);
	return rc;
}

void
survey_file(const struct survey_options *options, const char *path, struct survey *s)
{
	struct err e = ERR_INIT;

	*s = (struct survey){ .kind = SURVEY_FILE };
	s->name = survey_text(options, span_str(path));
	s->path = s->name;
	if (read_file(options, path, s, &e) < 0)
		survey_failed(options, s, &e);
	err_release(&e);
}

/* ---- servers ---- */

void
survey_server(const struct survey_options *options, const char *address, struct survey *s)
{
	STACK_OF(X509) *certs = NULL;
	struct err e = ERR_INIT;
	char *host;

	*s = (struct survey){ .kind = SURVEY_SERVER };
	s->name = survey_text(options, span_str(address));
	host = served_address_host(address, &e);
	if (host) {
		struct span name = span_str(options->name ? options->name : host);

		if (served_chain(address, name, options->timeout_ms, &certs, &e) == 0) {
			survey_certs(options, s, certs);
			if (!options->name)
				inspect_name(&s->found, sk_X509_value(certs, 0), name);
		}
	}
	if (e.kind != ERR_NONE)
		survey_failed(options, s, &e);
	sk_X509_pop_free(certs, X509_free);
	free(host);
	err_release(&e);
}

/* ---- verdict ---- */

enum inspect_weight
survey_weight(const struct survey *s)
{
	return s->error.n > 0 ? INSPECT_CRITICAL : inspection_worst(&s->found);
}

bool
survey_is_due(const struct survey *s, int64_t now)
{
	return s->renewal == SURVEY_RENEWAL_AUTO && s->due_at > 0 && now >= s->due_at;
}

const char *
survey_kind_word(enum survey_kind kind)
{
	static const char *const words[] = { "lineage", "file", "server" };

	return words[kind];
}
