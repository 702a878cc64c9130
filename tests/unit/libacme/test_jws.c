/* SPDX-License-Identifier: ISC */
/* jws: what is signed is what is said, and the signature holds. */
#include "base/encode.h"
#include "base/mem.h"
#include "libacme/acme_json.h"
#include "libacme/jws.h"
#include "libcert/pkey.h"
#include "tests/unit/unit.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>

struct kind {
	const char *key, *alg;
	const EVP_MD *(*md)(void);
};

static const struct kind kinds[] = {
	{ "ec:P-256", "ES256", EVP_sha256 },
	{ "ec:P-384", "ES384", EVP_sha384 },
	{ "ec:P-521", "ES512", EVP_sha512 },
	{ "rsa:2048", "RS256", EVP_sha256 },
	{ "ed25519", "EdDSA", NULL },
};

static EVP_PKEY *
make(const char *text)
{
	struct pkey_spec spec;
	EVP_PKEY *key = NULL;

	assert_int_equal(pkey_spec_parse(span_str(text), &spec, NULL), 0);
	assert_int_equal(pkey_generate(&spec, &key, NULL), 0);
	return key;
}

/* r || s back to DER. */
static void
unflatten(struct buf *sig)
{
	int half = (int)sig->len / 2, n;
	ECDSA_SIG *rs = ECDSA_SIG_new();
	unsigned char *der = NULL;

	ECDSA_SIG_set0(rs, BN_bin2bn((unsigned char *)sig->p, half, NULL),
	    BN_bin2bn((unsigned char *)sig->p + half, half, NULL));
	n = i2d_ECDSA_SIG(rs, &der);
	buf_reset(sig);
	buf_add(sig, span_of(der, (size_t)n));
	OPENSSL_free(der);
	ECDSA_SIG_free(rs);
}

static bool
holds(EVP_PKEY *key, const struct kind *kind, const cJSON *jws)
{
	char *input = mem_printf("%s.%s", acme_json_string(jws, "protected"),
	    acme_json_string(jws, "payload"));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf sig;
	int rc;

	buf_init(&sig, 4096);
	assert_int_equal(decode_base64url(&sig, span_str(acme_json_string(jws, "signature"))), 0);
	if (kind->alg[0] == 'E' && kind->md) {
		assert_int_equal(sig.len, 2 * ((EVP_PKEY_get_bits(key) + 7) / 8));
		unflatten(&sig);
	}
	EVP_DigestVerifyInit(ctx, NULL, kind->md ? kind->md() : NULL, NULL, key);
	rc = EVP_DigestVerify(ctx, (unsigned char *)sig.p, sig.len, (unsigned char *)input,
	    strlen(input));
	EVP_MD_CTX_free(ctx);
	buf_release(&sig);
	free(input);
	return rc == 1;
}

static cJSON *
sign(EVP_PKEY *key, const struct jws_header *header, const char *payload)
{
	struct buf out;
	cJSON *doc = NULL;

	buf_init(&out, 65536);
	assert_int_equal(jws_sign(key, header, span_str(payload), &out, NULL), 0);
	assert_int_equal(acme_json_parse(buf_span(&out), "it", &doc, NULL), 0);
	buf_release(&out);
	return doc;
}

static cJSON *
header_of(const cJSON *jws)
{
	struct buf text;
	cJSON *doc = NULL;

	buf_init(&text, 65536);
	assert_int_equal(decode_base64url(&text, span_str(acme_json_string(jws, "protected"))), 0);
	assert_int_equal(acme_json_parse(buf_span(&text), "header", &doc, NULL), 0);
	buf_release(&text);
	return doc;
}

static void
signatures_hold_for_every_kind(void **state)
{
	static const struct jws_header header = { .url = "https://ca.example/order",
		.nonce = "oFvnlFP1wIhRlYS2jTaXbA",
		.kid = "https://ca.example/acct/1" };

	for (size_t i = 0; i < COUNT(kinds); i++) {
		EVP_PKEY *key = make(kinds[i].key), *other = make(kinds[i].key);
		/* ECDSA leaves out leading zeros in DER: many signatures meet the short ones. */
		int rounds = kinds[i].alg[1] == 'S' && kinds[i].alg[0] == 'E' ? 300 : 2;

		assert_string_equal(jws_algorithm(key), kinds[i].alg);
		for (int round = 0; round < rounds; round++) {
			cJSON *jws = sign(key, &header, "{\"a\":1}");

			assert_true(holds(key, &kinds[i], jws));
			assert_false(holds(other, &kinds[i], jws));
			cJSON_Delete(jws);
		}
		EVP_PKEY_free(key);
		EVP_PKEY_free(other);
	}
}

static void
header_says_who_where_and_which_nonce(void **state)
{
	struct jws_header header = {
		.url = "https://ca.example/\"x", .nonce = "abc", .kid = "k\"id"
	};
	EVP_PKEY *key = make("ec:P-256");
	cJSON *jws = sign(key, &header, ""), *h = header_of(jws);

	assert_string_equal(acme_json_string(jws, "payload"), "");
	assert_string_equal(acme_json_string(h, "alg"), "ES256");
	assert_string_equal(acme_json_string(h, "kid"), "k\"id");
	assert_string_equal(acme_json_string(h, "nonce"), "abc");
	assert_string_equal(acme_json_string(h, "url"), "https://ca.example/\"x");
	assert_null(acme_json_object(h, "jwk"));
	cJSON_Delete(h);
	cJSON_Delete(jws);

	/* RFC 8555 6.2: jwk or kid, never both. */
	header.kid = NULL;
	jws = sign(key, &header, "{}");
	h = header_of(jws);
	assert_null(acme_json_string(h, "kid"));
	assert_string_equal(acme_json_string(acme_json_object(h, "jwk"), "kty"), "EC");
	assert_null(acme_json_string(acme_json_object(h, "jwk"), "d"));
	cJSON_Delete(h);
	cJSON_Delete(jws);
	EVP_PKEY_free(key);
}

static void
keys_without_an_algorithm_are_refused(void **state)
{
	static const struct jws_header header = { .url = "https://ca.example/", .kid = "x" };
	EVP_PKEY *key = EVP_EC_gen("brainpoolP320r1");
	struct buf out;

	buf_init(&out, 65536);
	assert_null(jws_algorithm(key));
	assert_int_equal(jws_sign(key, &header, SPAN(""), &out, NULL), -1);
	buf_release(&out);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_hold_for_every_kind),
		cmocka_unit_test(header_says_who_where_and_which_nonce),
		cmocka_unit_test(keys_without_an_algorithm_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
