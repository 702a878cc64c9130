/* SPDX-License-Identifier: ISC */
/*
 * proxy_protocol: the header in front of a relayed connection that says whose it is (the PROXY
 * protocol, versions 1 and 2).
 *
 * Reading is strict: what is malformed is refused, never taken for "unknown". A header may come in
 * any number of pieces.
 */
#ifndef PROXY_NET_PROXY_PROTOCOL_H
#define PROXY_NET_PROXY_PROTOCOL_H

#include "proxy/config/snapshot.h"
#include "proxy/net/parse.h"

/* Longest header that is read (nginx: 4096), and that is written. */
#define PROXY_HEADER_MAX 4096
#define PROXY_HEADER_WRITE_MAX 1024

struct proxy_header {
	/*
	 * False: the sender speaks for itself (LOCAL), does not know (UNKNOWN, AF_UNSPEC), or means
	 * no stream. Then the connection's own addresses hold.
	 */
	bool has_addresses;
	struct address source, destination; /* without their texts */
	struct span tlvs;                   /* version 2: in the bytes that were parsed; sound */
};

/*
 * OK: the header ends after *length bytes, what follows is the connection's. BAD: *why, static text.
 */
enum parse_result proxy_header_parse(struct span bytes, struct proxy_header *h, size_t *length,
    const char **why);

/*
 * The value of a TLV by nginx's names ("authority", "ssl_cn", "0xea": ngx_http_core_module,
 * $proxy_protocol_tlv_name). False: there is none.
 */
bool proxy_header_tlv(struct span tlvs, struct span name, struct span *value);

/* A header for keeping, its TLVs with it; one block: free() it. */
struct proxied {
	struct proxy_header header;
	char bytes[];
};
struct proxied *proxied_new(const struct proxy_header *h);

/*
 * What a header that is written says. Of IPv4 and IPv6, IPv4 is mapped into IPv6. An address that is not known, or else two
 * families: UNKNOWN or LOCAL.
 */
struct proxy_claim {
	const struct sockaddr *source, *destination; /* see address.h */
	struct span authority, alpn;                 /* version 2 only; empty = not said */
};

/* version 1 or 2, into out; returns how many bytes. TLVs that find no room are left out. */
size_t proxy_header_write(unsigned version, const struct proxy_claim *claim,
    char out[PROXY_HEADER_WRITE_MAX]);

#endif
