/* SPDX-License-Identifier: ISC */
/* Renewal information: what is accepted is a window that can be drawn from. */
#include "libacme/ari_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct ari ari = { .at = 0 }, before = { .at = 0 };

	if (ari_parse(span_of(data, size), arena, &ari, NULL) == 0) {
		ari_choose(&ari, &before);
		if (ari.at < ari.start || ari.at >= ari.end)
			__builtin_trap();
	}
	arena_free(arena);
	return 0;
}
