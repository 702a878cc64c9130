/* SPDX-License-Identifier: ISC */
/*
 * Validation certificates for tls-alpn-01: made, handed over by a file, recognized.
 */
#include "libcert/validation_cert.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/name.h"
#include "libcert/pkey.h"
#include "libcert/x509gen.h"
#include "libcert/x509info.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LIFE_S 86400
/* A CA's clock may be behind ours. */
#define BACKDATED_S 3600

void
validation_cert_release(struct validation_cert *v)
{
	EVP_PKEY_free(v->key);
	X509_free(v->cert);
	*v = (struct validation_cert){ .key = NULL };
}

/* RFC 8738 6: the SNI for an address is its name in in-addr.arpa or ip6.arpa. */
static void
reverse_name(const struct name *name, char out[VALIDATION_CERT_SERVER_MAX + 1])
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;

	if (name->ip_len == 4) {
		snprintf(out, VALIDATION_CERT_SERVER_MAX + 1, "%u.%u.%u.%u.in-addr.arpa",
		    name->ip[3], name->ip[2], name->ip[1], name->ip[0]);
		return;
	}
	for (size_t i = name->ip_len; i-- > 0;) {
		out[at++] = hex[name->ip[i] & 15];
		out[at++] = '.';
		out[at++] = hex[name->ip[i] >> 4];
		out[at++] = '.';
	}
	snprintf(out + at, VALIDATION_CERT_SERVER_MAX + 1 - at, "ip6.arpa");
}

static int
server_of(const struct name *name, char out[VALIDATION_CERT_SERVER_MAX + 1], struct err *e)
{
	if (name->kind == NAME_IP) {
		reverse_name(name, out);
		return 0;
	}
	if (name->kind != NAME_DNS || name->wildcard)
		return err_set(e, ERR_USAGE, "%s cannot be proved by tls-alpn-01", name->text);
	snprintf(out, VALIDATION_CERT_SERVER_MAX + 1, "%s", name->text);
	return 0;
}

int
validation_cert_server(struct span name, char out[VALIDATION_CERT_SERVER_MAX + 1], struct err *e)
{
	struct name parsed;
	int rc;

	if (name_parse(name, &parsed, e) < 0)
		return -1;
	rc = server_of(&parsed, out, e);
	name_release(&parsed);
	return rc;
}

/* ---- making ---------------------------------------------------------------------------------- */

int
validation_cert_make(struct span name, struct span key_auth, struct validation_cert *v,
    struct err *e)
{
	static const struct pkey_spec spec = { .kind = PKEY_EC, .curve = "P-256" };
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct name parsed;
	X509_NAME *subject = X509_NAME_new();
	struct x509gen_request request = {
		.use = X509GEN_SERVER,
		.names = &parsed,
		.name_count = 1,
		.subject = subject,
		.not_before = clock_wall() - BACKDATED_S,
		.not_after = clock_wall() + LIFE_S,
		.acme_identifier = digest,
	};
	int rc = -1;

	*v = (struct validation_cert){ .key = NULL };
	if (name_parse(name, &parsed, e) < 0)
		goto out;
	SHA256((const unsigned char *)key_auth.p, key_auth.n, digest);
	if (server_of(&parsed, v->server, e) == 0 && pkey_generate(&spec, &v->key, e) == 0) {
		request.key = v->key;
		rc = x509gen_make(&request, &v->cert, e);
	}
	name_release(&parsed);
out:
	X509_NAME_free(subject);
	if (rc < 0)
		validation_cert_release(v);
	return rc;
}

/* ---- files ----------------------------------------------------------------------------------- */

static char *
path_of(const char *dir, const struct validation_cert *v)
{
	return mem_printf("%s/%s%s", dir, v->server, VALIDATION_CERT_SUFFIX);
}

int
validation_cert_write(const char *dir, const struct validation_cert *v, struct err *e)
{
	char *path = path_of(dir, v);
	struct buf pem;
	int rc = -1;

	buf_init_secret(&pem, VALIDATION_CERT_FILE_MAX);
	if (pkey_format_pem(v->key, &pem, e) == 0 && x509info_format_pem(v->cert, &pem, e) == 0 &&
	    file_make_dirs(dir, 0700, e) == 0)
		rc = file_write_atomic(path, buf_span(&pem), 0600, e);
	buf_release(&pem);
	free(path);
	return rc;
}

static bool
holds(const char *path, const struct validation_cert *v)
{
	struct validation_cert there;
	struct buf pem;
	bool same = false;

	buf_init_secret(&pem, VALIDATION_CERT_FILE_MAX);
	if (file_read(path, &pem, NULL) == 0 &&
	    validation_cert_parse(buf_span(&pem), &there, NULL) == 0) {
		same = X509_cmp(there.cert, v->cert) == 0;
		validation_cert_release(&there);
	}
	buf_release(&pem);
	return same;
}

void
validation_cert_remove(const char *dir, const struct validation_cert *v)
{
	char *path = path_of(dir, v);

	if (!v->cert || holds(path, v))
		unlink(path);
	free(path);
}

/* ---- recognizing ----------------------------------------------------------------------------- */

/* The digest in its acmeIdentifier, critical as RFC 8737 3 has it. */
static bool
read_identifier(X509 *cert, unsigned char out[SHA256_DIGEST_LENGTH])
{
	ASN1_OBJECT *oid = OBJ_txt2obj(X509GEN_ACME_IDENTIFIER, 1);
	int at = oid ? X509_get_ext_by_OBJ(cert, oid, -1) : -1;
	X509_EXTENSION *ext = at >= 0 ? X509_get_ext(cert, at) : NULL;
	const ASN1_OCTET_STRING *value = ext ? X509_EXTENSION_get_data(ext) : NULL;
	ASN1_OCTET_STRING *inner = NULL;
	const unsigned char *p;
	bool ok = false;

	if (value && X509_EXTENSION_get_critical(ext)) {
		p = ASN1_STRING_get0_data(value);
		inner = d2i_ASN1_OCTET_STRING(NULL, &p, ASN1_STRING_length(value));
	}
	if (inner && ASN1_STRING_length(inner) == SHA256_DIGEST_LENGTH) {
		memcpy(out, ASN1_STRING_get0_data(inner), SHA256_DIGEST_LENGTH);
		ok = true;
	}
	ASN1_OCTET_STRING_free(inner);
	ASN1_OBJECT_free(oid);
	ERR_clear_error();
	return ok;
}

bool
validation_cert_proves(X509 *cert, struct span key_auth)
{
	unsigned char want[SHA256_DIGEST_LENGTH], found[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)key_auth.p, key_auth.n, want);
	return read_identifier(cert, found) && memcmp(want, found, sizeof(want)) == 0;
}

static int
check_cert(struct validation_cert *v, struct err *e)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct arena *arena = arena_new(0);
	struct x509info info;
	int rc = -1;

	x509info_read(v->cert, arena, &info);
	if (!read_identifier(v->cert, digest))
		err_set(e, ERR_DATA, "it has no critical acmeIdentifier");
	else if (info.dns_count + info.ip_count != 1)
		err_set(e, ERR_DATA, "it has %zu names instead of one",
		    info.dns_count + info.ip_count);
	else if (info.not_after < clock_wall())
		err_set(e, ERR_DATA, "it has ended");
	else if (!x509info_key_matches(v->cert, v->key))
		err_set(e, ERR_DATA, "its key does not belong to it");
	else
		rc =
		    validation_cert_server(info.dns_count ? info.dns[0] : info.ip[0], v->server, e);
	arena_free(arena);
	return rc;
}

int
validation_cert_parse(struct span pem, struct validation_cert *v, struct err *e)
{
	STACK_OF(X509) *certs = NULL;
	int rc = -1;

	*v = (struct validation_cert){ .key = NULL };
	if (pkey_parse_pem(pem, NULL, &v->key, e) == 0 && x509info_parse_pem(pem, &certs, e) == 0) {
		v->cert = sk_X509_shift(certs);
		if (sk_X509_num(certs) > 0)
			err_set(e, ERR_DATA, "there is more than one certificate");
		else
			rc = check_cert(v, e);
	}
	sk_X509_pop_free(certs, X509_free);
	if (rc < 0) {
		err_wrap(e, "this is no validation certificate with its key");
		validation_cert_release(v);
		if (e)
			e->kind = ERR_DATA;
	}
	return rc;
}
