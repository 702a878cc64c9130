/* SPDX-License-Identifier: ISC */
/*
 * fuzz_http1_request: the head of a request, its target and its host, from any bytes.
 *
 * What is accepted holds the promises the rest of the proxy builds on: no control bytes, one
 * framing, a path and a host that normalize.
 */
#include "proxy/http/http1_parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact) ((fact) ? (void)0 : abort())

static void
check(const struct http1_request_head *h, struct arena *arena)
{
	struct span path, args, normal, host;
	bool has_query, te = false, cl = false;

	MUST(h->method.n && h->path_query.n && h->minor <= 9 && h->status == 0);
	MUST(h->path_query.p[0] == '/' || span_eq(h->path_query, SPAN("*")));
	MUST(http1_host_name(h->host, arena, &host) == 0 && (host.n || h->minor == 0));
	for (unsigned i = 0; i < h->headers.count; i++) {
		const struct header *f = &h->headers.rows[i];

		MUST(f->name.n && lex_run(f->name, LEX_TOKEN) == f->name.n);
		MUST(lex_text(f->value) == f->value.n && header_identify(f->name) == f->id);
		te |= f->id == HEADER_TRANSFER_ENCODING;
		cl |= f->id == HEADER_CONTENT_LENGTH;
	}
	MUST(!(te && cl) && te == (h->framing == BODY_CHUNKED) &&
	     cl == (h->framing == BODY_LENGTH));
	http1_split_target(h->path_query, &path, &args, &has_query);
	if (http1_normalize_path(path, true, arena, &normal) == PARSE_OK)
		MUST(normal.n <= path.n && !memmem(normal.p, normal.n, "/../", 4));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http1_limits limits = { .max_headers = 100 }, behind_host;
	struct http1_head_scan scan = { 0 };
	struct http1_request_head head;
	struct arena *arena = arena_new(0);
	const char *why;
	size_t n = 0;

	limits.underscores = size & 1;
	limits.ignore_invalid = size & 2;
	behind_host = (struct http1_limits){ limits.ignore_invalid, limits.underscores, 100, NULL };
	limits.behind_host = size & 4 ? &behind_host : NULL;
	if (http1_head_end(&scan, span_of(data, size), &n, &why) != PARSE_OK)
		n = size;
	if (http1_parse_request(span_of(data, n), &limits, arena, &head, &why) == PARSE_OK)
		check(&head, arena);
	else
		MUST(head.status == 400 || head.status == 405 || head.status == 505);
	arena_free(arena);
	return 0;
}
