/* SPDX-License-Identifier: ISC */
/*
 * range: the Range field (RFC 9110, 14) against a representation of known length.
 *
 * Reads what nginx reads, with its verdicts. Several ranges are delivered together when they ask
 * for no more than the whole has: overlapping ones cannot be used to make us send more than the file.
 */
#ifndef PROXY_HTTP_RANGE_H
#define PROXY_HTTP_RANGE_H

#include "base/arena.h"
#include "base/span.h"

#include <stdint.h>

/* Bytes [start, end). */
struct byte_range {
	uint64_t start, end;
};

enum range_result {
	RANGE_NONE, /* answer with the whole: not bytes, or not worth it */
	RANGE_OK,
	RANGE_NOT_SATISFIABLE, /* 416 */
};

/* RANGE_OK: *count >= 1 ranges in arena, in the order asked for. */
enum range_result range_parse(struct span value, uint64_t length, struct arena *arena,
    struct byte_range **ranges, size_t *count);

#endif
