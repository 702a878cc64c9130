/* SPDX-License-Identifier: ISC */
/*
 * fuzz_decode: the decoders of base/encode.h and the date parsers of base/clock.h.
 *
 * What a decoder accepts must be the only spelling of its result, and what a
 * date parser accepts must survive being written and read again.
 */
#include "base/clock.h"
#include "base/encode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int (*coder)(struct buf *, struct span);

static void
there_and_back(coder decode, coder encode, struct span in, bool any_case)
{
	struct buf plain, again;

	buf_init(&plain, in.n);
	buf_init(&again, in.n);
	if (decode(&plain, in) == 0) {
		if (encode(&again, buf_span(&plain)) < 0)
			abort();
		if (any_case ? !span_eq_nocase(in, buf_span(&again))
			     : !span_eq(in, buf_span(&again)))
			abort();
	} else if (plain.len != 0) {
		abort();
	}
	buf_release(&plain);
	buf_release(&again);
}

static void
dates(struct span in)
{
	char http[CLOCK_HTTP_LEN + 1], rfc3339[CLOCK_RFC3339_LEN + 1];
	int64_t t, again;

	if (clock_parse_http(in, &t) == 0) {
		clock_format_http(t, http);
		if (clock_parse_http(span_str(http), &again) < 0 || again != t)
			abort();
	}
	/* An offset can carry an instant out of the four-digit years, where formats clamp. */
	if (clock_parse_rfc3339(in, &t) == 0 && t >= INT64_C(-62167219200) &&
	    t <= INT64_C(253402300799)) {
		clock_format_rfc3339(t, rfc3339);
		if (clock_parse_rfc3339(span_str(rfc3339), &again) < 0 || again != t)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);

	there_and_back(decode_base64, encode_base64, in, false);
	there_and_back(decode_base64url, encode_base64url, in, false);
	there_and_back(decode_hex, encode_hex, in, true);
	dates(in);
	return 0;
}
