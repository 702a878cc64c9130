/* SPDX-License-Identifier: ISC */
/* permit: what people type, and what a CA so bound may issue, by our check and by OpenSSL's verification. */
#include "libcert/permit.h"
#include "tests/unit/libcert/made.h"

static void
permits_are_read(void **state)
{
	static const char *const domains[][2] = { { "Example.COM", "example.com" },
		{ ".example.com", "example.com" }, { "*.example.com", "example.com" },
		{ "test", "test" }, { "bücher.example", "xn--bcher-kva.example" } };
	static const struct {
		const char *text;
		size_t len;
		unsigned char first, mask;
	} networks[] = {
		{ "10.0.0.0/8", 8, 10, 0xff },
		{ "192.0.2.1", 8, 192, 0xff },
		{ "172.16.0.0/12", 8, 172, 0xff },
		{ "0.0.0.0/0", 8, 0, 0 },
		{ "fd00::/7", 32, 0xfd, 0xfe },
		{ "[::1]", 32, 0, 0xff },
	};
	struct permit permit;

	for (size_t i = 0; i < COUNT(domains); i++) {
		assert_int_equal(permit_parse(span_str(domains[i][0]), &permit, NULL), 0);
		assert_string_equal(permit.domain, domains[i][1]);
		permit_release(&permit);
	}
	for (size_t i = 0; i < COUNT(networks); i++) {
		/* fd00::/7 has a bit behind the seventh. */
		if (networks[i].mask == 0xfe) {
			assert_refused(permit_parse(span_str(networks[i].text), &permit, &e),
			    "behind");
			continue;
		}
		assert_int_equal(permit_parse(span_str(networks[i].text), &permit, NULL), 0);
		assert_null(permit.domain);
		assert_int_equal(permit.subnet_len, networks[i].len);
		assert_int_equal(permit.subnet[0], networks[i].first);
		assert_int_equal(permit.subnet[networks[i].len / 2], networks[i].mask);
		permit_release(&permit);
	}
}

static void
nonsense_is_refused(void **state)
{
	static const char *const cases[][2] = { { "", "empty" },
		{ "10.0.0.1/8", "behind the first 8" }, { "10.0.0.0/33", "0 to 32" },
		{ "10.0.0.0/", "0 to 32" }, { "fd00::/129", "0 to 128" },
		{ "a.example/8", "not an IP address" }, { "*", "wildcard" }, { "a b", "blank" },
		{ "a.*.example", "wildcard" } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct permit permit;

		assert_refused(permit_parse(span_str(cases[i][0]), &permit, &e), cases[i][1]);
	}
}

/* Does OpenSSL take a certificate for names from a CA with those permits; and does permit_check agree? */
static bool
issues(const char *permits, const char *names)
{
	EVP_PKEY *ca_key = made_key("ec"), *key = made_key("ec");
	struct permit parsed[4];
	struct x509gen_request request = { .use = X509GEN_CA,
		.permits = parsed,
		.not_before = MADE_NOW - DAY,
		.not_after = MADE_NOW + DAY,
		.key = ca_key };
	struct span rest = span_str(permits), piece;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *roots = X509_STORE_new();
	X509_NAME *subject = NULL;
	X509 *ca = NULL, *leaf;
	bool verified, checked;

	while (span_split(&rest, ',', &piece))
		assert_int_equal(permit_parse(piece, &parsed[request.permit_count++], NULL), 0);
	assert_int_equal(subject_parse(SPAN("/CN=CA"), &subject, NULL), 0);
	request.subject = subject;
	assert_int_equal(x509gen_make(&request, &ca, NULL), 0);
	leaf = made_cert(key, names,
	    (struct made_options){ .issuer = ca, .issuer_key = ca_key, .subject = "/O=x" });
	X509_STORE_add_cert(roots, ca);
	X509_STORE_CTX_init(ctx, roots, leaf, NULL);
	X509_STORE_CTX_set_time(ctx, 0, MADE_NOW);
	verified = X509_verify_cert(ctx) == 1;
	checked = permit_check(ca, leaf, NULL) == 0;
	assert_int_equal(verified, checked);
	while (request.permit_count > 0)
		permit_release(&parsed[--request.permit_count]);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(roots);
	X509_NAME_free(subject);
	X509_free(ca);
	X509_free(leaf);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	return verified;
}

static void
a_ca_is_bound_by_them(void **state)
{
	static const struct {
		const char *permits, *names;
		bool good;
	} cases[] = {
		{ "example.test", "example.test,www.example.test,*.example.test", true },
		{ "example.test", "example.com", false },
		{ "example.test", "badexample.test", false },
		{ "example.test", "www.example.test,example.com", false },
		{ "example.test", "192.0.2.1", false },
		{ "example.test", "::1", false },
		{ "example.test", "me@example.test,me@mail.example.test", true },
		{ "example.test", "me@example.com", false },
		{ "example.test", "spiffe://example.test/a", true },
		{ "example.test", "spiffe://example.com/a", false },
		{ "10.0.0.0/8", "10.1.2.3", true },
		{ "10.0.0.0/8", "11.1.2.3", false },
		{ "10.0.0.0/8", "::1", false },
		{ "10.0.0.0/8", "example.test", false },
		{ "10.0.0.0/8", "me@example.test", false },
		{ "10.0.0.0/8,fd00::/8,a.test", "10.1.2.3,fd12::1,b.a.test", true },
		{ "", "anything.example,192.0.2.1,me@a.example", true },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (issues(cases[i].permits, cases[i].names) != cases[i].good)
			fail_msg("%s for %s", cases[i].permits, cases[i].names);
	}
}

static void
they_are_told(void **state)
{
	EVP_PKEY *key = made_key("ec");
	X509 *free_ca = made_cert(key, "", (struct made_options){ .use = X509GEN_CA });
	struct permit permits[2];
	struct x509gen_request request = { .use = X509GEN_CA,
		.permits = permits,
		.permit_count = 2,
		.subject = X509_get_subject_name(free_ca),
		.not_after = 1,
		.key = key };
	X509 *ca = NULL;
	char *text;

	assert_null(permit_describe(free_ca));
	assert_int_equal(permit_parse(SPAN("a.test"), &permits[0], NULL), 0);
	assert_int_equal(permit_parse(SPAN("10.0.0.0/8"), &permits[1], NULL), 0);
	assert_int_equal(x509gen_make(&request, &ca, NULL), 0);
	text = permit_describe(ca);
	assert_string_equal(text, "a.test, 10.0.0.0/8");
	free(text);
	permit_release(&permits[0]);
	permit_release(&permits[1]);
	X509_free(free_ca);
	X509_free(ca);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permits_are_read),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_ca_is_bound_by_them),
		cmocka_unit_test(they_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
