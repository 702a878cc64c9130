/* SPDX-License-Identifier: ISC */
/*
 * fuzz_http1_chunked: a chunked body read whole and read in pieces: the same end, the same bytes.
 * The first byte says how large the pieces are.
 */
#include "proxy/http/http1_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact) ((fact) ? (void)0 : abort())

static enum parse_result
read_in_pieces(struct span in, size_t step, struct buf *body, struct buf *trailer, size_t *total)
{
	struct http1_chunked c = { 0 };
	enum parse_result result = PARSE_MORE;
	const char *why;

	while (in.n && result == PARSE_MORE) {
		struct span data;
		size_t used;

		result = http1_chunked_read(&c, span_of(in.p, in.n < step ? in.n : step), &used,
		    &data, trailer, &why);
		MUST(used <= in.n && (used > 0 || result == PARSE_BAD) && data.n <= used);
		MUST(result == PARSE_BAD || buf_add(body, data) == 0);
		in = span_after(in, used);
		*total += used;
	}
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf body[2], trailer[2];
	size_t total[2] = { 0 };
	enum parse_result result[2];

	if (size < 1)
		return 0;
	for (int i = 0; i < 2; i++) {
		size_t step = i ? (size_t)data[0] % 32 + 1 : size;

		buf_init(&body[i], size);
		buf_init(&trailer[i], size);
		result[i] = read_in_pieces(span_of(data + 1, size - 1), step, &body[i], &trailer[i],
		    &total[i]);
	}
	MUST(result[0] == result[1] && total[0] == total[1]);
	MUST(span_eq(buf_span(&body[0]), buf_span(&body[1])));
	MUST(span_eq(buf_span(&trailer[0]), buf_span(&trailer[1])));
	for (int i = 0; i < 2; i++) {
		buf_release(&body[i]);
		buf_release(&trailer[i]);
	}
	return 0;
}
