/* SPDX-License-Identifier: ISC */
/* x509glance: the same dates and fingerprint as x509info reads, or no answer. */
#include "base/buf.h"
#include "libcert/x509glance.h"
#include "tests/unit/libcert/made.h"

/* Years of UTCTime and GeneralizedTime, leap days, ends of days. */
static const int64_t dates[] = { 0, 951782399, 951782400, MADE_NOW, 2524607999, 2524608000,
	INT64_C(4107542399), INT64_C(253402300799) };

static void
sees_what_x509info_reads(void **state)
{
	EVP_PKEY *key = made_key("ec");

	for (size_t i = 0; i + 1 < COUNT(dates); i++) {
		X509 *cert = made_cert(key, "a.example",
		    (struct made_options){
			.not_before = dates[i] ? dates[i] : 1, .not_after = dates[i + 1] });
		struct arena *arena = arena_new(0);
		struct x509glance glance;
		struct x509info info;
		struct buf pem;

		buf_init(&pem, 65536);
		buf_add_str(&pem, "# a comment\r\n");
		made_pem(&pem, cert);
		made_pem(&pem, cert);
		x509info_read(cert, arena, &info);
		assert_int_equal(x509glance_pem(buf_span(&pem), &glance), 0);
		assert_int_equal(glance.not_before, info.not_before);
		assert_int_equal(glance.not_after, info.not_after);
		assert_memory_equal(glance.sha256, info.sha256, 32);
		buf_release(&pem);
		arena_free(arena);
		X509_free(cert);
	}
	EVP_PKEY_free(key);
}

static void
no_answer_for_anything_else(void **state)
{
	static const char *const texts[] = { "", "nonsense", "-----BEGIN CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n" };
	EVP_PKEY *key = made_key("ec");
	X509 *cert = made_cert(key, "a.example", (struct made_options){ .issuer = NULL });
	struct x509glance glance;
	struct buf pem;

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(x509glance_pem(span_str(texts[i]), &glance), -1);
	buf_init(&pem, 65536);
	made_pem(&pem, cert);
	for (size_t n = 0; n + 1 < pem.len; n++) {
		char *copy = malloc(n ? n : 1);

		/* A block of its own: reading past the end shows. */
		memcpy(copy, pem.p, n);
		assert_int_equal(x509glance_pem(span_of(copy, n), &glance), -1);
		free(copy);
		if (n + 2 == pem.len - sizeof("-----END CERTIFICATE-----") + 1)
			break;
	}
	buf_release(&pem);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_what_x509info_reads),
		cmocka_unit_test(no_answer_for_anything_else),
	};

	made_fix_clock();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
