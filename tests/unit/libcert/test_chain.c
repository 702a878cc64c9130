/* SPDX-License-Identifier: ISC */
/* chain: whole and broken chains, each break by its name. */
#include "libcert/chain.h"
#include "tests/unit/libcert/made.h"

/* A root that issued a leaf, and a stranger of the same name. */
struct family {
	EVP_PKEY *root_key, *leaf_key;
	X509 *root, *leaf, *impostor;
};

static void
family_make(struct family *f)
{
	f->root_key = made_key("ec");
	f->leaf_key = made_key("ec");
	f->root = made_cert(f->root_key, "",
	    (struct made_options){
		.use = X509GEN_CA, .subject = "/CN=Root", .not_after = MADE_NOW + 900 * DAY });
	f->impostor = made_cert(f->leaf_key, "",
	    (struct made_options){ .use = X509GEN_CA, .subject = "/CN=Root" });
	f->leaf = made_cert(f->leaf_key, "a.example",
	    (struct made_options){ .issuer = f->root, .issuer_key = f->root_key });
}

static void
family_release(struct family *f)
{
	X509_free(f->root);
	X509_free(f->impostor);
	X509_free(f->leaf);
	EVP_PKEY_free(f->root_key);
	EVP_PKEY_free(f->leaf_key);
}

/* Borrows the certificates. */
static STACK_OF(X509) *
stack(X509 *a, X509 *b, X509 *c)
{
	STACK_OF(X509) *certs = sk_X509_new_null();

	if (a)
		sk_X509_push(certs, a);
	if (b)
		sk_X509_push(certs, b);
	if (c)
		sk_X509_push(certs, c);
	return certs;
}

#define assert_order(certs, part)                               \
	do {                                                    \
		STACK_OF(X509) *s = certs;                      \
		assert_refused(chain_check_order(s, &e), part); \
		sk_X509_free(s);                                \
	} while (0)

static void
whole_chains_pass(void **state)
{
	struct family f;
	STACK_OF(X509) *certs;

	family_make(&f);
	certs = stack(f.leaf, f.root, NULL);
	assert_int_equal(chain_check_order(certs, NULL), 0);
	sk_X509_free(certs);
	certs = stack(f.leaf, NULL, NULL);
	assert_int_equal(chain_check_order(certs, NULL), 0);
	sk_X509_free(certs);
	family_release(&f);
}

static void
breaks_are_named(void **state)
{
	struct family f;
	EVP_PKEY *other_key = made_key("ec");
	X509 *other, *not_ca;

	family_make(&f);
	other = made_cert(other_key, "",
	    (struct made_options){ .use = X509GEN_CA, .subject = "/CN=Other" });
	not_ca =
	    made_cert(f.root_key, "root.example", (struct made_options){ .subject = "/CN=Root" });
	assert_order(stack(NULL, NULL, NULL), "no certificate");
	assert_order(stack(f.root, f.leaf, NULL), "\"a.example\", has another name");
	assert_order(stack(f.leaf, other, NULL),
	    "after certificate 1 (a.example): it was issued by \"CN=Root\"");
	assert_order(stack(f.leaf, f.root, other), "after certificate 2 (Root)");
	/* By its key identifier; a chain whose identifiers agree is caught by the signature. */
	assert_order(stack(f.leaf, f.impostor, NULL), "\"Root\"");
	assert_order(stack(f.leaf, not_ca, NULL), "\"Root\"");
	X509_free(other);
	X509_free(not_ca);
	EVP_PKEY_free(other_key);
	family_release(&f);
}

/* Bytes changed after signing. */
static void
a_forged_signature_is_caught(void **state)
{
	struct family f;
	unsigned char *der = NULL;
	const unsigned char *p;
	X509 *forged;
	int len;

	family_make(&f);
	len = i2d_X509(f.leaf, &der);
	assert_true(len > 0);
	der[len - 1] ^= 1;
	p = der;
	forged = d2i_X509(NULL, &p, len);
	assert_non_null(forged);
	assert_order(stack(forged, f.root, NULL), "did not sign it");
	X509_free(forged);
	OPENSSL_free(der);
	family_release(&f);
}

static void
dates_bound_every_certificate(void **state)
{
	static const struct {
		int64_t now;
		const char *why; /* NULL = fine */
	} cases[] = {
		{ MADE_NOW, NULL },
		{ MADE_NOW - DAY, NULL },
		{ MADE_NOW + 90 * DAY, NULL },
		{ MADE_NOW - DAY - 1, "certificate 1 (a.example) is not valid before" },
		{ MADE_NOW + 90 * DAY + 1, "certificate 1 (a.example) expired at" },
	};
	struct family f;
	STACK_OF(X509) *certs;

	family_make(&f);
	certs = stack(f.leaf, f.root, NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (cases[i].why)
			assert_refused(chain_check_dates(certs, cases[i].now, &e), cases[i].why);
		else
			assert_int_equal(chain_check_dates(certs, cases[i].now, NULL), 0);
	}
	sk_X509_free(certs);
	certs = stack(f.root, f.leaf, NULL);
	assert_refused(chain_check_dates(certs, MADE_NOW + 91 * DAY, &e),
	    "certificate 2 (a.example) expired");
	sk_X509_free(certs);
	family_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_chains_pass),
		cmocka_unit_test(breaks_are_named),
		cmocka_unit_test(a_forged_signature_is_caught),
		cmocka_unit_test(dates_bound_every_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
