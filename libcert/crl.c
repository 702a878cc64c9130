/* SPDX-License-Identifier: ISC */
/*
 * Revocation lists.
 *
 * Version 2 with the two extensions that RFC 5280 5.2 demands: the issuer's key identifier and a number that only
 * goes up. A reason is written when one is given: "unspecified" is said by leaving it out (5.3.1).
 */
#include "libcert/crl.h"

#include "libcert/x509gen.h"
#include "libcert/x509info.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define CRL_MAX ((size_t)16 * 1024 * 1024)

static const struct {
	struct span word;
	int reason;
} reasons[] = {
	{ SPAN_INIT("unspecified"), CRL_REASON_UNSPECIFIED },
	{ SPAN_INIT("keyCompromise"), CRL_REASON_KEY_COMPROMISE },
	{ SPAN_INIT("affiliationChanged"), CRL_REASON_AFFILIATION_CHANGED },
	{ SPAN_INIT("superseded"), CRL_REASON_SUPERSEDED },
	{ SPAN_INIT("cessationOfOperation"), CRL_REASON_CESSATION_OF_OPERATION },
	{ SPAN_INIT("privilegeWithdrawn"), CRL_REASON_PRIVILEGE_WITHDRAWN },
};

int
crl_reason_parse(struct span word, int *reason, struct err *e)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (span_eq_nocase(word, reasons[i].word)) {
			*reason = reasons[i].reason;
			return 0;
		}
	}
	err_set(e, ERR_USAGE, "unknown reason \"" SPAN_FMT "\"", SPAN_ARG(word));
	return err_hint(e, "known: unspecified, keyCompromise, affiliationChanged, superseded, "
			   "cessationOfOperation, privilegeWithdrawn");
}

void
crl_reason_offer(struct buf *out)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		buf_printf(out, SPAN_FMT "\n", SPAN_ARG(reasons[i].word));
}

const char *
crl_reason_word(int reason)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].reason == reason)
			return reasons[i].word.p;
	}
	return "unspecified";
}

/* ---- making: each returns 0, or -1 with OpenSSL's reason queued ---- */

static int
add_before(X509_CRL *crl, X509_CRL *before)
{
	STACK_OF(X509_REVOKED) *all = before ? X509_CRL_get_REVOKED(before) : NULL;

	for (int i = 0; i < sk_X509_REVOKED_num(all); i++) {
		X509_REVOKED *copy = X509_REVOKED_dup(sk_X509_REVOKED_value(all, i));

		if (!copy || X509_CRL_add0_revoked(crl, copy) != 1) {
			X509_REVOKED_free(copy);
			return -1;
		}
	}
	return 0;
}

static int
set_reason(X509_REVOKED *revoked, int reason)
{
	ASN1_ENUMERATED *value;
	int rc = -1;

	if (reason == CRL_REASON_UNSPECIFIED)
		return 0;
	value = ASN1_ENUMERATED_new();
	if (value && ASN1_ENUMERATED_set(value, reason) == 1 &&
	    X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, value, 0, X509V3_ADD_DEFAULT) == 1)
		rc = 0;
	ASN1_ENUMERATED_free(value);
	return rc;
}

static int
add_serial(X509_CRL *crl, const struct crl_request *request)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)request->now);
	int rc = -1;

	if (revoked && now &&
	    X509_REVOKED_set_serialNumber(revoked, (ASN1_INTEGER *)(uintptr_t)request->serial) ==
		1 &&
	    X509_REVOKED_set_revocationDate(revoked, now) == 1 &&
	    set_reason(revoked, request->reason) == 0 && X509_CRL_add0_revoked(crl, revoked) == 1) {
		revoked = NULL;
		rc = 0;
	}
	X509_REVOKED_free(revoked);
	ASN1_TIME_free(now);
	return rc;
}

static int
set_number(X509_CRL *crl, X509_CRL *before)
{
	ASN1_INTEGER *old =
	    before ? X509_CRL_get_ext_d2i(before, NID_crl_number, NULL, NULL) : NULL;
	BIGNUM *number = old ? ASN1_INTEGER_to_BN(old, NULL) : BN_new();
	ASN1_INTEGER *next = NULL;
	int rc = -1;

	if (number && BN_add_word(number, 1) == 1)
		next = BN_to_ASN1_INTEGER(number, NULL);
	if (next && X509_CRL_add1_ext_i2d(crl, NID_crl_number, next, 0, X509V3_ADD_DEFAULT) == 1)
		rc = 0;
	ASN1_INTEGER_free(old);
	ASN1_INTEGER_free(next);
	BN_free(number);
	return rc;
}

static int
set_authority(X509_CRL *crl, X509 *issuer)
{
	AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
	int rc = -1;

	if (!authority)
		return -1;
	authority->keyid = X509_get_ext_d2i(issuer, NID_subject_key_identifier, NULL, NULL);
	if (!authority->keyid || X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, authority,
				     0, X509V3_ADD_DEFAULT) == 1)
		rc = 0;
	AUTHORITY_KEYID_free(authority);
	return rc;
}

static int
set_times(X509_CRL *crl, const struct crl_request *request)
{
	ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)request->now);
	ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)request->next);
	int rc = -1;

	if (now && next && X509_CRL_set1_lastUpdate(crl, now) == 1 &&
	    X509_CRL_set1_nextUpdate(crl, next) == 1)
		rc = 0;
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	return rc;
}

int
crl_make(const struct crl_request *request, X509_CRL **crl, struct err *e)
{
	X509_CRL *made = X509_CRL_new();

	if (made && X509_CRL_set_version(made, X509_CRL_VERSION_2) == 1 &&
	    X509_CRL_set_issuer_name(made, X509_get_subject_name(request->issuer)) == 1 &&
	    set_times(made, request) == 0 && add_before(made, request->before) == 0 &&
	    (!request->serial || add_serial(made, request) == 0) && X509_CRL_sort(made) == 1 &&
	    set_authority(made, request->issuer) == 0 && set_number(made, request->before) == 0 &&
	    X509_CRL_sign(made, request->issuer_key, x509gen_digest(request->issuer_key, NULL)) >
		0) {
		*crl = made;
		return 0;
	}
	X509_CRL_free(made);
	return err_set_openssl(e, ERR_BUG, "cannot make a revocation list");
}

/* ---- reading ---- */

int
crl_parse(struct span pem, X509_CRL **crl, struct err *e)
{
	BIO *bio;

	if (pem.n == 0 || pem.n > CRL_MAX)
		return err_set(e, ERR_DATA, "not a revocation list (%zu bytes)", pem.n);
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	*crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return *crl ? 0 : err_set_openssl(e, ERR_DATA, "not a revocation list in PEM form");
}

int
crl_format_pem(X509_CRL *crl, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long len = 0;
	int rc = 0;

	if (bio && PEM_write_bio_X509_CRL(bio, crl))
		len = BIO_get_mem_data(bio, &bytes);
	if (len <= 0 || buf_add(out, span_of(bytes, (size_t)len)) < 0)
		rc = err_set_openssl(e, ERR_BUG, "cannot write a revocation list as PEM");
	BIO_free(bio);
	return rc;
}

bool
crl_lookup(X509_CRL *crl, const ASN1_INTEGER *serial, int64_t *when, int *reason)
{
	X509_REVOKED *revoked = NULL;
	ASN1_ENUMERATED *why;

	if (!crl || X509_CRL_get0_by_serial(crl, &revoked, (ASN1_INTEGER *)(uintptr_t)serial) != 1)
		return false;
	if (when)
		*when = x509info_time(X509_REVOKED_get0_revocationDate(revoked));
	if (reason) {
		why = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
		*reason = why ? (int)ASN1_ENUMERATED_get(why) : CRL_REASON_UNSPECIFIED;
		ASN1_ENUMERATED_free(why);
	}
	return true;
}
