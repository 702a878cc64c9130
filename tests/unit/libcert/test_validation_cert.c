/* SPDX-License-Identifier: ISC */
/* validation_cert: what proves a name by tls-alpn-01, its files, and what is no such thing. */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/validation_cert.h"
#include "tests/unit/libcert/made.h"

#include <errno.h>
#include <sys/stat.h>

#define KEY_AUTH SPAN("token.thumbprint")

static void
servers_of_names(void **state)
{
	static const struct {
		const char *name, *server;
	} cases[] = {
		{ "a.example", "a.example" },
		{ "A.Example", "a.example" },
		{ "192.0.2.1", "1.2.0.192.in-addr.arpa" },
		{ "2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
				 "ip6.arpa" },
	};
	char server[VALIDATION_CERT_SERVER_MAX + 1];

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(validation_cert_server(span_str(cases[i].name), server, NULL), 0);
		assert_string_equal(server, cases[i].server);
	}
	assert_refused(validation_cert_server(SPAN("*.a.example"), server, &e), "tls-alpn-01");
	assert_refused(validation_cert_server(SPAN("../a"), server, &e), "../a");
}

static void
proves_its_key_authorization_only(void **state)
{
	struct validation_cert v;

	assert_int_equal(validation_cert_make(SPAN("a.example"), KEY_AUTH, &v, NULL), 0);
	assert_true(validation_cert_proves(v.cert, KEY_AUTH));
	assert_false(validation_cert_proves(v.cert, SPAN("token.thumbprinT")));
	assert_true(x509info_covers(v.cert, SPAN("a.example")));
	validation_cert_release(&v);
	assert_int_equal(validation_cert_make(SPAN("::1"), KEY_AUTH, &v, NULL), 0);
	assert_true(x509info_covers(v.cert, SPAN("::1")));
	validation_cert_release(&v);
	assert_refused(validation_cert_make(SPAN("*.example.com"), KEY_AUTH, &v, &e),
	    "tls-alpn-01");
}

static void
goes_through_a_file(void **state)
{
	char dir[UNIT_DIR_MAX], *sub, *path;
	struct validation_cert v, other, found;
	struct stat st;
	struct buf pem;

	unit_make_dir(dir);
	sub = file_join(dir, VALIDATION_CERT_SUBDIR);
	path = file_join(sub, "a.example.pem");
	assert_int_equal(validation_cert_make(SPAN("a.example"), KEY_AUTH, &v, NULL), 0);
	assert_int_equal(validation_cert_make(SPAN("a.example"), SPAN("b"), &other, NULL), 0);
	assert_int_equal(validation_cert_write(sub, &v, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_init_secret(&pem, VALIDATION_CERT_FILE_MAX);
	assert_int_equal(file_read(path, &pem, NULL), 0);
	assert_int_equal(validation_cert_parse(buf_span(&pem), &found, NULL), 0);
	assert_string_equal(found.server, "a.example");
	assert_int_equal(X509_cmp(found.cert, v.cert), 0);
	/* Another's file stays. */
	validation_cert_remove(sub, &other);
	assert_true(file_exists(path));
	validation_cert_remove(sub, &v);
	assert_false(file_exists(path));
	validation_cert_remove(sub, &v);
	buf_release(&pem);
	validation_cert_release(&found);
	validation_cert_release(&other);
	validation_cert_release(&v);
	free(path);
	free(sub);
	unit_remove_dir(dir);
}

/* A certificate of this kind with its key, as one text. */
static void
assert_no_validation_cert(EVP_PKEY *key, X509 *cert, const char *why)
{
	struct validation_cert v;
	struct buf pem;

	buf_init_secret(&pem, VALIDATION_CERT_FILE_MAX);
	assert_int_equal(pkey_format_pem(key, &pem, NULL), 0);
	made_pem(&pem, cert);
	assert_refused(validation_cert_parse(buf_span(&pem), &v, &e), why);
	assert_null(v.cert);
	buf_release(&pem);
}

static void
other_certificates_are_refused(void **state)
{
	static const unsigned char digest[32] = { 1 };
	EVP_PKEY *key = made_key("ec"), *other = made_key("ec");
	X509 *plain = made_cert(key, "a.example", (struct made_options){ .issuer = NULL });
	X509 *two = made_cert(key, "a.example,b.example",
	    (struct made_options){ .acme_identifier = digest });
	X509 *ended = made_cert(key, "a.example",
	    (struct made_options){ .acme_identifier = digest, .not_before = 1, .not_after = 2 });
	X509 *good =
	    made_cert(key, "a.example", (struct made_options){ .acme_identifier = digest });
	struct validation_cert v;

	assert_no_validation_cert(key, plain, "acmeIdentifier");
	assert_no_validation_cert(key, two, "2 names");
	assert_no_validation_cert(key, ended, "ended");
	assert_no_validation_cert(other, good, "does not belong");
	assert_refused(validation_cert_parse(SPAN("nonsense"), &v, &e), "no validation");
	X509_free(plain);
	X509_free(two);
	X509_free(ended);
	X509_free(good);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_of_names),
		cmocka_unit_test(proves_its_key_authorization_only),
		cmocka_unit_test(goes_through_a_file),
		cmocka_unit_test(other_certificates_are_refused),
	};

	made_fix_clock();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
