/* SPDX-License-Identifier: ISC */
/* dh: the standard groups, and what is wrong with others. */
#include "libcert/dh.h"
#include "tests/unit/libcert/made.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

static void
standard_groups_are_fit(void **state)
{
	static const unsigned sizes[] = { 2048, 3072, 4096, 6144, 8192 };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		EVP_PKEY *params = NULL, *again = NULL;
		struct dh_report report;
		char name[16];
		struct buf pem;

		buf_init(&pem, 65536);
		assert_int_equal(dh_named(sizes[i], &params, NULL), 0);
		assert_int_equal(dh_format_pem(params, &pem, NULL), 0);
		assert_true(span_starts(buf_span(&pem), SPAN("-----BEGIN DH PARAMETERS-----\n")));
		assert_int_equal(dh_parse_pem(buf_span(&pem), &again, NULL), 0);
		assert_int_equal(dh_check(again, &report, NULL), 0);
		snprintf(name, sizeof(name), "ffdhe%u", sizes[i]);
		assert_string_equal(report.name, name);
		assert_int_equal(report.bits, sizes[i]);
		assert_true(report.prime && report.safe_prime);
		assert_string_equal(report.generator, "2");
		assert_int_equal(report.order, DH_ORDER_Q);
		assert_null(report.problem);
		EVP_PKEY_free(params);
		EVP_PKEY_free(again);
		buf_release(&pem);
	}
}

static void
other_sizes_are_refused(void **state)
{
	static const unsigned sizes[] = { 0, 512, 1024, 2047, 2049, 16384 };
	EVP_PKEY *params = NULL;

	for (size_t i = 0; i < COUNT(sizes); i++)
		assert_refused(dh_named(sizes[i], &params, &e), "no standard group");
	assert_null(params);
}

static EVP_PKEY *
params_of(const BIGNUM *p, const BIGNUM *g)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY *pkey = NULL;

	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_FFC_P, p);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_FFC_G, g);
	params = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEY_PARAMETERS, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static struct dh_report
report_on(const BIGNUM *p, uint64_t generator)
{
	BIGNUM *g = BN_new();
	struct dh_report report;
	EVP_PKEY *params;

	assert_int_equal(BN_set_word(g, generator), 1);
	params = params_of(p, g);
	assert_int_equal(dh_check(params, &report, NULL), 0);
	EVP_PKEY_free(params);
	BN_free(g);
	return report;
}

static void
unfit_numbers_are_told_apart(void **state)
{
	BIGNUM *p = BN_get_rfc3526_prime_2048(NULL), *g = BN_dup(p);
	struct dh_report report;
	EVP_PKEY *params;

	report = report_on(p, 2);
	assert_string_equal(report.name, "modp_2048");
	assert_null(report.problem);
	/* 3 is no square modulo this p: it generates the whole group. */
	report = report_on(p, 3);
	assert_null(report.name);
	assert_true(report.safe_prime);
	assert_null(report.problem);
	report = report_on(p, 1);
	assert_int_equal(report.order, DH_ORDER_OTHER);
	assert_non_null(strstr(report.problem, "generator"));
	BN_sub_word(g, 1); /* p - 1 has order 2 */
	params = params_of(p, g);
	assert_int_equal(dh_check(params, &report, NULL), 0);
	assert_string_equal(report.generator, "large");
	assert_non_null(strstr(report.problem, "generator"));
	EVP_PKEY_free(params);

	BN_sub_word(p, 2); /* neither odd neighbour of this p is prime */
	report = report_on(p, 2);
	assert_false(report.prime);
	assert_non_null(strstr(report.problem, "not prime"));
	BN_sub_word(p, 1);
	report = report_on(p, 2);
	assert_non_null(strstr(report.problem, "not prime"));
	BN_free(p);
	p = BN_get_rfc2409_prime_1024(NULL);
	report = report_on(p, 2);
	assert_true(report.safe_prime);
	assert_non_null(strstr(report.problem, "2048"));
	BN_free(p);
	BN_free(g);
}

/* A prime that is not safe: of 2048 bits, found once and for all at random. */
static void
an_unsafe_prime_is_unfit(void **state)
{
	BIGNUM *p = BN_new();
	struct dh_report report;

	/* Half of such a p is even, so it cannot be safe, however it is drawn. */
	do {
		assert_int_equal(BN_generate_prime_ex(p, 2048, 0, NULL, NULL, NULL), 1);
	} while (BN_is_bit_set(p, 1));
	report = report_on(p, 2);
	assert_true(report.prime);
	assert_false(report.safe_prime);
	assert_non_null(strstr(report.problem, "not a safe prime"));
	BN_free(p);
}

static void
what_are_no_parameters_is_refused(void **state)
{
	EVP_PKEY *params = NULL, *key = made_key("ec");
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long len;

	assert_refused(dh_parse_pem(SPAN(""), &params, &e), "no DH parameters");
	assert_refused(dh_parse_pem(SPAN("hello\n"), &params, &e), "no DH parameters");
	assert_refused(
	    dh_parse_pem(SPAN("-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n"),
		&params, &e),
	    "DH parameters");
	assert_int_equal(PEM_write_bio_Parameters(bio, key), 1);
	len = BIO_get_mem_data(bio, &bytes);
	assert_refused(dh_parse_pem(span_of(bytes, (size_t)len), &params, &e),
	    "not of Diffie-Hellman");
	assert_null(params);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_groups_are_fit),
		cmocka_unit_test(other_sizes_are_refused),
		cmocka_unit_test(unfit_numbers_are_told_apart),
		cmocka_unit_test(an_unsafe_prime_is_unfit),
		cmocka_unit_test(what_are_no_parameters_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
