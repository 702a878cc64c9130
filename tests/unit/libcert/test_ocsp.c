/* SPDX-License-Identifier: ISC */
/* ocsp: who may answer about a certificate, what an answer says, and until when. */
#include "base/mem.h"
#include "libcert/ocsp.h"
#include "tests/unit/libcert/made.h"

#include <openssl/ocsp.h>

#define HOUR_S 3600

/* A root, what it issued, and a stranger. */
struct family {
	EVP_PKEY *root_key, *leaf_key, *stranger_key;
	X509 *root, *leaf, *other, *stranger;
	STACK_OF(X509) *chain; /* leaf, root */
	X509_STORE *trust;
};

static int
setup(void **state)
{
	struct family *f = mem_zalloc(sizeof(*f));
	struct made_options ca = {
		.use = X509GEN_CA,
		.subject = "/CN=Root",
		.not_before = clock_wall() - DAY, /* answers are judged by the real clock */
		.not_after = clock_wall() + DAY,
	};
	struct made_options by_root = { .not_before = ca.not_before, .not_after = ca.not_after };

	f->root_key = made_key("ec");
	f->leaf_key = made_key("ec");
	f->stranger_key = made_key("ec");
	f->root = made_cert(f->root_key, "", ca);
	f->stranger = made_cert(f->stranger_key, "", ca);
	by_root.issuer = f->root;
	by_root.issuer_key = f->root_key;
	f->leaf = made_cert(f->leaf_key, "a.example", by_root);
	f->other = made_cert(f->leaf_key, "b.example", by_root);
	f->chain = sk_X509_new_null();
	sk_X509_push(f->chain, f->leaf);
	sk_X509_push(f->chain, f->root);
	f->trust = ocsp_trust_new(f->chain);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct family *f = *state;

	X509_STORE_free(f->trust);
	sk_X509_free(f->chain);
	X509_free(f->root);
	X509_free(f->leaf);
	X509_free(f->other);
	X509_free(f->stranger);
	EVP_PKEY_free(f->root_key);
	EVP_PKEY_free(f->leaf_key);
	EVP_PKEY_free(f->stranger_key);
	free(f);
	return 0;
}

/* What a responder would send; times count from now, until 0: not said. */
struct made_answer {
	X509 *about, *signer;
	EVP_PKEY *key;
	int status;
	long from, until;
};

static struct span
answer_der(const struct family *f, struct made_answer a)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), a.about, f->root);
	ASN1_TIME *from = X509_gmtime_adj(NULL, a.from);
	ASN1_TIME *until = a.until ? X509_gmtime_adj(NULL, a.until) : NULL;
	ASN1_TIME *revoked =
	    a.status == V_OCSP_CERTSTATUS_REVOKED ? X509_gmtime_adj(NULL, a.from) : NULL;
	OCSP_RESPONSE *response;
	unsigned char *der = NULL;
	int n;

	assert_non_null(OCSP_basic_add1_status(basic, id, a.status, 0, revoked, from, until));
	assert_int_equal(OCSP_basic_sign(basic, a.signer, a.key, EVP_sha256(), NULL, 0), 1);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	n = i2d_OCSP_RESPONSE(response, &der);
	assert_true(n > 0);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	ASN1_TIME_free(revoked);
	return span_of(der, (size_t)n);
}

/* As the root answers about the leaf, an hour ago for a day. */
static struct made_answer
usual(const struct family *f)
{
	return (struct made_answer){ .about = f->leaf,
		.signer = f->root,
		.key = f->root_key,
		.status = V_OCSP_CERTSTATUS_GOOD,
		.from = -HOUR_S,
		.until = 23 * HOUR_S };
}

static int
check(const struct family *f, struct made_answer a, X509_STORE *trust, struct ocsp_answer *answer,
    struct err *e)
{
	struct span der = answer_der(f, a);
	int rc = ocsp_check(der, f->chain, trust, answer, e);

	OPENSSL_free((void *)(uintptr_t)der.p);
	return rc;
}

static void
what_an_answer_says(void **state)
{
	const struct family *f = *state;
	struct made_answer a = usual(f);
	struct ocsp_answer answer;

	assert_int_equal(check(f, a, f->trust, &answer, NULL), 0);
	assert_true(answer.good && !answer.revoked);
	assert_int_equal(answer.until - answer.from, 24 * HOUR_S);
	a.status = V_OCSP_CERTSTATUS_REVOKED;
	assert_int_equal(check(f, a, f->trust, &answer, NULL), 0);
	assert_true(answer.revoked && !answer.good);
	a.status = V_OCSP_CERTSTATUS_UNKNOWN;
	assert_int_equal(check(f, a, f->trust, &answer, NULL), 0);
	assert_true(!answer.revoked && !answer.good);
	a.until = 0;
	assert_int_equal(check(f, a, f->trust, &answer, NULL), 0);
	assert_int_equal(answer.until, INT64_MAX);
}

static void
what_is_no_answer(void **state)
{
	const struct family *f = *state;
	struct made_answer a = usual(f);
	struct ocsp_answer answer;

	a.about = f->other;
	assert_refused(check(f, a, f->trust, &answer, &e), "it is about another certificate");
	a = usual(f);
	a.until = -HOUR_S / 2;
	assert_refused(check(f, a, f->trust, &answer, &e), "it is out of date");
	a.from = HOUR_S;
	a.until = 2 * HOUR_S;
	assert_refused(check(f, a, f->trust, &answer, &e), "it is out of date");
	assert_refused(ocsp_check(SPAN("nonsense"), f->chain, f->trust, &answer, &e),
	    "it is no OCSP response");
	assert_refused(ocsp_check(span_of("\x30\x03\x0a\x01\x03", 5), f->chain, f->trust, &answer,
			   &e),
	    "the responder said \"trylater\"");
}

static void
who_may_answer(void **state)
{
	const struct family *f = *state;
	struct made_answer a = usual(f);
	struct ocsp_answer answer;

	a.signer = f->stranger;
	a.key = f->stranger_key;
	assert_refused(check(f, a, f->trust, &answer, &e), "its signature cannot be verified");
	/* Not the certificate itself, nor another one of the same issuer. */
	a.signer = f->leaf;
	a.key = f->leaf_key;
	assert_refused(check(f, a, f->trust, &answer, &e), "its signature cannot be verified");
	a.signer = f->other;
	assert_refused(check(f, a, f->trust, &answer, &e), "its signature cannot be verified");
	/* Where nobody asks for signatures, none is looked at. */
	assert_int_equal(check(f, a, NULL, &answer, NULL), 0);
}

static void
what_is_asked(void **state)
{
	const struct family *f = *state;
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), f->leaf, f->root), *asked;
	const unsigned char *p;
	OCSP_REQUEST *request;
	struct buf der;

	buf_init(&der, 4096);
	assert_int_equal(ocsp_question(f->leaf, f->root, &der, NULL), 0);
	p = (const unsigned char *)der.p;
	request = d2i_OCSP_REQUEST(NULL, &p, (long)der.len);
	assert_non_null(request);
	assert_int_equal(OCSP_request_onereq_count(request), 1);
	asked = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0));
	assert_int_equal(OCSP_id_cmp(asked, id), 0);
	assert_null(ocsp_responder(f->leaf));
	assert_false(ocsp_is_demanded(f->leaf));
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
	buf_release(&der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_an_answer_says, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(who_may_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_asked, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
