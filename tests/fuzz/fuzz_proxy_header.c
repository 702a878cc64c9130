/* SPDX-License-Identifier: ISC */
/*
 * fuzz_proxy_header: the PROXY protocol from any bytes.
 *
 * What is accepted ends within the bytes, and is the same header whatever follows it; no shorter
 * beginning of it was accepted.
 */
#include "proxy/net/proxy_protocol.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact) ((fact) ? (void)0 : abort())

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h, again;
	struct span value;
	size_t n, m;
	const char *why;

	if (proxy_header_parse(span_of(data, size), &h, &n, &why) != PARSE_OK)
		return 0;
	MUST(n <= size && n <= PROXY_HEADER_MAX);
	MUST(proxy_header_parse(span_of(data, n), &again, &m, &why) == PARSE_OK && m == n);
	MUST(proxy_header_parse(span_of(data, n - 1), &again, &m, &why) == PARSE_MORE);
	if (h.has_addresses)
		MUST(h.source.len > 0 && h.source.u.sa.sa_family == h.destination.u.sa.sa_family);
	proxy_header_tlv(h.tlvs, SPAN("authority"), &value);
	proxy_header_tlv(h.tlvs, SPAN("ssl_cn"), &value);
	return 0;
}
