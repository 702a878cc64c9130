/* SPDX-License-Identifier: ISC */
/* x509gen: extensions field by field for every kind of key and use; refusals. */
#include "libcert/x509gen.h"
#include "tests/unit/libcert/made.h"

#include <openssl/x509v3.h>

static int
critical_of(X509 *cert, int nid)
{
	int critical;
	void *value = X509_get_ext_d2i(cert, nid, &critical, NULL);

	if (nid == NID_subject_alt_name)
		GENERAL_NAMES_free(value);
	else if (nid == NID_basic_constraints)
		BASIC_CONSTRAINTS_free(value);
	else if (nid == NID_key_usage)
		ASN1_BIT_STRING_free(value);
	return critical;
}

static void
check_common(X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);

	assert_int_equal(X509_get_version(cert), X509_VERSION_3);
	assert_int_equal(ASN1_STRING_length(serial), 16);
	assert_int_equal(ASN1_STRING_get0_data(serial)[0] & 0xc0, 0x40); /* 127 bits, positive */
	assert_non_null(ski);
	assert_int_equal(ASN1_STRING_length(ski), 20);
	assert_non_null(X509_get0_authority_key_id(cert));
	assert_int_equal(critical_of(cert, NID_basic_constraints), 1);
	assert_int_equal(critical_of(cert, NID_key_usage), 1);
}

static void
leaves_have_what_clients_ask_for(void **state)
{
	static const struct {
		const char *key;
		uint32_t usage;
		int signature;
	} cases[] = {
		{ "rsa", X509v3_KU_DIGITAL_SIGNATURE | X509v3_KU_KEY_ENCIPHERMENT,
		    NID_sha256WithRSAEncryption },
		{ "P-256", X509v3_KU_DIGITAL_SIGNATURE, NID_ecdsa_with_SHA256 },
		{ "P-384", X509v3_KU_DIGITAL_SIGNATURE, NID_ecdsa_with_SHA384 },
		{ "P-521", X509v3_KU_DIGITAL_SIGNATURE, NID_ecdsa_with_SHA512 },
		{ "ed25519", X509v3_KU_DIGITAL_SIGNATURE, NID_ED25519 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		EVP_PKEY *key = made_key(cases[i].key);
		X509 *cert = made_cert(key, "a.example", (struct made_options){ 0 });

		check_common(cert);
		assert_int_equal(X509_get_key_usage(cert), cases[i].usage);
		assert_int_equal(X509_get_extended_key_usage(cert), XKU_SSL_SERVER);
		assert_int_equal(X509_get_signature_nid(cert), cases[i].signature);
		assert_int_equal(X509_check_ca(cert), 0);
		assert_int_equal(critical_of(cert, NID_subject_alt_name), 0);
		assert_int_equal(X509_self_signed(cert, 1), 1);
		/* For a self-signed one both identifiers are the same. */
		assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(cert),
				     X509_get0_authority_key_id(cert)),
		    0);
		X509_free(cert);
		EVP_PKEY_free(key);
	}
}

static void
names_arrive_by_their_type(void **state)
{
	EVP_PKEY *key = made_key("ec");
	X509 *cert = made_cert(key, "*.a.example,192.0.2.1,2001:db8::1,me@a.example,spiffe://a/b",
	    (struct made_options){ .subject = "/" });
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	static const int types[] = { GEN_DNS, GEN_IPADD, GEN_IPADD, GEN_EMAIL, GEN_URI };
	static const int lengths[] = { 11, 4, 16, 12, 12 };

	assert_int_equal(sk_GENERAL_NAME_num(names), 5);
	for (int i = 0; i < 5; i++) {
		const GENERAL_NAME *general = sk_GENERAL_NAME_value(names, i);

		assert_int_equal(general->type, types[i]);
		assert_int_equal(ASN1_STRING_length(general->d.ia5), lengths[i]);
	}
	assert_memory_equal(ASN1_STRING_get0_data(sk_GENERAL_NAME_value(names, 1)->d.iPAddress),
	    "\xc0\x00\x02\x01", 4);
	assert_int_equal(X509_get_extended_key_usage(cert), XKU_SSL_SERVER | XKU_SMIME);
	/* An empty subject makes the names critical (RFC 5280 4.1.2.6). */
	assert_int_equal(critical_of(cert, NID_subject_alt_name), 1);
	GENERAL_NAMES_free(names);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
a_ca_issues_leaves(void **state)
{
	EVP_PKEY *ca_key = made_key("P-384"), *key = made_key("rsa");
	X509 *ca =
	    made_cert(ca_key, "", (struct made_options){ .use = X509GEN_CA, .subject = "/CN=CA" });
	X509 *leaf = made_cert(key, "a.example",
	    (struct made_options){ .use = X509GEN_CLIENT,
		.issuer = ca,
		.issuer_key = ca_key,
		.digest = EVP_sha384() });

	check_common(ca);
	check_common(leaf);
	assert_int_equal(X509_check_ca(ca), 1);
	assert_int_equal(X509_get_pathlen(ca), 0);
	assert_int_equal(X509_get_key_usage(ca), X509v3_KU_KEY_CERT_SIGN | X509v3_KU_CRL_SIGN);
	assert_int_equal(X509_get_extension_flags(ca) & EXFLAG_XKUSAGE, 0);
	assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_CLIENT);
	assert_int_equal(X509_get_signature_nid(leaf), NID_ecdsa_with_SHA384);
	assert_int_equal(X509_check_issued(ca, leaf), X509_V_OK);
	assert_int_equal(X509_verify(leaf, ca_key), 1);
	X509_free(ca);
	X509_free(leaf);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

static void
impossible_requests_are_refused(void **state)
{
	EVP_PKEY *key = made_key("ec"), *other = made_key("ec");
	X509 *leaf = made_cert(key, "a.example", (struct made_options){ 0 }), *cert = NULL;
	X509 *ca =
	    made_cert(key, "", (struct made_options){ .use = X509GEN_CA, .subject = "/CN=CA" });
	X509_NAME *empty = X509_NAME_new(), *subject = NULL;
	struct x509gen_request request = {
		.subject = empty, .not_before = 1, .not_after = 2, .key = key
	};

	assert_int_equal(subject_parse(SPAN("/CN=x"), &subject, NULL), 0);
	assert_refused(x509gen_make(&request, &cert, &e), "a name or a subject");
	request.subject = subject;
	request.not_after = 0;
	assert_refused(x509gen_make(&request, &cert, &e), "end before it begins");
	request.not_after = INT64_C(253402300800);
	assert_refused(x509gen_make(&request, &cert, &e), "9999");
	request.not_after = 2;
	request.not_before = -1;
	assert_refused(x509gen_make(&request, &cert, &e), "1970");
	request.not_before = 1;
	request.issuer = leaf;
	request.issuer_key = key;
	assert_refused(x509gen_make(&request, &cert, &e), "not a certificate authority");
	request.issuer = ca;
	request.issuer_key = other;
	assert_refused(x509gen_make(&request, &cert, &e), "does not belong");
	request.issuer_key = NULL;
	assert_refused(x509gen_make(&request, &cert, &e), "does not belong");
	assert_null(cert);
	X509_NAME_free(empty);
	X509_NAME_free(subject);
	X509_free(leaf);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_have_what_clients_ask_for),
		cmocka_unit_test(names_arrive_by_their_type),
		cmocka_unit_test(a_ca_issues_leaves),
		cmocka_unit_test(impossible_requests_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
