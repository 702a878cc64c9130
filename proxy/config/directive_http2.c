/* SPDX-License-Identifier: ISC */
/*
 * directive_http2: HTTP/2 for clients.
 */
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

/* RFC 9113: a window is below 2^31; a frame that a client has not asked to be larger takes 16384. */
#define WINDOW_MAX INT32_MAX
#define FRAME_MAX 16384

/* http2_chunk_size SIZE. As in nginx more than a frame takes is a frame's. */
static int
set_chunk_size(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	uint64_t size;

	if (value_parse_size(n->words[1].text, UINT32_MAX, &size) < 0)
		return loader_fail(l, n, "invalid value");
	if (size == 0)
		return loader_fail(l, n, "cannot be zero");
	scope_location_settings(l, s)->http2_chunk_size = size < FRAME_MAX ? size : FRAME_MAX;
	return 0;
}

static const struct directive_range window = { 0, WINDOW_MAX };

static const struct directive rows[] = {
	{ SPAN_INIT("http2"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = directive_set_flag,
	    SERVER_FIELD(bool, http2) },
	{ SPAN_INIT("http2_max_concurrent_streams"), CONTEXT_HTTP_SERVER, 1, 1, 0,
	    .set = directive_set_number, SERVER_FIELD(unsigned, http2_max_concurrent_streams),
	    &directive_positive },
	{ SPAN_INIT("http2_body_preread_size"), CONTEXT_HTTP_SERVER, 1, 1, 0,
	    .set = directive_set_size, SERVER_FIELD(size_t, http2_body_preread_size), &window },
	{ SPAN_INIT("http2_chunk_size"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = set_chunk_size },
};
const struct directive_table directive_http2_table = { rows, sizeof(rows) / sizeof(rows[0]) };
