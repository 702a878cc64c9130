/* SPDX-License-Identifier: ISC */
/* jwk: the RFCs' own keys, in and out, and what is refused. */
#include "base/encode.h"
#include "libacme/jwk.h"
#include "libcert/pkey.h"
#include "tests/unit/unit.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

/* RFC 7517 A.2 */
#define EC_X "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define EC_Y "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
#define EC_D "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
/* RFC 8037 A.1 */
#define OKP_D "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define OKP_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

static const char ec_key[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
			     "\",\"d\":\"" EC_D "\",\"use\":\"enc\",\"kid\":\"1\"}";
static const char okp_key[] =
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"" OKP_D "\",\"x\":\"" OKP_X "\"}";

static EVP_PKEY *
parse(const char *text)
{
	EVP_PKEY *key = NULL;

	assert_int_equal(jwk_parse_private(span_str(text), &key, NULL), 0);
	assert_non_null(key);
	return key;
}

static void
public_members_stand_in_the_hashed_order(void **state)
{
	EVP_PKEY *ec = parse(ec_key), *okp = parse(okp_key);
	struct buf out;

	buf_init(&out, 4096);
	assert_int_equal(jwk_format_public(ec, &out, NULL), 0);
	assert_span(buf_span(&out),
	    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}");
	buf_reset(&out);
	assert_int_equal(jwk_format_public(okp, &out, NULL), 0);
	assert_span(buf_span(&out), "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" OKP_X "\"}");
	buf_release(&out);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(okp);
}

/* RFC 8037 A.3 */
static void
thumbprint_of_ed25519(void **state)
{
	char out[JWK_THUMBPRINT_LEN + 1];
	EVP_PKEY *key = parse(okp_key);

	assert_int_equal(jwk_thumbprint(key, out, NULL), 0);
	assert_string_equal(out, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
	EVP_PKEY_free(key);
}

/* RFC 7638 3.1 */
static void
thumbprint_of_rsa(void **state)
{
	static const char n[] =
	    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
	    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
	    "65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrd"
	    "kt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
	    "kEgU8awapJzKnqDKgw";
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	char out[JWK_THUMBPRINT_LEN + 1];
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;
	struct buf bytes;
	BIGNUM *bn;

	buf_init(&bytes, 1024);
	assert_int_equal(decode_base64url(&bytes, span_str(n)), 0);
	bn = BN_bin2bn((const unsigned char *)bytes.p, (int)bytes.len, NULL);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_ulong(bld, OSSL_PKEY_PARAM_RSA_E, 65537), 1);
	params = OSSL_PARAM_BLD_to_param(bld);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	assert_int_equal(jwk_thumbprint(key, out, NULL), 0);
	assert_string_equal(out, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
	EVP_PKEY_free(key);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	BN_free(bn);
	buf_release(&bytes);
}

static void
every_kind_comes_back_the_same(void **state)
{
	static const char *const kinds[] = { "ec:P-256", "ec:P-384", "ec:P-521", "rsa:2048",
		"ed25519" };

	for (size_t i = 0; i < COUNT(kinds); i++) {
		EVP_PKEY *key = NULL, *back = NULL;
		struct pkey_spec spec;
		struct buf out;

		buf_init_secret(&out, 16384);
		assert_int_equal(pkey_spec_parse(span_str(kinds[i]), &spec, NULL), 0);
		assert_int_equal(pkey_generate(&spec, &key, NULL), 0);
		assert_int_equal(jwk_format_private(key, &out, NULL), 0);
		assert_int_equal(jwk_parse_private(buf_span(&out), &back, NULL), 0);
		assert_int_equal(EVP_PKEY_eq(key, back), 1);
		EVP_PKEY_free(back);
		EVP_PKEY_free(key);
		buf_release(&out);
	}
}

static void
other_keys_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"kty\":\"oct\",\"k\":\"AA\"}",
		"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\",\"d\":\"AA\"}",
		/* no private part */
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
		/* a coordinate that is too short, and one that is no base64url */
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"" EC_Y "\",\"d\":\"" EC_D
		"\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"+/=\",\"y\":\"" EC_Y "\",\"d\":\"" EC_D
		"\"}",
		/* x and y swapped: not on the curve */
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_Y "\",\"y\":\"" EC_X
		"\",\"d\":\"" EC_D "\"}",
		/* a private part that belongs to another key */
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
		"\",\"d\":\"" OKP_D "\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"d\":\"AAAA\"}",
		"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;
		EVP_PKEY *key = NULL;

		assert_int_equal(jwk_parse_private(span_str(bad[i]), &key, &e), -1);
		assert_null(key);
		assert_int_equal(e.kind, ERR_DATA);
		err_release(&e);
	}
}

static void
other_curves_cannot_sign_requests(void **state)
{
	char out[JWK_THUMBPRINT_LEN + 1];
	struct err e = ERR_INIT;
	EVP_PKEY *key = EVP_EC_gen("brainpoolP256r1");

	assert_non_null(key);
	assert_int_equal(jwk_thumbprint(key, out, &e), -1);
	assert_non_null(strstr(err_text(&e), "brainpoolP256r1"));
	err_release(&e);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_members_stand_in_the_hashed_order),
		cmocka_unit_test(thumbprint_of_ed25519),
		cmocka_unit_test(thumbprint_of_rsa),
		cmocka_unit_test(every_kind_comes_back_the_same),
		cmocka_unit_test(other_keys_are_refused),
		cmocka_unit_test(other_curves_cannot_sign_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
