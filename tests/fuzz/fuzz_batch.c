/* SPDX-License-Identifier: ISC */
/* Batch files: words end in NUL, and no line of an accepted file is without words. */
#include "libacme/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct batch_line *lines;
	size_t count, bytes = 0;

	if (batch_parse(span_of(data, size), "file", "program", arena, &lines, &count, NULL) == 0) {
		for (size_t i = 0; i < count; i++) {
			if (lines[i].word_count < 2 || lines[i].words[lines[i].word_count])
				__builtin_trap();
			for (int j = 1; j < lines[i].word_count; j++)
				bytes += strlen(lines[i].words[j]);
		}
		if (bytes > size)
			__builtin_trap();
	}
	arena_free(arena);
	return 0;
}
