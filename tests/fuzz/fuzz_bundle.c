/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a bundle: refused, or every lookup stays inside.
 */
#include "base/mem.h"
#include "proxy/monitor/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *image = mem_alloc(size); /* aligned, and of exactly this size for the sanitizer */
	struct bundle *b = NULL;
	struct span bytes;
	unsigned sum = 0;

	if (size)
		memcpy(image, data, size);
	if (bundle_open_bytes(span_of(image, size), &b, NULL) == 0) {
		for (int kind = 0; kind <= BUNDLE_IDENTITY; kind++) {
			if (!bundle_find(b, (enum bundle_kind)kind, SPAN("/a"), &bytes))
				continue;
			for (size_t i = 0; i < bytes.n; i++)
				sum += (unsigned char)bytes.p[i];
		}
		bundle_close(b);
	}
	free(image);
	(void)sum;
	return 0;
}
