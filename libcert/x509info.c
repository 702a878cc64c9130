/* SPDX-License-Identifier: ISC */
/*
 * What a certificate says, in the terms the tools and the proxy reason in.
 *
 * Names come from subjectAltName alone, as RFC 9525 and every browser have it; a name with bytes
 * that no DNS name has (NUL among them) is passed over, so it can never cover anything.
 */
#include "libcert/x509info.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "libcert/name.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#define X509INFO_FILE_MAX (1024 * 1024)
#define X509INFO_CERTS_MAX 100

static bool
dns_bytes_ok(struct span name)
{
	if (name.n == 0 || name.n > 253)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '.' || c == '-' || c == '_' || c == '*'))
			return false;
	}
	return true;
}

/* The DNS name in a GENERAL_NAME; empty when it is none, or none we would trust. */
static struct span
general_dns(const GENERAL_NAME *general)
{
	struct span name;

	if (general->type != GEN_DNS)
		return span_of(NULL, 0);
	name = span_of(ASN1_STRING_get0_data(general->d.dNSName),
	    (size_t)ASN1_STRING_length(general->d.dNSName));
	return dns_bytes_ok(name) ? name : span_of(NULL, 0);
}

/* 4 or 16 bytes of address; empty when it is no address. */
static struct span
general_ip(const GENERAL_NAME *general)
{
	int len;

	if (general->type != GEN_IPADD)
		return span_of(NULL, 0);
	len = ASN1_STRING_length(general->d.iPAddress);
	if (len != 4 && len != 16)
		return span_of(NULL, 0);
	return span_of(ASN1_STRING_get0_data(general->d.iPAddress), (size_t)len);
}

static struct span
lower_dup(struct arena *arena, struct span s)
{
	char *copy = arena_strdup(arena, s);

	for (size_t i = 0; i < s.n; i++) {
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] - 'A' + 'a');
	}
	return span_of(copy, s.n);
}

static void
read_names(X509 *cert, struct arena *arena, struct x509info *info)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int count = names ? sk_GENERAL_NAME_num(names) : 0;

	if (count > 0) {
		info->dns = arena_array(arena, (size_t)count, sizeof(*info->dns));
		info->ip = arena_array(arena, (size_t)count, sizeof(*info->ip));
	}
	for (int i = 0; i < count; i++) {
		const GENERAL_NAME *general = sk_GENERAL_NAME_value(names, i);
		struct span dns = general_dns(general), ip = general_ip(general);
		char text[INET6_ADDRSTRLEN];

		if (dns.n > 0)
			info->dns[info->dns_count++] = lower_dup(arena, dns);
		else if (ip.n > 0 &&
			 inet_ntop(ip.n == 4 ? AF_INET : AF_INET6, ip.p, text, sizeof(text)))
			info->ip[info->ip_count++] = arena_dup(arena, span_str(text));
	}
	GENERAL_NAMES_free(names);
}

static struct span
read_common_name(const X509 *cert, struct arena *arena)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	struct span name = { 0 };
	int len;

	if (at < 0)
		return name;
	len =
	    ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len >= 0)
		name = arena_dup(arena, span_of(utf8, (size_t)len));
	OPENSSL_free(utf8);
	return name;
}

static struct span
read_dn(const X509_NAME *dn, struct arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct span text = { 0 };
	char *bytes;
	long len;

	if (bio && X509_NAME_print_ex(bio, dn, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(bio, &bytes);
		text = arena_dup(arena, span_of(bytes, len > 0 ? (size_t)len : 0));
	}
	BIO_free(bio);
	return text;
}

static struct span
read_serial(const X509 *cert, struct arena *arena)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	int len = ASN1_STRING_length(serial);
	const unsigned char *bytes = ASN1_STRING_get0_data(serial);
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_bytes(arena, 2 * (size_t)len + 1);

	for (int i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
	return span_of(out, 2 * (size_t)len);
}

int64_t
x509info_time(const ASN1_TIME *t)
{
	struct clock_date date = { 0 };
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm))
		return 0;
	date.year = tm.tm_year + 1900;
	date.month = tm.tm_mon + 1;
	date.day = tm.tm_mday;
	date.hour = tm.tm_hour;
	date.minute = tm.tm_min;
	date.second = tm.tm_sec;
	return clock_from_utc(&date);
}

void
x509info_read(X509 *cert, struct arena *arena, struct x509info *info)
{
	*info = (struct x509info){
		.common_name = read_common_name(cert, arena),
		.subject = read_dn(X509_get_subject_name(cert), arena),
		.issuer = read_dn(X509_get_issuer_name(cert), arena),
		.serial = read_serial(cert, arena),
		.not_before = x509info_time(X509_get0_notBefore(cert)),
		.not_after = x509info_time(X509_get0_notAfter(cert)),
		.is_ca = X509_check_ca(cert) == 1,
		.self_signed = (X509_get_extension_flags(cert) & EXFLAG_SS) != 0,
	};
	read_names(cert, arena, info);
	x509info_sha256(cert, info->sha256);
	ERR_clear_error();
}

/* Is name what pattern says: the same, or one label in place of "*"? */
static bool
dns_matches(struct span pattern, struct span name)
{
	ptrdiff_t dot;

	if (span_eq_nocase(pattern, name))
		return true;
	if (!span_starts(pattern, SPAN("*.")))
		return false;
	pattern = span_after(pattern, 1);
	dot = span_find(name, '.');
	/* RFC 9525 6.3: one whole label, and never a wildcard over a top-level domain. */
	return dot > 0 && name.p[0] != '*' && span_find(span_after(pattern, 1), '.') > 0 &&
	       span_eq_nocase(pattern, span_after(name, (size_t)dot));
}

bool
x509info_covers(X509 *cert, struct span name)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int count = names ? sk_GENERAL_NAME_num(names) : 0;
	unsigned char ip[16];
	size_t ip_len = name_ip_literal(name, ip);
	bool covered = false;

	if (span_ends(name, SPAN(".")))
		name.n--;
	for (int i = 0; i < count && !covered; i++) {
		const GENERAL_NAME *general = sk_GENERAL_NAME_value(names, i);

		if (ip_len > 0)
			covered = span_eq(general_ip(general), span_of(ip, ip_len));
		else if (name.n > 0)
			covered = dns_matches(general_dns(general), name);
	}
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return covered;
}

bool
x509info_key_matches(X509 *cert, const EVP_PKEY *key)
{
	EVP_PKEY *ours = X509_get0_pubkey(cert);
	bool same = ours && key && EVP_PKEY_eq(ours, key) == 1;

	ERR_clear_error();
	return same;
}

void
x509info_sha256(X509 *cert, unsigned char out[32])
{
	unsigned len = 0;

	memset(out, 0, 32);
	if (!X509_digest(cert, EVP_sha256(), out, &len))
		ERR_clear_error();
}

void
x509info_pin(X509 *cert, unsigned char out[32])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	memset(out, 0, 32);
	if (len <= 0 || EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) != 1)
		ERR_clear_error();
	OPENSSL_free(der);
}

/* One PEM block; NULL without an error for a block of another kind. */
static X509 *
parse_block(const char *kind, const unsigned char *der, long len, bool *broken)
{
	const unsigned char *p = der;
	X509 *cert;

	*broken = false;
	if (strcmp(kind, PEM_STRING_X509) == 0 || strcmp(kind, PEM_STRING_X509_OLD) == 0)
		cert = d2i_X509(NULL, &p, len);
	else if (strcmp(kind, PEM_STRING_X509_TRUSTED) == 0)
		cert = d2i_X509_AUX(NULL, &p, len);
	else
		return NULL;
	if (cert && p == der + len)
		return cert;
	X509_free(cert);
	*broken = true;
	return NULL;
}

static bool
at_end_of_pem(void)
{
	unsigned long last = ERR_peek_last_error();

	return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

static int
parse_blocks(BIO *bio, STACK_OF(X509) *certs, struct err *e)
{
	for (;;) {
		char *kind = NULL, *header = NULL;
		unsigned char *der = NULL;
		bool broken;
		X509 *cert;
		long len;

		if (!PEM_read_bio(bio, &kind, &header, &der, &len)) {
			if (!at_end_of_pem())
				return err_set_openssl(e, ERR_DATA,
				    "broken PEM block after %d certificate(s)", sk_X509_num(certs));
			ERR_clear_error();
			return 0;
		}
		cert = parse_block(kind, der, len, &broken);
		OPENSSL_free(kind);
		OPENSSL_free(header);
		/* The block may have been a private key. */
		OPENSSL_clear_free(der, (size_t)len);
		if (broken)
			return err_set_openssl(e, ERR_DATA, "certificate %d is not valid DER",
			    sk_X509_num(certs) + 1);
		if (cert &&
		    (sk_X509_num(certs) >= X509INFO_CERTS_MAX || !sk_X509_push(certs, cert))) {
			X509_free(cert);
			return err_set(e, ERR_DATA, "more than %d certificates",
			    X509INFO_CERTS_MAX);
		}
	}
}

/* It begins as an ASN.1 SEQUENCE with a length of its own. */
static bool
is_der(struct span bytes)
{
	return bytes.n > 4 && (unsigned char)bytes.p[0] == 0x30 &&
	       ((unsigned char)bytes.p[1] & 0x80) != 0;
}

/* What people give instead. */
static void
refuse(struct span text, struct err *e)
{
	static const struct {
		struct span mark;
		const char *what;
	} rows[] = {
		{ SPAN_INIT("PRIVATE KEY-----"), "a private key" },
		{ SPAN_INIT("CERTIFICATE REQUEST-----"), "a signing request" },
		{ SPAN_INIT("X509 CRL-----"), "a list of revoked certificates" },
		{ SPAN_INIT("PUBLIC KEY-----"), "a public key" },
		{ SPAN_INIT("DH PARAMETERS-----"), "Diffie-Hellman parameters" },
		{ SPAN_INIT("PKCS7-----"), "PKCS#7" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (memmem(text.p, text.n, rows[i].mark.p, rows[i].mark.n)) {
			err_set(e, ERR_DATA, "no certificate in PEM form, but %s", rows[i].what);
			return;
		}
	}
	if (is_der(text))
		err_set(e, ERR_DATA,
		    "no certificate in PEM form, but something binary: DER, or PKCS#12");
	else
		err_set(e, ERR_DATA, "no certificate in PEM form");
}

int
x509info_parse_pem(struct span pem, STACK_OF(X509) **certs, struct err *e)
{
	STACK_OF(X509) *parsed = NULL;
	BIO *bio = NULL;
	int rc = -1;

	if (pem.n > X509INFO_FILE_MAX)
		return err_set(e, ERR_DATA, "too large for certificates (%zu bytes)", pem.n);
	if (pem.n == 0)
		return err_set(e, ERR_DATA, "empty, no certificate in PEM form");
	ERR_clear_error();
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	parsed = sk_X509_new_null();
	if (!bio || !parsed) {
		err_set_openssl(e, ERR_BUG, "cannot read certificates");
		goto out;
	}
	if (parse_blocks(bio, parsed, e) < 0)
		goto out;
	if (sk_X509_num(parsed) == 0) {
		refuse(pem, e);
		goto out;
	}
	*certs = parsed;
	parsed = NULL;
	rc = 0;
out:
	sk_X509_pop_free(parsed, X509_free);
	BIO_free(bio);
	return rc;
}

int
x509info_parse(struct span bytes, STACK_OF(X509) **certs, struct err *e)
{
	const unsigned char *at = (const unsigned char *)bytes.p;
	X509 *cert = NULL;

	if (is_der(bytes) && bytes.n <= X509INFO_FILE_MAX)
		cert = d2i_X509(NULL, &at, (long)bytes.n);
	ERR_clear_error();
	if (!cert)
		return x509info_parse_pem(bytes, certs, e);
	*certs = sk_X509_new_null();
	if (*certs && sk_X509_push(*certs, cert) > 0)
		return 0;
	sk_X509_free(*certs);
	*certs = NULL;
	X509_free(cert);
	return err_set_openssl(e, ERR_BUG, "cannot keep a certificate");
}

int
x509info_load(const char *path, STACK_OF(X509) **certs, struct err *e)
{
	struct buf pem;
	int rc;

	/* It may hold a private key as well. */
	buf_init_secret(&pem, X509INFO_FILE_MAX);
	rc = file_read(path, &pem, e);
	if (rc == 0) {
		rc = x509info_parse_pem(buf_span(&pem), certs, e);
		if (rc < 0)
			err_wrap(e, "%s", path);
	}
	buf_release(&pem);
	return rc;
}

int
x509info_format_pem(X509 *cert, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long len;
	int rc = -1;

	if (!bio || !PEM_write_bio_X509(bio, cert)) {
		err_set_openssl(e, ERR_BUG, "cannot write a certificate as PEM");
		goto out;
	}
	len = BIO_get_mem_data(bio, &bytes);
	if (len <= 0 || buf_add(out, span_of(bytes, (size_t)len)) < 0) {
		err_set(e, ERR_BUG, "no room for a certificate");
		goto out;
	}
	rc = 0;
out:
	BIO_free(bio);
	return rc;
}
