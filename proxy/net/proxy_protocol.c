/* SPDX-License-Identifier: ISC */
/*
 * proxy_protocol: see proxy_protocol.h.
 *
 *	1:  PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 CR LF            at most 107 bytes
 *	2:  signature(12)  version|command  family|transport  length(2)  addresses  TLVs
 */
#include "proxy/net/proxy_protocol.h"

#include "base/mem.h"
#include "proxy/net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V1_MAX 107
#define V2_HEAD 16
#define UNIX_PATH 108

static const struct span v1_prefix = SPAN_INIT("PROXY ");
static const struct span v2_signature = SPAN_INIT("\r\n\r\n\0\r\nQUIT\n");

enum { COMMAND_LOCAL = 0, COMMAND_PROXY = 1 };
enum { FAMILY_UNSPEC = 0, FAMILY_INET = 1, FAMILY_INET6 = 2, FAMILY_UNIX = 3 };
enum { TRANSPORT_STREAM = 1, TRANSPORT_MAX = 2 };
enum {
	TLV_ALPN = 0x01,
	TLV_AUTHORITY = 0x02,
	TLV_CRC32C = 0x03,
	TLV_SSL = 0x20,
	TLV_HEAD = 3,     /* type, length */
	TLV_SSL_HEAD = 5, /* client, verify */
};

static unsigned
get_u16(const char *p)
{
	return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* ---- version 1 ------------------------------------------------------------------------------------ */

/* An address without a zone, and nothing else; the port goes behind it. */
static bool
read_address(struct span text, int family, struct address *a)
{
	char host[INET6_ADDRSTRLEN];
	void *to = family == AF_INET ? (void *)&a->u.in.sin_addr : &a->u.in6.sin6_addr;

	memset(a, 0, sizeof(*a));
	if (text.n == 0 || text.n >= sizeof(host) || memchr(text.p, '\0', text.n))
		return false;
	memcpy(host, text.p, text.n);
	host[text.n] = '\0';
	a->u.sa.sa_family = (sa_family_t)family;
	a->len = family == AF_INET ? sizeof(a->u.in) : sizeof(a->u.in6);
	return inet_pton(family, host, to) == 1;
}

static bool
read_port(struct span text, struct address *a)
{
	uint64_t port;

	if (span_to_u64(text, UINT16_MAX, &port) < 0 || (text.n > 1 && text.p[0] == '0'))
		return false;
	/* At the same place in both families. */
	a->u.in.sin_port = htons((uint16_t)port);
	return true;
}

/* line: between "PROXY " and CR LF. */
static enum parse_result
parse_v1_line(struct span line, struct proxy_header *h, const char **why)
{
	struct span field[5];
	size_t count = 0;
	int family;

	if (span_eq(line, SPAN("UNKNOWN")) || span_starts(line, SPAN("UNKNOWN ")))
		return PARSE_OK;
	*why = "malformed PROXY header";
	while (count < 5) {
		ptrdiff_t blank = span_find(line, ' ');

		field[count++] = span_of(line.p, blank < 0 ? line.n : (size_t)blank);
		if (blank < 0)
			break;
		line = span_after(line, (size_t)blank + 1);
		if (count == 5)
			return PARSE_BAD;
	}
	if (count != 5)
		return PARSE_BAD;
	if (span_eq(field[0], SPAN("TCP4")))
		family = AF_INET;
	else if (span_eq(field[0], SPAN("TCP6")))
		family = AF_INET6;
	else
		return PARSE_BAD;
	*why = "invalid address in PROXY header";
	if (!read_address(field[1], family, &h->source) ||
	    !read_address(field[2], family, &h->destination))
		return PARSE_BAD;
	*why = "invalid port in PROXY header";
	if (!read_port(field[3], &h->source) || !read_port(field[4], &h->destination))
		return PARSE_BAD;
	h->has_addresses = true;
	return PARSE_OK;
}

static enum parse_result
parse_v1(struct span bytes, struct proxy_header *h, size_t *length, const char **why)
{
	struct span within = span_of(bytes.p, bytes.n < V1_MAX ? bytes.n : V1_MAX);
	ptrdiff_t end = span_find(within, '\r');

	if (end < 0 && memchr(within.p, '\n', within.n)) {
		*why = "PROXY header ends without CR";
		return PARSE_BAD;
	}
	if (end < 0 || (size_t)end + 1 == within.n) {
		if (within.n < V1_MAX)
			return PARSE_MORE;
		*why = "PROXY header is too long";
		return PARSE_BAD;
	}
	if (bytes.p[end + 1] != '\n' || memchr(within.p, '\n', (size_t)end)) {
		*why = "malformed PROXY header";
		return PARSE_BAD;
	}
	*length = (size_t)end + 2;
	return parse_v1_line(span_after(span_of(bytes.p, (size_t)end), v1_prefix.n), h, why);
}

/* ---- version 2 ------------------------------------------------------------------------------------ */

/* Castagnoli's polynomial, as RFC 3720 has it; the checksum's own bytes, at hole, count as zero. */
static uint32_t
crc32c(struct span bytes, size_t hole)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < bytes.n; i++) {
		crc ^= i - hole < 4 ? 0 : (unsigned char)bytes.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

/* Take one TLV off *rest. */
static bool
take_tlv(struct span *rest, unsigned *type, struct span *value)
{
	size_t n;

	if (rest->n < TLV_HEAD)
		return false;
	n = get_u16(rest->p + 1);
	if (rest->n - TLV_HEAD < n)
		return false;
	*type = (unsigned char)rest->p[0];
	*value = span_of(rest->p + TLV_HEAD, n);
	*rest = span_after(*rest, TLV_HEAD + n);
	return true;
}

/* whole: the header, for the checksum over all of it. */
static const char *
check_tlvs(struct span tlvs, struct span whole)
{
	struct span value, inner_value;
	unsigned type, inner_type;

	while (tlvs.n > 0) {
		if (!take_tlv(&tlvs, &type, &value))
			return "malformed TLV in PROXY header";
		if (type == TLV_CRC32C) {
			uint32_t sent;

			if (value.n != sizeof(sent))
				return "malformed checksum in PROXY header";
			memcpy(&sent, value.p, sizeof(sent));
			if (ntohl(sent) != crc32c(whole, (size_t)(value.p - whole.p)))
				return "PROXY header does not match its checksum";
		}
		if (type != TLV_SSL)
			continue;
		if (value.n < TLV_SSL_HEAD)
			return "malformed TLV in PROXY header";
		value = span_after(value, TLV_SSL_HEAD);
		while (value.n > 0) {
			if (!take_tlv(&value, &inner_type, &inner_value))
				return "malformed TLV in PROXY header";
		}
	}
	return NULL;
}

static void
take_inet(struct address *a, const char *host, const char *port)
{
	a->u.in.sin_family = AF_INET;
	a->len = sizeof(a->u.in);
	memcpy(&a->u.in.sin_addr, host, 4);
	memcpy(&a->u.in.sin_port, port, 2);
}

static void
take_inet6(struct address *a, const char *host, const char *port)
{
	a->u.in6.sin6_family = AF_INET6;
	a->len = sizeof(a->u.in6);
	memcpy(&a->u.in6.sin6_addr, host, 16);
	memcpy(&a->u.in6.sin6_port, port, 2);
}

static void
take_unix(struct address *a, const char *path)
{
	a->u.un.sun_family = AF_UNIX;
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + UNIX_PATH);
	memcpy(a->u.un.sun_path, path, UNIX_PATH);
}

/* Bytes of both addresses in body, by family. */
static size_t
addresses_size(unsigned family)
{
	static const unsigned char sizes[] = { [FAMILY_UNSPEC] = 0,
		[FAMILY_INET] = 12,
		[FAMILY_INET6] = 36,
		[FAMILY_UNIX] = 2 * UNIX_PATH };

	return sizes[family];
}

static void
take_addresses(struct proxy_header *h, unsigned family, const char *p)
{
	memset(&h->source, 0, sizeof(h->source));
	memset(&h->destination, 0, sizeof(h->destination));
	h->has_addresses = true;
	switch (family) {
	case FAMILY_INET:
		take_inet(&h->source, p, p + 8);
		take_inet(&h->destination, p + 4, p + 10);
		break;
	case FAMILY_INET6:
		take_inet6(&h->source, p, p + 32);
		take_inet6(&h->destination, p + 16, p + 34);
		break;
	case FAMILY_UNIX:
		take_unix(&h->source, p);
		take_unix(&h->destination, p + UNIX_PATH);
		break;
	default:
		h->has_addresses = false;
		break;
	}
}

static enum parse_result
parse_v2(struct span bytes, struct proxy_header *h, size_t *length, const char **why)
{
	unsigned command, family, transport;
	struct span body;

	if (bytes.n < V2_HEAD)
		return PARSE_MORE;
	command = (unsigned char)bytes.p[12] & 15;
	family = (unsigned char)bytes.p[13] >> 4;
	transport = (unsigned char)bytes.p[13] & 15;
	*why = "unknown version in PROXY header";
	if ((unsigned char)bytes.p[12] >> 4 != 2)
		return PARSE_BAD;
	*why = "unknown command in PROXY header";
	if (command > COMMAND_PROXY)
		return PARSE_BAD;
	/* LOCAL has no family, whatever it says; else both are named or neither. */
	*why = "unknown family or transport in PROXY header";
	if (command == COMMAND_PROXY && (family > FAMILY_UNIX || transport > TRANSPORT_MAX ||
					    (family == FAMILY_UNSPEC) != (transport == 0)))
		return PARSE_BAD;
	*length = V2_HEAD + get_u16(bytes.p + 14);
	*why = "PROXY header is too long";
	if (*length > PROXY_HEADER_MAX)
		return PARSE_BAD;
	*why = "PROXY header has no room for its addresses";
	if (command == COMMAND_PROXY && *length < V2_HEAD + addresses_size(family))
		return PARSE_BAD;
	if (bytes.n < *length)
		return PARSE_MORE;
	/* What a LOCAL header carries is to be passed over. */
	if (command == COMMAND_LOCAL)
		return PARSE_OK;
	body = span_after(span_of(bytes.p, *length), V2_HEAD);
	h->tlvs = span_after(body, addresses_size(family));
	*why = check_tlvs(h->tlvs, span_of(bytes.p, *length));
	if (*why)
		return PARSE_BAD;
	if (transport == TRANSPORT_STREAM)
		take_addresses(h, family, body.p);
	return PARSE_OK;
}

/* ---- either --------------------------------------------------------------------------------------- */

/* As far as they go, the bytes begin as prefix does. */
static bool
may_become(struct span bytes, struct span prefix)
{
	size_t n = bytes.n < prefix.n ? bytes.n : prefix.n;

	return n == 0 || memcmp(bytes.p, prefix.p, n) == 0;
}

enum parse_result
proxy_header_parse(struct span bytes, struct proxy_header *h, size_t *length, const char **why)
{
	h->has_addresses = false;
	h->source.len = h->destination.len = 0;
	h->tlvs = span_of(NULL, 0);
	*length = 0;
	*why = "no PROXY header";
	if (may_become(bytes, v2_signature))
		return parse_v2(bytes, h, length, why);
	if (!may_become(bytes, v1_prefix))
		return PARSE_BAD;
	return bytes.n < v1_prefix.n ? PARSE_MORE : parse_v1(bytes, h, length, why);
}

static const struct tlv_name {
	struct span name;
	unsigned type;
	bool in_ssl;
} tlv_names[] = {
	{ SPAN_INIT("alpn"), TLV_ALPN, false },
	{ SPAN_INIT("authority"), TLV_AUTHORITY, false },
	{ SPAN_INIT("unique_id"), 0x05, false },
	{ SPAN_INIT("ssl"), TLV_SSL, false },
	{ SPAN_INIT("netns"), 0x30, false },
	{ SPAN_INIT("ssl_version"), 0x21, true },
	{ SPAN_INIT("ssl_cn"), 0x22, true },
	{ SPAN_INIT("ssl_cipher"), 0x23, true },
	{ SPAN_INIT("ssl_sig_alg"), 0x24, true },
	{ SPAN_INIT("ssl_key_alg"), 0x25, true },
};
static const struct span ssl_verify = SPAN_INIT("ssl_verify");

/* "0xea", "0XEA" */
static bool
hex_type(struct span name, unsigned *type)
{
	unsigned v = 0;

	if (name.n < 3 || name.n > 4 || name.p[0] != '0' || (name.p[1] | 0x20) != 'x')
		return false;
	for (size_t i = 2; i < name.n; i++) {
		char c = name.p[i], low = (char)(c | 0x20);

		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned)(c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (unsigned)(low - 'a' + 10);
		else
			return false;
	}
	*type = v;
	return true;
}

static bool
find_type(struct span name, unsigned *type, bool *in_ssl)
{
	*in_ssl = span_starts(name, SPAN("ssl_")) && hex_type(span_after(name, 4), type);
	if (*in_ssl || hex_type(name, type))
		return true;
	for (size_t i = 0; i < sizeof(tlv_names) / sizeof(tlv_names[0]); i++) {
		if (span_eq(name, tlv_names[i].name)) {
			*type = tlv_names[i].type;
			*in_ssl = tlv_names[i].in_ssl;
			return true;
		}
	}
	return false;
}

static bool
find_tlv(struct span tlvs, unsigned wanted, struct span *value)
{
	unsigned type;

	while (take_tlv(&tlvs, &type, value)) {
		if (type == wanted)
			return true;
	}
	return false;
}

bool
proxy_header_tlv(struct span tlvs, struct span name, struct span *value)
{
	unsigned type = 0;
	bool in_ssl = true;

	if (!span_eq(name, ssl_verify) && !find_type(name, &type, &in_ssl))
		return false;
	if (!in_ssl)
		return find_tlv(tlvs, type, value);
	if (!find_tlv(tlvs, TLV_SSL, value))
		return false;
	if (span_eq(name, ssl_verify)) {
		*value = span_of(value->p + 1, 4);
		return true;
	}
	return find_tlv(span_after(*value, TLV_SSL_HEAD), type, value);
}

struct proxied *
proxied_new(const struct proxy_header *h)
{
	struct proxied *p = mem_alloc(sizeof(*p) + h->tlvs.n);

	p->header = *h;
	if (h->tlvs.n > 0)
		memcpy(p->bytes, h->tlvs.p, h->tlvs.n);
	p->header.tlvs = span_of(p->bytes, h->tlvs.n);
	return p;
}

/* ---- writing --------------------------------------------------------------------------------------- */

static int
claimed_family(const struct proxy_claim *claim)
{
	const struct sockaddr *from = claim->source, *to = claim->destination;

	return from && to && from->sa_family == to->sa_family ? from->sa_family : AF_UNSPEC;
}

static size_t
write_v1(const struct proxy_claim *claim, char *out)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	const struct sockaddr *a = claim->source, *b = claim->destination;
	int family = claimed_family(claim);

	if (family != AF_INET && family != AF_INET6)
		return (size_t)(stpcpy(out, "PROXY UNKNOWN\r\n") - out);
	inet_ntop(family, address_binary(a).p, from, sizeof(from));
	inet_ntop(family, address_binary(b).p, to, sizeof(to));
	return (size_t)snprintf(out, V1_MAX + 1, "PROXY TCP%c %s %s %u %u\r\n",
	    family == AF_INET ? '4' : '6', from, to, address_port(a), address_port(b));
}

static char *
put(char *at, const void *p, size_t n)
{
	return mempcpy(at, p, n);
}

static char *
put_tlv(char *at, const char *end, unsigned type, struct span value)
{
	if (value.n == 0 || value.n > UINT16_MAX || (size_t)(end - at) < TLV_HEAD + value.n)
		return at;
	*at++ = (char)type;
	*at++ = (char)(value.n >> 8);
	*at++ = (char)value.n;
	return put(at, value.p, value.n);
}

static char *
put_port(char *at, const struct sockaddr *sa)
{
	uint16_t port = htons((uint16_t)address_port(sa));

	return put(at, &port, sizeof(port));
}

/* All of it: an abstract name begins with a zero. */
static char *
put_path(char *at, const struct sockaddr *sa)
{
	return put(at, ((const struct sockaddr_un *)(const void *)sa)->sun_path, UNIX_PATH);
}

static size_t
write_v2(const struct proxy_claim *claim, char *out)
{
	const struct sockaddr *a = claim->source, *b = claim->destination;
	const char *end = out + PROXY_HEADER_WRITE_MAX;
	char *at = put(out, v2_signature.p, v2_signature.n);
	unsigned command = COMMAND_PROXY, family = FAMILY_UNSPEC;
	char *head = at;
	size_t n;

	at += V2_HEAD - v2_signature.n;
	switch (claimed_family(claim)) {
	case AF_INET:
	case AF_INET6:
		family = a->sa_family == AF_INET ? FAMILY_INET : FAMILY_INET6;
		at = put(at, address_binary(a).p, address_binary(a).n);
		at = put(at, address_binary(b).p, address_binary(b).n);
		at = put_port(at, a);
		at = put_port(at, b);
		break;
	case AF_UNIX:
		family = FAMILY_UNIX;
		at = put_path(at, a);
		at = put_path(at, b);
		break;
	default:
		command = COMMAND_LOCAL;
		break;
	}
	if (command == COMMAND_PROXY) {
		at = put_tlv(at, end, TLV_AUTHORITY, claim->authority);
		at = put_tlv(at, end, TLV_ALPN, claim->alpn);
	}
	n = (size_t)(at - out) - V2_HEAD;
	head[0] = (char)(0x20 | command);
	head[1] = (char)(family << 4 | (family ? TRANSPORT_STREAM : 0));
	head[2] = (char)(n >> 8);
	head[3] = (char)n;
	return (size_t)(at - out);
}

/* *four as IPv6 has it (RFC 4291, 2.5.5.2), in room. */
static void
map_inet(const struct sockaddr **four, struct sockaddr_in6 *room)
{
	*room = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)address_port(*four)) };
	memset(&room->sin6_addr.s6_addr[10], 0xff, 2);
	memcpy(&room->sin6_addr.s6_addr[12], address_binary(*four).p, 4);
	*four = (const struct sockaddr *)room;
}

size_t
proxy_header_write(unsigned version, const struct proxy_claim *claim,
    char out[PROXY_HEADER_WRITE_MAX])
{
	struct proxy_claim same = *claim;
	struct sockaddr_in6 mapped;
	int from = claim->source ? claim->source->sa_family : AF_UNSPEC;
	int to = claim->destination ? claim->destination->sa_family : AF_UNSPEC;

	if (from == AF_INET && to == AF_INET6)
		map_inet(&same.source, &mapped);
	else if (from == AF_INET6 && to == AF_INET)
		map_inet(&same.destination, &mapped);
	return version == 1 ? write_v1(&same, out) : write_v2(&same, out);
}
