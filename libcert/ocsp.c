/* SPDX-License-Identifier: ISC */
/* ocsp: see ocsp.h. */
#include "libcert/ocsp.h"

#include "base/mem.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <time.h>

#define CLOCK_SKEW_S 300
#define FEATURE_STATUS_REQUEST 5 /* RFC 7633: the number of the TLS extension */

char *
ocsp_responder(X509 *leaf)
{
	STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(leaf);
	char *url = NULL;

	if (urls && sk_OPENSSL_STRING_num(urls) > 0)
		url = mem_strdup(sk_OPENSSL_STRING_value(urls, 0));
	X509_email_free(urls);
	return url;
}

bool
ocsp_is_demanded(X509 *leaf)
{
	TLS_FEATURE *features = X509_get_ext_d2i(leaf, NID_tlsfeature, NULL, NULL);
	bool demanded = false;

	for (int i = 0; features && i < sk_ASN1_INTEGER_num(features); i++)
		demanded = demanded || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
					   FEATURE_STATUS_REQUEST;
	TLS_FEATURE_free(features);
	return demanded;
}

int
ocsp_question(X509 *leaf, X509 *issuer, struct buf *out, struct err *e)
{
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	/* RFC 5019 2.1.1: names are hashed with SHA-1, nothing else is understood everywhere. */
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), leaf, issuer);
	unsigned char *der = NULL;
	int n = -1;

	if (request && id && OCSP_request_add0_id(request, id)) {
		id = NULL;
		n = i2d_OCSP_REQUEST(request, &der);
	}
	if (n > 0)
		(void)buf_add(out, span_of(der, (size_t)n));
	else
		err_set_openssl(e, ERR_DATA, "cannot make an OCSP request");
	OPENSSL_free(der);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
	return n > 0 ? 0 : -1;
}

X509_STORE *
ocsp_trust_new(STACK_OF(X509) *chain)
{
	X509_STORE *store = X509_STORE_new();

	if (!store)
		abort();
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	for (int i = 1; i < sk_X509_num(chain); i++)
		X509_STORE_add_cert(store, sk_X509_value(chain, i));
	return store;
}

/* Is this answer about the leaf? */
static bool
is_about(const OCSP_CERTID *about, X509 *leaf, X509 *issuer)
{
	ASN1_OBJECT *digest = NULL;
	ASN1_INTEGER *serial = NULL;
	OCSP_CERTID *id;
	bool same;

	OCSP_id_get0_info(NULL, &digest, NULL, &serial, (OCSP_CERTID *)(uintptr_t)about);
	if (!issuer)
		return ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) == 0;
	id = OCSP_cert_to_id(EVP_get_digestbyobj(digest), leaf, issuer);
	same = id && OCSP_id_cmp(id, about) == 0;
	OCSP_CERTID_free(id);
	return same;
}

static int64_t
seconds_of(const ASN1_GENERALIZEDTIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MAX;
}

static int
find_answer(OCSP_BASICRESP *basic, STACK_OF(X509) *chain, struct ocsp_answer *answer, struct err *e)
{
	X509 *leaf = sk_X509_value(chain, 0);
	X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL;

	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
		ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
		int status;

		if (!is_about(OCSP_SINGLERESP_get0_id(one), leaf, issuer))
			continue;
		status = OCSP_single_get0_status(one, NULL, NULL, &from, &until);
		if (OCSP_check_validity(from, until, CLOCK_SKEW_S, -1) != 1) {
			ERR_clear_error();
			return err_set(e, ERR_DATA, "it is out of date");
		}
		*answer = (struct ocsp_answer){
			.from = seconds_of(from),
			.until = seconds_of(until),
			.revoked = status == V_OCSP_CERTSTATUS_REVOKED,
			.good = status == V_OCSP_CERTSTATUS_GOOD,
		};
		return 0;
	}
	return err_set(e, ERR_DATA, "it is about another certificate");
}

static int
check_signature(OCSP_BASICRESP *basic, STACK_OF(X509) *chain, X509_STORE *trust, struct err *e)
{
	STACK_OF(X509) *issuers = sk_X509_dup(chain);
	int rc = 0;

	if (!issuers)
		abort();
	(void)sk_X509_shift(issuers); /* the leaf vouches for nobody */
	if (OCSP_basic_verify(basic, issuers, trust, OCSP_TRUSTOTHER) != 1)
		rc = err_set_openssl(e, ERR_DATA, "its signature cannot be verified");
	sk_X509_free(issuers);
	return rc;
}

int
ocsp_check(struct span der, STACK_OF(X509) *chain, X509_STORE *trust, struct ocsp_answer *answer,
    struct err *e)
{
	const unsigned char *p = (const unsigned char *)der.p;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
	OCSP_BASICRESP *basic = NULL;
	int status, rc = -1;

	*answer = (struct ocsp_answer){ .from = 0 };
	if (!response) {
		err_set_openssl(e, ERR_DATA, "it is no OCSP response");
		goto out;
	}
	status = OCSP_response_status(response);
	if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
		err_set(e, ERR_DATA, "the responder said \"%s\"", OCSP_response_status_str(status));
		goto out;
	}
	basic = OCSP_response_get1_basic(response);
	if (!basic)
		err_set_openssl(e, ERR_DATA, "it is of no kind that is known");
	else if (find_answer(basic, chain, answer, e) == 0)
		rc = trust ? check_signature(basic, chain, trust, e) : 0;
out:
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return rc;
}
