/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ocsp: OCSP responses, behind the chain (PEM) whose leaf they should be about.
 */
#include "libcert/ocsp.h"
#include "libcert/x509info.h"

#include <stdlib.h>

#define END "-----END CERTIFICATE-----\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), der = in;
	STACK_OF(X509) *chain = NULL;
	struct ocsp_answer answer;
	X509_STORE *trust;
	const char *end;

	while ((end = memmem(der.p, der.n, END, sizeof(END) - 1)))
		der = span_after(der, (size_t)(end - der.p) + sizeof(END) - 1);
	if (x509info_parse_pem(span_of(in.p, in.n - der.n), &chain, NULL) == 0) {
		trust = ocsp_trust_new(chain);
		if (ocsp_check(der, chain, trust, &answer, NULL) == 0 && answer.good &&
		    answer.revoked)
			abort();
		free(ocsp_responder(sk_X509_value(chain, 0)));
		X509_STORE_free(trust);
	}
	sk_X509_pop_free(chain, X509_free);
	return 0;
}
