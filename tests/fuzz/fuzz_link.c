/* SPDX-License-Identifier: ISC */
/* Link fields: what is found lies within the input, and each step uses some of it up. */
#include "libacme/acme_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), url, relation;
	const char *end = rest.p + rest.n;
	size_t before = rest.n;

	while (acme_link_next(&rest, &url, &relation)) {
		if (rest.n >= before || rest.p + rest.n > end || url.p + url.n > end)
			__builtin_trap();
		if (relation.n && relation.p + relation.n > end)
			__builtin_trap();
		before = rest.n;
	}
	return 0;
}
