/* SPDX-License-Identifier: ISC */
/* x509info: what a certificate says, whom it covers, what is refused as a file of certificates. */
#include "libcert/x509info.h"
#include "tests/unit/libcert/made.h"

#include <openssl/x509v3.h>

static void
fields_are_read(void **state)
{
	EVP_PKEY *key = made_key("ec");
	X509 *cert = made_cert(key, "a.example,*.b.example,192.0.2.1,2001:db8::1,me@c.example",
	    (struct made_options){ .subject = "/C=DE/O=Ex, Ample/CN=a.example" });
	struct arena *arena = arena_new(0);
	struct x509info info;
	unsigned char sha256[32];

	x509info_read(cert, arena, &info);
	assert_int_equal(info.dns_count, 2);
	assert_span(info.dns[0], "a.example");
	assert_span(info.dns[1], "*.b.example");
	assert_int_equal(info.ip_count, 2);
	assert_span(info.ip[0], "192.0.2.1");
	assert_span(info.ip[1], "2001:db8::1");
	assert_span(info.common_name, "a.example");
	assert_span(info.subject, "CN=a.example,O=Ex\\, Ample,C=DE");
	assert_span(info.issuer, "CN=a.example,O=Ex\\, Ample,C=DE");
	assert_int_equal(info.serial.n, 32);
	assert_int_equal(info.not_before, MADE_NOW - DAY);
	assert_int_equal(info.not_after, MADE_NOW + 90 * DAY);
	assert_false(info.is_ca);
	assert_true(info.self_signed);
	x509info_sha256(cert, sha256);
	assert_memory_equal(info.sha256, sha256, 32);
	arena_free(arena);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* Dates beyond 2049 are GeneralizedTime. */
static void
far_dates_are_read(void **state)
{
	EVP_PKEY *key = made_key("ed25519");
	X509 *cert = made_cert(key, "a.example",
	    (struct made_options){ .not_before = 1, .not_after = INT64_C(253402300799) });
	struct arena *arena = arena_new(0);
	struct x509info info;

	x509info_read(cert, arena, &info);
	assert_int_equal(info.not_before, 1);
	assert_int_equal(info.not_after, INT64_C(253402300799));
	arena_free(arena);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
names_are_covered(void **state)
{
	static const struct {
		struct span name;
		bool covered;
	} cases[] = {
		{ SPAN_INIT("a.example"), true }, { SPAN_INIT("A.Example."), true },
		{ SPAN_INIT("*.b.example"), true }, { SPAN_INIT("x.b.example"), true },
		{ SPAN_INIT("192.0.2.1"), true }, { SPAN_INIT("2001:DB8:0::1"), true },
		{ SPAN_INIT("[2001:db8::1]"), true }, { SPAN_INIT(""), false },
		{ SPAN_INIT("."), false }, { SPAN_INIT("b.example"), false },
		{ SPAN_INIT(".b.example"), false }, { SPAN_INIT("x.y.b.example"), false },
		{ SPAN_INIT("*.a.example"), false }, { SPAN_INIT("a.example.."), false },
		{ SPAN_INIT("a.example\0.evil"), false }, { SPAN_INIT("192.0.2.2"), false },
		{ SPAN_INIT("2001:db8::2"), false },
		{ SPAN_INIT("common.example"), false }, /* only in CN */
	};
	EVP_PKEY *key = made_key("ec");
	X509 *cert = made_cert(key, "a.example,*.b.example,192.0.2.1,2001:db8::1",
	    (struct made_options){ .subject = "/CN=common.example" });

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (x509info_covers(cert, cases[i].name) != cases[i].covered)
			fail_msg("\"%.*s\"", SPAN_ARG(cases[i].name));
	}
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* A subjectAltName as an attacker might have a careless CA sign it. */
static X509 *
with_raw_name(EVP_PKEY *key, const char *bytes, int len, int type)
{
	X509 *cert = X509_new();
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *general = GENERAL_NAME_new();
	ASN1_STRING *value = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	assert_int_equal(ASN1_STRING_set(value, bytes, len), 1);
	GENERAL_NAME_set0_value(general, type, value);
	assert_int_equal(sk_GENERAL_NAME_push(names, general), 1);
	assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 1000);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	GENERAL_NAMES_free(names);
	return cert;
}

static void
forged_names_cover_nothing(void **state)
{
	static const struct {
		struct span raw;
		int type;
		struct span name;
	} cases[] = {
		{ SPAN_INIT("a.example\0.evil.example"), GEN_DNS, SPAN_INIT("a.example") },
		{ SPAN_INIT("a.example\0.evil.example"), GEN_DNS,
		    SPAN_INIT("a.example\0.evil.example") },
		{ SPAN_INIT("a.ex\nample"), GEN_DNS, SPAN_INIT("a.ex\nample") },
		{ SPAN_INIT("*.com"), GEN_DNS, SPAN_INIT("a.com") },
		{ SPAN_INIT("*"), GEN_DNS, SPAN_INIT("a") },
		{ SPAN_INIT("a*.b.example"), GEN_DNS, SPAN_INIT("ax.b.example") },
		{ SPAN_INIT("192.0.2.1"), GEN_DNS, SPAN_INIT("192.0.2.1") },
		{ SPAN_INIT("\xc0\x00\x02"), GEN_IPADD, SPAN_INIT("192.0.2.1") },
		{ SPAN_INIT("\xc0\x00\x02\x01\x00"), GEN_IPADD, SPAN_INIT("192.0.2.1") },
	};
	EVP_PKEY *key = made_key("ec");

	for (size_t i = 0; i < COUNT(cases); i++) {
		X509 *cert = with_raw_name(key, cases[i].raw.p, (int)cases[i].raw.n, cases[i].type);

		if (x509info_covers(cert, cases[i].name))
			fail_msg("case %zu", i);
		X509_free(cert);
	}
	EVP_PKEY_free(key);
}

static void
keys_are_matched(void **state)
{
	EVP_PKEY *key = made_key("ec"), *other = made_key("ec"), *rsa = made_key("rsa");
	X509 *cert = made_cert(key, "a.example", (struct made_options){ 0 });

	assert_true(x509info_key_matches(cert, key));
	assert_false(x509info_key_matches(cert, other));
	assert_false(x509info_key_matches(cert, rsa));
	assert_false(x509info_key_matches(cert, NULL));
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(rsa);
}

static void
pem_files_are_read_in_order(void **state)
{
	EVP_PKEY *key = made_key("ec");
	X509 *first = made_cert(key, "a.example", (struct made_options){ 0 });
	X509 *second = made_cert(key, "b.example", (struct made_options){ 0 });
	STACK_OF(X509) *certs = NULL;
	struct buf pem;

	buf_init(&pem, 65536);
	buf_add_str(&pem, "subject=a.example\n");
	made_pem(&pem, first);
	assert_int_equal(pkey_format_pem(key, &pem, NULL), 0); /* a combined file */
	made_pem(&pem, second);
	buf_add_str(&pem, "the end");
	assert_int_equal(x509info_parse_pem(buf_span(&pem), &certs, NULL), 0);
	assert_int_equal(sk_X509_num(certs), 2);
	assert_int_equal(X509_cmp(sk_X509_value(certs, 0), first), 0);
	assert_int_equal(X509_cmp(sk_X509_value(certs, 1), second), 0);
	sk_X509_pop_free(certs, X509_free);
	X509_free(first);
	X509_free(second);
	EVP_PKEY_free(key);
	buf_release(&pem);
}

static void
broken_pem_is_refused(void **state)
{
	EVP_PKEY *key = made_key("ec");
	X509 *cert = made_cert(key, "a.example", (struct made_options){ 0 });
	STACK_OF(X509) *certs = NULL;
	struct buf pem, key_pem;
	size_t whole;

	buf_init(&pem, 2 * 1024 * 1024);
	buf_init_secret(&key_pem, 65536);
	assert_int_equal(pkey_format_pem(key, &key_pem, NULL), 0);
	assert_refused(x509info_parse_pem(SPAN(""), &certs, &e), "empty");
	assert_refused(x509info_parse_pem(SPAN("hello"), &certs, &e), "no certificate");
	assert_refused(x509info_parse_pem(buf_span(&key_pem), &certs, &e), "no certificate");
	made_pem(&pem, cert);
	whole = pem.len;
	assert_refused(x509info_parse_pem(span_of(pem.p, whole / 2), &certs, &e), "broken");
	made_pem(&pem, cert);
	assert_refused(x509info_parse_pem(span_of(pem.p, pem.len - 40), &certs, &e),
	    "after 1 certificate");
	pem.len = whole;
	buf_add_str(&pem, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
	assert_refused(x509info_parse_pem(buf_span(&pem), &certs, &e), "certificate 2");
	pem.len = 0;
	for (int i = 0; i < 101; i++)
		made_pem(&pem, cert);
	assert_refused(x509info_parse_pem(buf_span(&pem), &certs, &e), "more than 100");
	assert_null(certs);
	X509_free(cert);
	EVP_PKEY_free(key);
	buf_release(&pem);
	buf_release(&key_pem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(far_dates_are_read),
		cmocka_unit_test(names_are_covered),
		cmocka_unit_test(forged_names_cover_nothing),
		cmocka_unit_test(keys_are_matched),
		cmocka_unit_test(pem_files_are_read_in_order),
		cmocka_unit_test(broken_pem_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
