/* SPDX-License-Identifier: ISC */
/* pkey: what may be asked for, what is read, what is refused. */
#include "libcert/pkey.h"
#include "tests/unit/libcert/made.h"

#include <openssl/pem.h>

#include <sys/stat.h>

static void
words_name_keys(void **state)
{
	static const struct {
		const char *word, *described;
		unsigned bits;
	} cases[] = {
		{ "rsa", "RSA", 2048 },
		{ "RSA:3072", "RSA", 3072 },
		{ "rsa:8192", "RSA", 8192 },
		{ "ec", "P-256", 0 },
		{ "ecdsa", "P-256", 0 },
		{ "ec:P-384", "P-384", 0 },
		{ "ec:secp384r1", "P-384", 0 },
		{ "ECDSA:p-521", "P-521", 0 },
		{ "prime256v1", "P-256", 0 },
		{ "secp256r1", "P-256", 0 },
		{ "P-256", "P-256", 0 },
		{ "Ed25519", "ED", 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pkey_spec spec = { .bits = 7 };

		assert_int_equal(pkey_spec_parse(span_str(cases[i].word), &spec, NULL), 0);
		assert_int_equal(spec.bits, cases[i].bits);
		if (spec.kind == PKEY_EC)
			assert_string_equal(spec.curve, cases[i].described);
		else
			assert_int_equal(spec.kind,
			    cases[i].described[0] == 'R' ? PKEY_RSA : PKEY_ED25519);
	}
}

static void
other_words_are_refused(void **state)
{
	static const char *const words[] = { "", "dsa", "rsa:", "rsa:1024", "rsa:2047", "rsa:2049",
		"rsa:8200", "rsa:99999999999999999999", "rsa:-2048", "rsa:2048 ", "ec:", "ec:ec",
		"ec:rsa", "ec:ecdsa", "ec:ed25519", "ec:P-255", "rsa:P-256", "ed25519:1",
		"foo:P-256", "ec:P-256:x", "secp256k1" };

	for (size_t i = 0; i < COUNT(words); i++) {
		struct pkey_spec spec;
		struct err e = ERR_INIT;

		if (pkey_spec_parse(span_str(words[i]), &spec, &e) == 0)
			fail_msg("\"%s\" was accepted", words[i]);
		assert_int_equal(e.kind, ERR_USAGE);
		err_release(&e);
	}
}

static void
keys_survive_pem(void **state)
{
	static const char *const words[][2] = {
		{ "rsa:2048", "RSA 2048" },
		{ "ec", "ECDSA P-256" },
		{ "P-384", "ECDSA P-384" },
		{ "P-521", "ECDSA P-521" },
		{ "ed25519", "Ed25519" },
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		EVP_PKEY *key = made_key(words[i][0]), *again = NULL;
		char described[32];
		struct buf pem;

		buf_init_secret(&pem, 16384);
		assert_int_equal(pkey_format_pem(key, &pem, NULL), 0);
		assert_true(span_starts(buf_span(&pem), SPAN("-----BEGIN PRIVATE KEY-----\n")));
		assert_int_equal(pkey_parse_pem(buf_span(&pem), NULL, &again, NULL), 0);
		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		pkey_describe(again, described);
		assert_string_equal(described, words[i][1]);
		buf_release(&pem);
		EVP_PKEY_free(key);
		EVP_PKEY_free(again);
	}
}

/* SEC1 and PKCS#1, with what openssl puts before them. */
static void
older_forms_are_read(void **state)
{
	static const char *const words[] = { "rsa", "ec" };

	for (size_t i = 0; i < COUNT(words); i++) {
		EVP_PKEY *key = made_key(words[i]), *again = NULL;
		BIO *bio = BIO_new(BIO_s_mem());
		char *bytes;
		long len;

		BIO_puts(bio, "some text\n");
		if (i == 1)
			assert_int_equal(PEM_write_bio_Parameters(bio, key), 1);
		assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL,
				     NULL),
		    1);
		len = BIO_get_mem_data(bio, &bytes);
		assert_non_null(memmem(bytes, (size_t)len,
		    i ? "BEGIN EC PRIVATE" : "BEGIN RSA PRIVATE", 16));
		assert_int_equal(pkey_parse_pem(span_of(bytes, (size_t)len), NULL, &again, NULL),
		    0);
		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		EVP_PKEY_free(key);
		EVP_PKEY_free(again);
		BIO_free(bio);
	}
}

static void
an_encrypted_key_needs_its_passphrase(void **state)
{
	EVP_PKEY *key = made_key("ec"), *again = NULL;
	char too_long[2048];

	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	for (int old = 0; old < 2; old++) {
		BIO *bio = BIO_new(BIO_s_mem());
		struct span pem;
		char *bytes;

		if (old)
			assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key,
					     EVP_aes_128_cbc(), (const unsigned char *)"secret", 6,
					     NULL, NULL),
			    1);
		else
			assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(),
					     "secret", 6, NULL, NULL),
			    1);
		pem.n = (size_t)BIO_get_mem_data(bio, &bytes);
		pem.p = bytes;
		assert_refused(pkey_parse_pem(pem, NULL, &again, &e), "encrypted");
		assert_refused(pkey_parse_pem(pem, "wrong", &again, &e), "passphrase");
		assert_refused(pkey_parse_pem(pem, "", &again, &e), "passphrase");
		assert_refused(pkey_parse_pem(pem, too_long, &again, &e), "passphrase");
		assert_int_equal(pkey_parse_pem(pem, "secret", &again, NULL), 0);
		EVP_PKEY_free(again);
		BIO_free(bio);
	}
	EVP_PKEY_free(key);
}

static void
what_is_no_key_is_refused(void **state)
{
	EVP_PKEY *key = NULL;
	struct buf big;

	assert_refused(pkey_parse_pem(SPAN(""), NULL, &key, &e), "empty");
	assert_refused(pkey_parse_pem(SPAN("hello\n"), NULL, &key, &e), "no private key");
	assert_refused(pkey_parse_pem(SPAN("-----BEGIN PRIVATE KEY-----\nMAo=\n"
					   "-----END PRIVATE KEY-----\n"),
			   NULL, &key, &e),
	    "private key");
	assert_refused(pkey_parse_pem(SPAN("-----BEGIN PRIVATE KEY-----\nMAo=\n"), NULL, &key, &e),
	    "private key");
	buf_init(&big, 300 * 1024);
	while (buf_add_str(&big, "0123456789abcdef\n") == 0)
		continue;
	assert_refused(pkey_parse_pem(buf_span(&big), NULL, &key, &e), "too large");
	buf_release(&big);
	assert_null(key);
}

static void
files_name_themselves_in_errors(void **state)
{
	char dir[UNIT_DIR_MAX], path[UNIT_DIR_MAX + 8];
	EVP_PKEY *key = NULL;
	FILE *file;

	unit_make_dir(dir);
	snprintf(path, sizeof(path), "%s/k.pem", dir);
	assert_refused(pkey_load(path, NULL, &key, &e), "k.pem");
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("-----BEGIN CERTIFICATE-----\n", file);
	fclose(file);
	assert_refused(pkey_load(path, NULL, &key, &e), "k.pem: ");
	assert_null(key);
	unit_remove_dir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_name_keys),
		cmocka_unit_test(other_words_are_refused),
		cmocka_unit_test(keys_survive_pem),
		cmocka_unit_test(older_forms_are_read),
		cmocka_unit_test(an_encrypted_key_needs_its_passphrase),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(files_name_themselves_in_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
