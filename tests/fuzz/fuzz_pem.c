/* SPDX-License-Identifier: ISC */
/*
 * fuzz_pem: files of certificates, keys and DH parameters, and everything asked of a certificate
 * that was read. What is accepted can be written and read again as the same certificate.
 */
#include "libcert/chain.h"
#include "libcert/dh.h"
#include "libcert/pkey.h"
#include "libcert/x509glance.h"
#include "libcert/x509info.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Neither an address, which only matches as such, nor with the trailing dot that no certificate has. */
static bool
ends_in_letter(struct span name)
{
	return name.p[name.n - 1] >= 'a' && name.p[name.n - 1] <= 'z';
}

static void
ask(X509 *cert)
{
	struct arena *arena = arena_new(0);
	STACK_OF(X509) *again = NULL;
	struct x509info info;
	struct buf pem;

	x509info_read(cert, arena, &info);
	/* What it says it covers, it covers. */
	for (size_t i = 0; i < info.dns_count; i++) {
		if (ends_in_letter(info.dns[i]) && !x509info_covers(cert, info.dns[i]))
			abort();
	}
	for (size_t i = 0; i < info.ip_count; i++) {
		if (!x509info_covers(cert, info.ip[i]))
			abort();
	}
	buf_init(&pem, 4 * 1024 * 1024);
	if (x509info_format_pem(cert, &pem, NULL) == 0 &&
	    (x509info_parse_pem(buf_span(&pem), &again, NULL) < 0 ||
		X509_cmp(cert, sk_X509_value(again, 0)) != 0))
		abort();
	sk_X509_pop_free(again, X509_free);
	buf_release(&pem);
	arena_free(arena);
}

/* Who glances at a certificate sees the dates that are in it. */
static void
glance(struct span in, STACK_OF(X509) *certs)
{
	struct arena *arena = arena_new(0);
	struct x509glance seen;
	struct x509info info;

	if (x509glance_pem(in, &seen) == 0 && certs) {
		x509info_read(sk_X509_value(certs, 0), arena, &info);
		if (memcmp(info.sha256, seen.sha256, sizeof(seen.sha256)) == 0 &&
		    (info.not_before != seen.not_before || info.not_after != seen.not_after))
			abort();
	}
	arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	STACK_OF(X509) *certs = NULL;
	EVP_PKEY *key = NULL;
	char described[32];

	if (x509info_parse(in, &certs, NULL) == 0) {
		(void)!chain_check_order(certs, NULL);
		(void)!chain_check_dates(certs, 1800000000, NULL);
		for (int i = 0; i < sk_X509_num(certs); i++)
			ask(sk_X509_value(certs, i));
	}
	glance(in, certs);
	if (pkey_parse_pem(in, NULL, &key, NULL) == 0)
		pkey_describe(key, described);
	EVP_PKEY_free(key);
	key = NULL;
	(void)!dh_parse_pem(in, &key, NULL);
	EVP_PKEY_free(key);
	sk_X509_pop_free(certs, X509_free);
	return 0;
}
