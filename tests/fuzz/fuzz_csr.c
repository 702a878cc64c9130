/* SPDX-License-Identifier: ISC */
/*
 * fuzz_csr: signing requests and revocation lists. Names that are accepted can go into a certificate and come out of
 * it as they went in.
 */
#include "libcert/crl.h"
#include "libcert/csr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const struct csr *csr)
{
	GENERAL_NAMES *san = name_list_encode(csr->names.items, csr->names.count);
	struct name_list again = { 0 };

	if (name_list_add_san(&again, san, NULL) < 0 || again.count != csr->names.count)
		abort();
	GENERAL_NAMES_free(san);
	name_list_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	X509_CRL *crl = NULL;
	struct csr csr;
	int64_t when;
	int reason;

	if (csr_parse(in, &csr, NULL) == 0) {
		ask(&csr);
		csr_release(&csr);
	}
	if (serial && crl_parse(in, &crl, NULL) == 0)
		crl_lookup(crl, serial, &when, &reason);
	X509_CRL_free(crl);
	ASN1_INTEGER_free(serial);
	return 0;
}
