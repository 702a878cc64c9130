/* SPDX-License-Identifier: ISC */
/* staple_pack: see staple_pack.h. RFC 6960. */
#include "proxy/monitor/staple_pack.h"

#include "base/file.h"
#include "base/mem.h"
#include "libcert/x509info.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include <time.h>

#define RESPONSE_MAX (256 << 10)
#define PEM_MAX (1 << 20)
#define CLOCK_SKEW_S 300

static int
read_file(struct span path, struct buf *out, struct err *e)
{
	char *name = mem_dup_span(path);
	int rc = file_read(name, out, e);

	free(name);
	return rc;
}

static int
read_chain(const struct certificate_ref *ref, STACK_OF(X509) **chain, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init_secret(&pem, PEM_MAX); /* the key may be in the same file */
	rc = read_file(ref->cert_path, &pem, e);
	if (rc == 0)
		rc = x509info_parse_pem(buf_span(&pem), chain, e);
	buf_release(&pem);
	return rc;
}

/* Is this answer about the leaf? Without its issuer at hand the serial number has to do. */
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

/* *expires: when it must not be shown any more. */
static int
check_times(OCSP_BASICRESP *basic, STACK_OF(X509) *chain, int64_t *expires, struct err *e)
{
	X509 *leaf = sk_X509_value(chain, 0);
	X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL;

	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
		ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;

		if (!is_about(OCSP_SINGLERESP_get0_id(one), leaf, issuer))
			continue;
		OCSP_single_get0_status(one, NULL, NULL, &from, &until);
		if (OCSP_check_validity(from, until, CLOCK_SKEW_S, -1) != 1) {
			ERR_clear_error();
			return err_set(e, ERR_DATA, "it is out of date");
		}
		*expires = seconds_of(until);
		return 0;
	}
	return err_set(e, ERR_DATA, "it is about another certificate");
}

static int
add_trust(X509_STORE *store, struct span pem, struct err *e)
{
	STACK_OF(X509) *cas = NULL;
	int rc = x509info_parse_pem(pem, &cas, e);

	for (int i = 0; rc == 0 && i < sk_X509_num(cas); i++)
		X509_STORE_add_cert(store, sk_X509_value(cas, i));
	sk_X509_pop_free(cas, X509_free);
	return rc;
}

/* By the CAs the configuration trusts; and as the issuer itself is one of ours, by the chain we send. */
static int
check_signature(OCSP_BASICRESP *basic, STACK_OF(X509) *chain, struct span trust, struct err *e)
{
	X509_STORE *store = X509_STORE_new();
	int rc = store && trust.n > 0 ? add_trust(store, trust, e) : 0;

	for (int i = 1; store && i < sk_X509_num(chain); i++)
		X509_STORE_add_cert(store, sk_X509_value(chain, i));
	if (store)
		X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	if (rc == 0 && (!store || OCSP_basic_verify(basic, chain, store, OCSP_TRUSTOTHER) != 1))
		rc = err_set_openssl(e, ERR_DATA, "its signature cannot be verified");
	X509_STORE_free(store);
	ERR_clear_error();
	return rc;
}

static int
check(struct span der, STACK_OF(X509) *chain, const struct certificate_ref *ref, int64_t *expires,
    struct err *e)
{
	const unsigned char *p = (const unsigned char *)der.p;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
	OCSP_BASICRESP *basic = NULL;
	int status, rc = -1;

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
	else if (check_times(basic, chain, expires, e) == 0)
		rc = ref->staple_trust.p ? check_signature(basic, chain, ref->staple_trust, e) : 0;
out:
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return rc;
}

int
staple_pack(struct bundle_writer *w, const struct bundle *previous,
    const struct certificate_ref *ref, size_t *changed, struct err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	STACK_OF(X509) *chain = NULL;
	struct buf entry;
	struct span name, old = { NULL, 0 };
	int64_t expires = 0;
	unsigned n = 0;
	int rc;

	buf_init(&entry, RESPONSE_MAX);
	(void)buf_add(&entry, span_of(&expires, sizeof(expires)));
	rc = read_file(ref->staple, &entry, e);
	if (rc == 0)
		rc = read_chain(ref, &chain, e);
	if (rc == 0)
		rc = check(span_after(buf_span(&entry), sizeof(expires)), chain, ref, &expires, e);
	if (rc < 0) {
		err_wrap(e, "\"" SPAN_FMT "\"", SPAN_ARG(ref->staple));
	} else if (X509_digest(sk_X509_value(chain, 0), EVP_sha256(), digest, &n) == 1) {
		name = span_of(digest, n);
		memcpy(entry.p, &expires, sizeof(expires));
		if (previous)
			(void)bundle_find(previous, BUNDLE_STAPLE, name, &old);
		*changed += !span_eq(old, buf_span(&entry));
		bundle_writer_add(w, BUNDLE_STAPLE, name, buf_span(&entry));
	}
	sk_X509_pop_free(chain, X509_free);
	buf_release(&entry);
	return rc;
}
