/* SPDX-License-Identifier: ISC */
/* cidr: see cidr.h. */
#include "proxy/config/cidr.h"

#include "proxy/config/snapshot.h"

#include <arpa/inet.h>

/* Binary form of a numeric address; its length, or 0. */
static unsigned
parse_bytes(struct span text, int *family, unsigned char bytes[16])
{
	char s[INET6_ADDRSTRLEN];

	if (text.n == 0 || text.n >= sizeof(s) || memchr(text.p, '\0', text.n))
		return 0;
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	if (inet_pton(AF_INET, s, bytes) == 1) {
		*family = AF_INET;
		return 4;
	}
	if (inet_pton(AF_INET6, s, bytes) == 1) {
		*family = AF_INET6;
		return 16;
	}
	return 0;
}

/* "24", or for IPv4 "255.255.255.0" with all its ones in front. */
static bool
parse_mask(struct span text, int family, unsigned *bits)
{
	unsigned char bytes[16];
	uint64_t number;
	uint32_t mask;
	int kind;

	if (span_to_u64(text, family == AF_INET ? 32 : 128, &number) == 0) {
		*bits = (unsigned)number;
		return true;
	}
	if (family != AF_INET || parse_bytes(text, &kind, bytes) != 4)
		return false;
	memcpy(&mask, bytes, sizeof(mask));
	mask = ntohl(mask);
	*bits = (unsigned)__builtin_popcount(mask);
	return (mask & (~mask >> 1)) == 0 && (*bits == 0 || mask >> 31);
}

/* Clear what is beyond the bits; true when there was something. */
static bool
clear_host_bits(struct cidr *c, unsigned length)
{
	bool some = false;

	for (unsigned i = 0; i < length; i++) {
		unsigned keep = c->bits > 8 * i ? c->bits - 8 * i : 0;
		unsigned char mask = (unsigned char)(keep >= 8 ? 0xff : 0xff00 >> keep);

		some |= (c->bytes[i] & ~mask) != 0;
		c->bytes[i] &= mask;
	}
	return some;
}

enum cidr_result
cidr_parse(struct span text, struct cidr *out)
{
	ptrdiff_t slash = span_find(text, '/');
	struct span host = slash < 0 ? text : span_of(text.p, (size_t)slash);
	unsigned length;

	*out = (struct cidr){ .kind = CIDR_NETWORK };
	if (span_eq(text, SPAN("unix:"))) {
		out->kind = CIDR_UNIX;
		return CIDR_OK;
	}
	length = parse_bytes(host, &out->family, out->bytes);
	if (length == 0)
		return CIDR_BAD;
	out->bits = length * 8;
	if (slash >= 0 && !parse_mask(span_after(text, (size_t)slash + 1), out->family, &out->bits))
		return CIDR_BAD;
	return clear_host_bits(out, length) ? CIDR_MASKED : CIDR_OK;
}

bool
cidr_of_address(const struct address *a, struct cidr *out)
{
	*out = (struct cidr){ .kind = CIDR_NETWORK, .family = a->u.sa.sa_family };
	switch (out->family) {
	case AF_INET:
		out->bits = 32;
		memcpy(out->bytes, &a->u.in.sin_addr, 4);
		return true;
	case AF_INET6:
		out->bits = 128;
		memcpy(out->bytes, &a->u.in6.sin6_addr, 16);
		return true;
	default:
		return false;
	}
}

static bool
has_prefix(const struct cidr *c, const unsigned char *bytes)
{
	unsigned whole = c->bits / 8, rest = c->bits % 8;

	return memcmp(c->bytes, bytes, whole) == 0 &&
	       (rest == 0 || ((c->bytes[whole] ^ bytes[whole]) >> (8 - rest)) == 0);
}

bool
cidr_contains(const struct cidr *c, const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
	int family = sa->sa_family;
	const unsigned char *bytes;

	if (c->kind == CIDR_UNIX || family == AF_UNIX)
		return c->kind == CIDR_UNIX && family == AF_UNIX;
	if (family == AF_INET) {
		bytes = (const unsigned char *)&in->sin_addr;
	} else if (family == AF_INET6) {
		bytes = in6->sin6_addr.s6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			family = AF_INET;
			bytes += 12;
		}
	} else {
		return false;
	}
	return family == c->family && has_prefix(c, bytes);
}

bool
real_ip_trusts(const struct real_ip *settings, const struct sockaddr *peer)
{
	for (size_t i = 0; i < settings->trusted_count; i++) {
		if (cidr_contains(&settings->trusted[i], peer))
			return true;
	}
	return false;
}
