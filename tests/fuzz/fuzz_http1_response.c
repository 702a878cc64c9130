/* SPDX-License-Identifier: ISC */
/* fuzz_http1_response: the head of a response; what is accepted is framed one way and holds text. */
#include "proxy/http/http1_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact) ((fact) ? (void)0 : abort())

static void
check(const struct http1_response_head *h)
{
	bool te = header_find(&h->headers, HEADER_TRANSFER_ENCODING) != NULL;
	bool cl = header_find(&h->headers, HEADER_CONTENT_LENGTH) != NULL;

	MUST(h->status >= 100 && h->status <= 599 && h->minor <= 9);
	MUST(lex_text(h->reason) == h->reason.n);
	MUST(!(te && cl) && te == (h->framing == BODY_CHUNKED) &&
	     cl == (h->framing == BODY_LENGTH));
	for (unsigned i = 0; i < h->headers.count; i++) {
		MUST(h->headers.rows[i].name.n);
		MUST(lex_text(h->headers.rows[i].value) == h->headers.rows[i].value.n);
	}
	MUST(http1_response_body(h, SPAN("HEAD")) == BODY_NONE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http1_head_scan scan = { 0 };
	struct http1_response_head head;
	struct arena *arena = arena_new(0);
	const char *why;
	size_t n = 0;

	if (http1_head_end(&scan, span_of(data, size), &n, &why) != PARSE_OK)
		n = size;
	if (http1_parse_response(span_of(data, n), arena, &head, &why) == PARSE_OK)
		check(&head);
	arena_free(arena);
	return 0;
}
