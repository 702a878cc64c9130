/* SPDX-License-Identifier: ISC */
/* fuzz_responder_http: request heads as the little server for http-01 reads them: a path within them, or none. */
#include "libacme/responder_internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span head = span_of(data, size), path = responder_http_path(head);

	if (path.n && (path.p < head.p || path.p + path.n > head.p + head.n || path.p[0] != '/'))
		abort();
	return 0;
}
