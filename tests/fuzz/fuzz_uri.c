/* SPDX-License-Identifier: ISC */
/* fuzz_uri: paths and host names: what comes out is in normal form and stays so. */
#include "proxy/http/http1_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact) ((fact) ? (void)0 : abort())

static void
check_path(struct span raw, bool merge, struct arena *arena)
{
	struct span once, twice;

	if (http1_normalize_path(raw, merge, arena, &once) != PARSE_OK)
		return;
	MUST(once.n > 0 && once.n <= raw.n && !memchr(once.p, '\0', once.n));
	MUST(!memmem(once.p, once.n, "/./", 3) && !memmem(once.p, once.n, "/../", 4));
	MUST(!span_ends(once, SPAN("/.")) && !span_ends(once, SPAN("/..")));
	MUST(!merge || !memmem(once.p, once.n, "//", 2));
	if (memchr(once.p, '%', once.n))
		return;
	MUST(http1_normalize_path(once, merge, arena, &twice) == PARSE_OK && span_eq(once, twice));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct span in = span_of(data, size), path, args, name, again;
	bool has_query;

	http1_split_target(in, &path, &args, &has_query);
	MUST(path.n + args.n + has_query <= size);
	check_path(path, true, arena);
	check_path(path, false, arena);
	check_path(in, true, arena);
	if (http1_host_name(in, arena, &name) == 0)
		MUST(http1_host_name(name, arena, &again) == 0 && span_eq(name, again));
	arena_free(arena);
	return 0;
}
