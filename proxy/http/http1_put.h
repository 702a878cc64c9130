/* SPDX-License-Identifier: ISC */
/*
 * http1_put: the pieces of a message, written one behind the other into room that was reserved for them.
 *
 * Each returns the end of what it wrote.
 */
#ifndef PROXY_HTTP_HTTP1_PUT_H
#define PROXY_HTTP_HTTP1_PUT_H

#include "base/decimal.h"
#include "base/span.h"

/* What a line takes beside name and value: ": " and CRLF. */
#define HTTP1_FIELD_COST 4
/* Of http1_put_chunk_size: 16 digits and CRLF. */
#define HTTP1_CHUNK_SIZE_MAX 18

static inline char *
http1_put(char *p, struct span s)
{
	return s.n > 0 ? mempcpy(p, s.p, s.n) : p;
}

/* "name: value" CRLF */
static inline char *
http1_put_field(char *p, struct span name, struct span value)
{
	p = http1_put(p, name);
	*p++ = ':';
	*p++ = ' ';
	p = http1_put(p, value);
	*p++ = '\r';
	*p++ = '\n';
	return p;
}

/* "Content-Length: n" CRLF */
static inline char *
http1_put_length(char *p, uint64_t n)
{
	p = http1_put(p, SPAN("Content-Length: "));
	p = decimal_put(p, n);
	return http1_put(p, SPAN("\r\n"));
}

/* In hexadecimal, and CRLF: what stands before a chunk (RFC 9112, 7.1). */
static inline char *
http1_put_chunk_size(char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned shift = 0;

	while (n >> shift >= 16)
		shift += 4;
	*p++ = digits[n >> shift];
	while (shift > 0) {
		shift -= 4;
		*p++ = digits[n >> shift & 15];
	}
	return http1_put(p, SPAN("\r\n"));
}

#endif
