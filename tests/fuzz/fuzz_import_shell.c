/* SPDX-License-Identifier: ISC */
/* Shell assignments of other clients: a value fits, and is no longer than what it was read from. */
#include "libacme/import_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t sizes[] = { 1, 8, 4096 };
	char out[4096];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct span value = import_shell_value(span_of(data, size), "A", out, sizes[i]);

		if (value.n >= sizes[i] || value.n > size || out[value.n] != '\0')
			__builtin_trap();
	}
	return 0;
}
