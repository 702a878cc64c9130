/* SPDX-License-Identifier: ISC */
/* Entries parsed once, held within bounds, and refused when they are not whole. */
#include "proxy/tls/certificate_cache.h"
#include "tests/unit/proxy/tls/fake_tls.h"

static SSL_CTX *ctx;

static int
set_up(void **state)
{
	ctx = SSL_CTX_new(TLS_server_method());
	return 0;
}

static int
tear_down(void **state)
{
	SSL_CTX_free(ctx);
	return 0;
}

static SSL *
use(struct certificate_cache *c, struct span entry)
{
	SSL *ssl = SSL_new(ctx);

	assert_int_equal(certificate_cache_use(c, entry, ssl, NULL), 0);
	assert_int_equal(ERR_peek_error(), 0);
	return ssl;
}

static void
the_same_bytes_are_parsed_once(void **state)
{
	struct certificate_cache *c = certificate_cache_new(10);
	struct span one = fake_site("ec:P-256", "a.example"),
		    two = fake_site("ec:P-256", "b.example");
	SSL *x = use(c, one), *y = use(c, one), *z = use(c, two);

	assert_int_equal(certificate_cache_count(c), 2);
	assert_ptr_equal(SSL_get_certificate(x), SSL_get_certificate(y));
	assert_ptr_not_equal(SSL_get_certificate(x), SSL_get_certificate(z));
	assert_int_equal(X509_check_private_key(SSL_get_certificate(x), SSL_get_privatekey(x)), 1);
	SSL_free(x);
	SSL_free(y);
	SSL_free(z);
	certificate_cache_free(c);
	fake_entry_free(one);
	fake_entry_free(two);
}

static void
the_least_recently_used_goes_first_and_lives_on_in_use(void **state)
{
	struct certificate_cache *c = certificate_cache_new(2);
	struct span e[3];
	SSL *held, *again;
	X509 *first;

	for (int i = 0; i < 3; i++)
		e[i] = fake_site("ec:P-256", i == 0   ? "a.example"
					     : i == 1 ? "b.example"
						      : "c.example");
	held = use(c, e[0]);
	first = SSL_get_certificate(held);
	SSL_free(use(c, e[1]));
	SSL_free(use(c, e[0])); /* now b is the oldest */
	SSL_free(use(c, e[2]));
	assert_int_equal(certificate_cache_count(c), 2);
	again = use(c, e[0]);
	assert_ptr_equal(SSL_get_certificate(again), first);
	SSL_free(again);
	SSL_free(use(c, e[1]));
	SSL_free(use(c, e[2]));
	/* a is out by now, and its connection still has it. */
	assert_ptr_equal(SSL_get_certificate(held), first);
	assert_int_equal(X509_check_private_key(first, SSL_get_privatekey(held)), 1);
	again = use(c, e[0]);
	assert_ptr_not_equal(SSL_get_certificate(again), first);
	SSL_free(again);
	certificate_cache_free(c);
	assert_int_equal(X509_check_private_key(first, SSL_get_privatekey(held)), 1);
	SSL_free(held);
	for (int i = 0; i < 3; i++)
		fake_entry_free(e[i]);
}

static void
intermediates_are_shared(void **state)
{
	struct certificate_cache *c = certificate_cache_new(1);
	EVP_PKEY *ca_key = made_key("ec:P-256"), *keys[2];
	X509 *ca =
	    made_cert(ca_key, "", (struct made_options){ .use = X509GEN_CA, .subject = "/CN=ca" });
	STACK_OF(X509) *chains[2] = { NULL, NULL };
	struct span e[2];
	SSL *s[2];

	for (int i = 0; i < 2; i++) {
		X509 *chain[2];

		keys[i] = made_key("ec:P-256");
		chain[0] = made_cert(keys[i], i ? "b.example" : "a.example",
		    (struct made_options){ .issuer = ca, .issuer_key = ca_key });
		chain[1] = ca;
		e[i] = fake_entry(chain, 2, keys[i]);
		X509_free(chain[0]);
		EVP_PKEY_free(keys[i]);
	}
	/* A cache of one: the second pair is parsed while the first still holds the intermediate. */
	for (int i = 0; i < 2; i++) {
		s[i] = use(c, e[i]);
		assert_int_equal(SSL_get0_chain_certs(s[i], &chains[i]), 1);
		assert_int_equal(sk_X509_num(chains[i]), 1);
	}
	assert_ptr_equal(sk_X509_value(chains[0], 0), sk_X509_value(chains[1], 0));
	/* The first pair is out; the second is whole all the same. */
	SSL_free(s[0]);
	s[0] = use(c, e[1]);
	assert_int_equal(SSL_get0_chain_certs(s[0], &chains[0]), 1);
	assert_int_equal(X509_cmp(sk_X509_value(chains[0], 0), ca), 0);
	certificate_cache_free(c);
	for (int i = 0; i < 2; i++) {
		SSL_free(s[i]);
		fake_entry_free(e[i]);
	}
	X509_free(ca);
	EVP_PKEY_free(ca_key);
}

static void
refuse(struct span entry, const char *why)
{
	struct certificate_cache *c = certificate_cache_new(10);
	SSL *ssl = SSL_new(ctx);
	struct err e = ERR_INIT;

	assert_int_equal(certificate_cache_use(c, entry, ssl, &e), -1);
	if (!strstr(err_text(&e), why))
		fail_msg("\"%s\" does not say \"%s\"", err_text(&e), why);
	assert_int_equal(certificate_cache_count(c), 0);
	assert_int_equal(ERR_peek_error(), 0);
	assert_null(SSL_get_certificate(ssl));
	err_release(&e);
	SSL_free(ssl);
	certificate_cache_free(c);
}

static void
what_is_not_whole_is_refused(void **state)
{
	struct span good = fake_site("ec:P-256", "a.example");
	struct bundle_certificate head;
	char *bytes = (char *)(uintptr_t)good.p;

	refuse(span_of(NULL, 0), "disabled");
	for (size_t n = 1; n < good.n; n += 7)
		refuse(span_of(good.p, n), "certificate entry");
	memcpy(&head, bytes, sizeof(head));
	head.chain_count = 0;
	memcpy(bytes, &head, sizeof(head));
	refuse(good, "wrong count");
	head.chain_count = 2;
	memcpy(bytes, &head, sizeof(head));
	refuse(good, "ends early");
	head.chain_count = UINT32_MAX;
	memcpy(bytes, &head, sizeof(head));
	refuse(good, "wrong count");
	head.chain_count = 1;
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), &head.chain_bytes, sizeof(uint32_t));
	refuse(good, "wrong lengths");
	head.chain_bytes = UINT32_MAX;
	memcpy(bytes, &head, sizeof(head));
	refuse(good, "wrong lengths");
	fake_entry_free(good);
}

static void
broken_der_is_refused(void **state)
{
	struct span good = fake_site("ec:P-256", "a.example");
	char *bytes = (char *)(uintptr_t)good.p;
	size_t leaf = sizeof(struct bundle_certificate) + sizeof(uint32_t);
	struct bundle_certificate head;

	memcpy(&head, bytes, sizeof(head));
	bytes[leaf] ^= 1;
	refuse(good, "cannot parse the certificate");
	bytes[leaf] ^= 1;
	bytes[sizeof(head) + head.chain_bytes] ^= 1;
	refuse(good, "cannot parse the private key");
	fake_entry_free(good);
}

static void
a_key_that_does_not_fit_is_refused(void **state)
{
	EVP_PKEY *mine = made_key("ec:P-256"), *other = made_key("ec:P-256");
	X509 *cert = made_cert(mine, "a.example", (struct made_options){ 0 });
	struct span entry = fake_entry(&cert, 1, other);
	struct certificate_cache *c = certificate_cache_new(10);
	SSL *ssl = SSL_new(ctx);

	assert_refused(certificate_cache_use(c, entry, ssl, &e), "cannot use the certificate");
	assert_int_equal(ERR_peek_error(), 0);
	SSL_free(ssl);
	certificate_cache_free(c);
	fake_entry_free(entry);
	X509_free(cert);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_bytes_are_parsed_once),
		cmocka_unit_test(the_least_recently_used_goes_first_and_lives_on_in_use),
		cmocka_unit_test(intermediates_are_shared),
		cmocka_unit_test(what_is_not_whole_is_refused),
		cmocka_unit_test(broken_der_is_refused),
		cmocka_unit_test(a_key_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
