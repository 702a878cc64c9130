/* SPDX-License-Identifier: ISC */
/* Tests of the derivations of TLS 1.3 by the "Simple 1-RTT Handshake" of RFC 8448, 3, and beside OpenSSL's own. */
#include "proxy/tls/key_schedule.h"
#include "tests/unit/unit.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <string.h>

static const unsigned char early_secret[] = { 0x33, 0xad, 0x0a, 0x1c, 0x60, 0x7e, 0xc0, 0x3b, 0x09,
	0xe6, 0xcd, 0x98, 0x93, 0x68, 0x0c, 0xe2, 0x10, 0xad, 0xf3, 0x00, 0xaa, 0x1f, 0x26, 0x60,
	0xe1, 0xb2, 0x2e, 0x10, 0xf1, 0x70, 0xf9, 0x2a };
static const unsigned char derived[] = { 0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5, 0x67, 0x8f,
	0x54, 0xfc, 0x9d, 0xba, 0xb6, 0x97, 0x16, 0xc0, 0x76, 0x18, 0x9c, 0x48, 0x25, 0x0c, 0xeb,
	0xea, 0xc3, 0x57, 0x6c, 0x36, 0x11, 0xba };

static void
secrets_of_the_rfc(void **state)
{
	static const unsigned char zeros[HKDF_HASH_MAX];
	unsigned char out[HKDF_HASH_MAX];

	assert_true(hkdf_extract(HKDF_SHA256, SPAN(""), span_of(zeros, 32), out));
	assert_memory_equal(out, early_secret, 32);
	assert_true(hkdf_expand_label(HKDF_SHA256, span_of(early_secret, 32), SPAN("derived"),
	    span_of(hkdf_empty(HKDF_SHA256), 32), out, 32));
	assert_memory_equal(out, derived, 32);
	assert_false(hkdf_expand_label(HKDF_SHA256, span_of(early_secret, 32), SPAN("derived"),
	    SPAN(""), out, 33));
}

/* ---- the provider, asked as libssl asks --------------------------------------------------------------------- */

static int
ask(const char *properties, int mode, const char *digest, struct span key, struct span salt,
    const char *label, struct span data, unsigned char *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, properties);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[8], *p = params;
	int ok;

	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*p++ =
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (char[]){ "tls13 " }, 6);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (char *)(uintptr_t)label,
	    strlen(label));
	if (key.p)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
		    (char *)(uintptr_t)key.p, key.n);
	if (salt.p)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
		    (char *)(uintptr_t)salt.p, salt.n);
	if (data.p)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_DATA,
		    (char *)(uintptr_t)data.p, data.n);
	*p = OSSL_PARAM_construct_end();
	ok = EVP_KDF_derive(ctx, out, n, params);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

static void
the_same_as_openssl(void **state)
{
	static const struct span none = { NULL, 0 };
	static const char *const digests[] = { "SHA256", "SHA384" };
	static const char secret[] = "forty-eight bytes, of which the shorter takes 32";
	unsigned char ours[64], theirs[64];

	for (int i = 0; i < 2; i++) {
		size_t n = hkdf_size((enum hkdf_hash)i);
		struct span s = span_of(secret, n);
		const struct {
			int mode;
			struct span key, salt, data;
			const char *label;
			size_t n;
		} questions[] = {
			{ EVP_KDF_HKDF_MODE_EXTRACT_ONLY, none, none, none, "derived", n },
			{ EVP_KDF_HKDF_MODE_EXTRACT_ONLY, s, none, none, "derived", n },
			{ EVP_KDF_HKDF_MODE_EXTRACT_ONLY, s, s, none, "derived", n },
			{ EVP_KDF_HKDF_MODE_EXTRACT_ONLY, none, s, none, "derived", n },
			{ EVP_KDF_HKDF_MODE_EXPAND_ONLY, s, none, s, "c hs traffic", n },
			{ EVP_KDF_HKDF_MODE_EXPAND_ONLY, s, none, none, "iv", 12 },
			{ EVP_KDF_HKDF_MODE_EXPAND_ONLY, s, none, none, "key", 16 },
			{ EVP_KDF_HKDF_MODE_EXPAND_ONLY, s, none, none, "finished", n },
			{ EVP_KDF_HKDF_MODE_EXPAND_ONLY, s, none, span_of("\0\0\0\0\0\0\0\1", 8),
			    "resumption", n },
		};

		for (size_t q = 0; q < COUNT(questions); q++) {
			assert_int_equal(ask(key_schedule_properties(), questions[q].mode,
					     digests[i], questions[q].key, questions[q].salt,
					     questions[q].label, questions[q].data, ours,
					     questions[q].n),
			    1);
			assert_int_equal(ask("provider=default", questions[q].mode, digests[i],
					     questions[q].key, questions[q].salt,
					     questions[q].label, questions[q].data, theirs,
					     questions[q].n),
			    1);
			assert_memory_equal(ours, theirs, questions[q].n);
		}
	}
}

static void
traffic_secrets_are_noted(void **state)
{
	static const struct span none = { NULL, 0 };
	struct key_schedule_secrets secrets = { .in.n = 0 };
	unsigned char out[32];

	key_schedule_follow(&secrets);
	for (int i = 0; i < 3; i++) {
		static const char *const labels[] = { "c hs traffic", "c ap traffic",
			"s ap traffic" };

		assert_int_equal(ask(key_schedule_properties(), EVP_KDF_HKDF_MODE_EXPAND_ONLY,
				     "SHA2-256", span_of(derived, 32), none, labels[i],
				     span_of(derived, 32), out, 32),
		    1);
		assert_int_equal(secrets.in.n, i > 0 ? 32 : 0);
		assert_int_equal(secrets.out.n, i > 1 ? 32 : 0);
	}
	assert_memory_equal(secrets.out.bytes, out, 32);
	assert_memory_not_equal(secrets.in.bytes, out, 32);
	key_schedule_follow(NULL);
	memset(&secrets, 0, sizeof(secrets));
	assert_int_equal(ask(key_schedule_properties(), EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA256",
			     span_of(derived, 32), none, "c ap traffic", none, out, 32),
	    1);
	assert_int_equal(secrets.in.n, 0);
}

/* libssl asks for nothing else; if it ever does, it is told that it cannot have it. */
static void
other_questions(void **state)
{
	static const struct span none = { NULL, 0 };
	struct span s = span_of(derived, 32);
	unsigned char out[64];

	assert_int_equal(ask(key_schedule_properties(), EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA512", s,
			     none, "key", none, out, 16),
	    0);
	assert_int_equal(ask(key_schedule_properties(), EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND,
			     "SHA256", s, none, "key", none, out, 16),
	    0);
	assert_int_equal(ask(key_schedule_properties(), EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA256", s,
			     none, "key", none, out, 33),
	    0);
	assert_int_equal(ask(key_schedule_properties(), EVP_KDF_HKDF_MODE_EXPAND_ONLY, "SHA256",
			     none, none, "key", none, out, 16),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_of_the_rfc),
		cmocka_unit_test(the_same_as_openssl),
		cmocka_unit_test(traffic_secrets_are_noted),
		cmocka_unit_test(other_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
