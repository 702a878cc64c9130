/* SPDX-License-Identifier: ISC */
/*
 * Is this leaf, with these intermediates, what it should be?
 *
 * These checks say whether a server would send a usable chain; whether anybody trusts its last
 * issuer is the client's business (RFC 5280 6.1 without the trust anchor).
 */
#include "libcert/chain.h"

#include "base/arena.h"
#include "base/clock.h"
#include "libcert/x509info.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* The subject as a person would say it: the common name, else the whole. */
static struct span
subject_words(X509 *cert, struct arena *arena)
{
	struct x509info info;

	x509info_read(cert, arena, &info);
	return info.common_name.n > 0 ? info.common_name : info.subject;
}

static int
link_broken(X509 *cert, X509 *next, int at, const char *why, struct err *e)
{
	struct arena *arena = arena_new(0);
	struct span subject = subject_words(cert, arena), candidate = subject_words(next, arena);
	struct x509info info;

	x509info_read(cert, arena, &info);
	err_set(e, ERR_DATA,
	    "the chain breaks after certificate %d (" SPAN_FMT "): it was issued by \"" SPAN_FMT
	    "\", but the next one, \"" SPAN_FMT "\", %s",
	    at + 1, SPAN_ARG(subject), SPAN_ARG(info.issuer), SPAN_ARG(candidate), why);
	err_hint(e, "the order is: leaf first, then each certificate's issuer");
	arena_free(arena);
	return -1;
}

int
chain_check_order(STACK_OF(X509) *certs, struct err *e)
{
	int count = sk_X509_num(certs);

	if (count < 1)
		return err_set(e, ERR_DATA, "no certificate in the chain");
	for (int i = 0; i + 1 < count; i++) {
		X509 *cert = sk_X509_value(certs, i), *next = sk_X509_value(certs, i + 1);
		EVP_PKEY *key = X509_get0_pubkey(next);
		int why = X509_check_issued(next, cert);
		bool signed_by = why == X509_V_OK && key && X509_verify(cert, key) == 1;

		ERR_clear_error();
		if (why == X509_V_ERR_SUBJECT_ISSUER_MISMATCH)
			return link_broken(cert, next, i, "has another name", e);
		if (why != X509_V_OK)
			return link_broken(cert, next, i, X509_verify_cert_error_string(why), e);
		if (X509_check_ca(next) == 0)
			return link_broken(cert, next, i, "may not issue certificates", e);
		if (!signed_by)
			return link_broken(cert, next, i, "did not sign it", e);
	}
	return 0;
}

int
chain_check_dates(STACK_OF(X509) *certs, int64_t now, struct err *e)
{
	struct arena *arena = arena_new(0);
	int rc = 0;

	for (int i = 0; i < sk_X509_num(certs) && rc == 0; i++) {
		char from[CLOCK_RFC3339_LEN + 1], until[CLOCK_RFC3339_LEN + 1];
		struct x509info info;
		struct span subject;

		x509info_read(sk_X509_value(certs, i), arena, &info);
		if (now >= info.not_before && now <= info.not_after)
			continue;
		subject = info.common_name.n > 0 ? info.common_name : info.subject;
		clock_format_rfc3339(info.not_before, from);
		clock_format_rfc3339(info.not_after, until);
		rc = now > info.not_after
			 ? err_set(e, ERR_DATA, "certificate %d (" SPAN_FMT ") expired at %s",
			       i + 1, SPAN_ARG(subject), until)
			 : err_set(e, ERR_DATA,
			       "certificate %d (" SPAN_FMT ") is not valid before %s", i + 1,
			       SPAN_ARG(subject), from);
		if (now < info.not_before)
			err_hint(e, "is this machine's clock right?");
	}
	arena_free(arena);
	return rc;
}
