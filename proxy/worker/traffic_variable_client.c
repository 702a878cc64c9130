/* SPDX-License-Identifier: ISC */
/* traffic_variable_client: the $ssl_client_* variables: what the client's certificate says. Without one they have no value. */
#include "base/buf.h"
#include "base/encode.h"
#include "proxy/tls/tls_facts.h"
#include "proxy/worker/traffic_variable.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define TEXT_MAX (256 << 10)

static X509 *
certificate_of(void *subject)
{
	const struct tls_facts *f = ((struct traffic *)subject)->client->tls.facts;

	return f ? f->certificate : NULL;
}

/* What was written into bio, in the request's arena; frees bio. */
static struct span
take_bio(void *subject, BIO *bio)
{
	char *p;
	long n = bio ? BIO_get_mem_data(bio, &p) : 0;
	struct span s = variable_none();

	if (n > 0)
		s = arena_dup(((struct traffic *)subject)->arena, span_of(p, (size_t)n));
	BIO_free(bio);
	ERR_clear_error();
	return s;
}

static struct span
take_buf(void *subject, struct buf *b)
{
	struct span s = arena_dup(((struct traffic *)subject)->arena, buf_span(b));

	buf_release(b);
	return s;
}

struct span
variable_ssl_client_raw_cert(void *subject, struct span arg)
{
	X509 *cert = certificate_of(subject);
	BIO *bio = cert ? BIO_new(BIO_s_mem()) : NULL;

	if (bio)
		PEM_write_bio_X509(bio, cert);
	return take_bio(subject, bio);
}

/* In one field of a message: each line but the first behind a tab. */
struct span
variable_ssl_client_cert(void *subject, struct span arg)
{
	struct span raw = variable_ssl_client_raw_cert(subject, arg), line;
	struct buf out;

	if (raw.n == 0)
		return raw;
	raw.n--; /* the last line's end */
	buf_init(&out, TEXT_MAX);
	while (span_split(&raw, '\n', &line)) {
		if (out.len > 0)
			buf_add_str(&out, "\n\t");
		(void)buf_add(&out, line);
	}
	return take_buf(subject, &out);
}

struct span
variable_ssl_client_escaped_cert(void *subject, struct span arg)
{
	struct span raw = variable_ssl_client_raw_cert(subject, arg);
	struct buf out;

	if (raw.n == 0)
		return raw;
	buf_init(&out, TEXT_MAX);
	encode_percent(&out, raw, "-._~");
	return take_buf(subject, &out);
}

struct span
variable_ssl_client_fingerprint(void *subject, struct span arg)
{
	X509 *cert = certificate_of(subject);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf out;

	if (!cert || X509_digest(cert, EVP_sha1(), digest, &n) != 1)
		return variable_none();
	buf_init(&out, TEXT_MAX);
	encode_hex(&out, span_of(digest, n));
	return take_buf(subject, &out);
}

struct span
variable_ssl_client_serial(void *subject, struct span arg)
{
	X509 *cert = certificate_of(subject);
	BIO *bio = cert ? BIO_new(BIO_s_mem()) : NULL;

	if (bio)
		i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(cert));
	return take_bio(subject, bio);
}

static struct span
name_text(void *subject, const X509_NAME *name)
{
	BIO *bio = name ? BIO_new(BIO_s_mem()) : NULL;

	if (bio)
		X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
	return take_bio(subject, bio);
}

static struct span
name_line(void *subject, const X509_NAME *name)
{
	char *line = name ? X509_NAME_oneline(name, NULL, 0) : NULL;
	struct span s = variable_none();

	if (line && line[0])
		s = arena_dup(((struct traffic *)subject)->arena, span_str(line));
	OPENSSL_free(line);
	return s;
}

static const X509_NAME *
subject_of(void *subject)
{
	X509 *cert = certificate_of(subject);

	return cert ? X509_get_subject_name(cert) : NULL;
}

static const X509_NAME *
issuer_of(void *subject)
{
	X509 *cert = certificate_of(subject);

	return cert ? X509_get_issuer_name(cert) : NULL;
}

struct span
variable_ssl_client_s_dn(void *subject, struct span arg)
{
	return name_text(subject, subject_of(subject));
}

struct span
variable_ssl_client_i_dn(void *subject, struct span arg)
{
	return name_text(subject, issuer_of(subject));
}

struct span
variable_ssl_client_s_dn_legacy(void *subject, struct span arg)
{
	return name_line(subject, subject_of(subject));
}

struct span
variable_ssl_client_i_dn_legacy(void *subject, struct span arg)
{
	return name_line(subject, issuer_of(subject));
}

static struct span
time_text(void *subject, const ASN1_TIME *t)
{
	BIO *bio = t ? BIO_new(BIO_s_mem()) : NULL;

	if (bio)
		ASN1_TIME_print(bio, t);
	return take_bio(subject, bio);
}

struct span
variable_ssl_client_v_start(void *subject, struct span arg)
{
	X509 *cert = certificate_of(subject);

	return time_text(subject, cert ? X509_get0_notBefore(cert) : NULL);
}

struct span
variable_ssl_client_v_end(void *subject, struct span arg)
{
	X509 *cert = certificate_of(subject);

	return time_text(subject, cert ? X509_get0_notAfter(cert) : NULL);
}

/* Whole days; 0 once it is over. */
struct span
variable_ssl_client_v_remain(void *subject, struct span arg)
{
	X509 *cert = certificate_of(subject);
	int days = 0, seconds = 0;

	if (!cert)
		return variable_none();
	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) != 1 || days < 0 ||
	    seconds < 0)
		days = 0;
	return arena_decimal(((struct traffic *)subject)->arena, (uint64_t)days);
}

struct span
variable_ssl_client_verify(void *subject, struct span arg)
{
	struct traffic *t = subject;
	const struct tls_facts *f = t->client->tls.facts;
	long verdict;

	if (!f)
		return variable_none();
	if (!f->certificate)
		return SPAN("NONE");
	verdict = t->judged ? t->verdict : f->verdict;
	if (verdict == X509_V_OK)
		return SPAN("SUCCESS");
	return arena_printf(t->arena, "FAILED:%s", X509_verify_cert_error_string(verdict));
}
