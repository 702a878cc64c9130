/* SPDX-License-Identifier: ISC */
/* ari: RFC 9773's example of an id, answers good and bad, and the instant in the window. */
#include "base/clock.h"
#include "libacme/ari_internal.h"
#include "libcert/x509info.h"
#include "tests/unit/unit.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>

/* RFC 9773 4.1: key id 69:88:...:EF, serial 00:87:65:43:21. */
static void
test_id_of_the_rfc(void **state)
{
	static const unsigned char key_id[] = { 0x69, 0x88, 0x5B, 0x6B, 0x87, 0x46, 0x40, 0x41,
		0xE1, 0xB3, 0x7B, 0x84, 0x7B, 0xA0, 0xAE, 0x2C, 0xDE, 0x01, 0xC8, 0xD4 };
	AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *leaf = X509_new(), *bare = X509_new();
	struct buf id;

	buf_init(&id, 256);
	assert_int_equal(ari_cert_id(bare, &id), -1);
	assert_int_equal(X509_set_version(leaf, X509_VERSION_3), 1);
	assert_int_equal(X509_set_pubkey(leaf, key), 1);
	X509_gmtime_adj(X509_getm_notBefore(leaf), 0);
	X509_gmtime_adj(X509_getm_notAfter(leaf), 3600);
	akid->keyid = ASN1_OCTET_STRING_new();
	assert_int_equal(ASN1_OCTET_STRING_set(akid->keyid, key_id, sizeof(key_id)), 1);
	assert_int_equal(X509_add1_ext_i2d(leaf, NID_authority_key_identifier, akid, 0,
			     X509V3_ADD_DEFAULT),
	    1);
	assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(leaf), 0x87654321), 1);
	assert_true(X509_sign(leaf, key, EVP_sha256()) > 0);
	assert_int_equal(ari_cert_id(leaf, &id), 0);
	assert_string_equal(buf_str(&id), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
	buf_release(&id);
	X509_free(leaf);
	X509_free(bare);
	EVP_PKEY_free(key);
	AUTHORITY_KEYID_free(akid);
}

static void
test_answers(void **state)
{
	static const struct {
		const char *json;
		int rc;
	} rows[] = {
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\","
		  "\"end\":\"2025-01-03T04:00:00Z\"},\"explanationURL\":\"https://a/b\"}",
		    0 },
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\","
		  "\"end\":\"2025-01-02T04:00:00Z\"}}",
		    -1 },
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\"}}", -1 },
		{ "{\"suggestedWindow\":{\"start\":1,\"end\":2}}", -1 },
		{ "{\"suggestedWindow\":{\"start\":\"yesterday\",\"end\":\"2025-01-02T04:00:00Z\"}}",
		    -1 },
		{ "{\"suggestedWindow\":[]}", -1 },
		{ "[]", -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct ari ari = { .at = 0 };

		assert_int_equal(ari_parse(span_str(rows[i].json), arena, &ari, NULL), rows[i].rc);
		if (rows[i].rc == 0) {
			assert_int_equal(ari.end - ari.start, 86400);
			assert_string_equal(ari.explanation, "https://a/b");
		}
		arena_free(arena);
	}
}

static void
test_instants_are_spread_over_the_window_and_kept(void **state)
{
	const struct ari none = { .at = 0 };
	int tenths[10] = { 0 };

	for (int i = 0; i < 2000; i++) {
		struct ari ari = { .start = 1000, .end = 2000 };
		struct ari again = ari, moved = { .start = 1000, .end = 2001 };

		ari_choose(&ari, &none);
		assert_in_range(ari.at, 1000, 1999);
		tenths[(ari.at - 1000) / 100]++;
		ari_choose(&again, &ari);
		assert_int_equal(again.at, ari.at);
		ari_choose(&moved, &ari);
		assert_in_range(moved.at, 1000, 2000);
	}
	/* 200 are expected in each; 100 fewer or more happen once in 10^13. */
	for (size_t i = 0; i < 10; i++)
		assert_in_range(tenths[i], 100, 300);
}

static void
test_a_late_window_does_not_let_it_run_out(void **state)
{
	const int64_t day = 86400;
	struct ari ari = { .at = 0 };

	assert_int_equal(ari_due_at(&ari, 0, 90 * day), 60 * day);
	ari.at = 10 * day;
	assert_int_equal(ari_due_at(&ari, 0, 90 * day), 10 * day);
	ari.at = 70 * day;
	assert_int_equal(ari_due_at(&ari, 0, 90 * day), 70 * day);
	ari.at = 200 * day;
	assert_int_equal(ari_due_at(&ari, 0, 90 * day), 75 * day);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_of_the_rfc),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_instants_are_spread_over_the_window_and_kept),
		cmocka_unit_test(test_a_late_window_does_not_let_it_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
