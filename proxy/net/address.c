/* SPDX-License-Identifier: ISC */
/* address: see address.h. */
#include "proxy/net/address.h"

#include <arpa/inet.h>

static sa_family_t
family(const struct address *a)
{
	return a->len == 0 ? AF_UNSPEC : a->u.sa.sa_family;
}

unsigned
address_port(const struct address *a)
{
	switch (family(a)) {
	case AF_INET:
		return ntohs(a->u.in.sin_port);
	case AF_INET6:
		return ntohs(a->u.in6.sin6_port);
	default:
		return 0;
	}
}

struct span
address_binary(const struct address *a)
{
	size_t head = offsetof(struct sockaddr_un, sun_path);

	switch (family(a)) {
	case AF_INET:
		return span_of(&a->u.in.sin_addr, sizeof(a->u.in.sin_addr));
	case AF_INET6:
		return span_of(&a->u.in6.sin6_addr, sizeof(a->u.in6.sin6_addr));
	case AF_UNIX:
		/* An unnamed or abstract one has no path to show. */
		if (a->len <= head || a->u.un.sun_path[0] == '\0')
			return span_of(NULL, 0);
		return span_of(a->u.un.sun_path, strnlen(a->u.un.sun_path, a->len - head));
	default:
		return span_of(NULL, 0);
	}
}

bool
address_is_wildcard(const struct address *a)
{
	switch (family(a)) {
	case AF_INET:
		return a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
	case AF_INET6:
		return IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
	default:
		return false;
	}
}

bool
address_is_loopback(const struct address *a)
{
	switch (family(a)) {
	case AF_INET:
		return ntohl(a->u.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
	default:
		return false;
	}
}

struct address
address_with_port(const struct address *a, uint16_t port)
{
	struct address at = *a;

	at.text = span_of(NULL, 0);
	if (family(a) == AF_INET6)
		at.u.in6.sin6_port = htons(port);
	else
		at.u.in.sin_port = htons(port);
	return at;
}

static char *
put_octet(char *p, unsigned v)
{
	if (v >= 100)
		*p++ = (char)('0' + v / 100);
	if (v >= 10)
		*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

/* By hand: every request with a log line asks for it. */
static struct span
host_v4(const struct address *a, struct arena *arena)
{
	const unsigned char *b = (const unsigned char *)&a->u.in.sin_addr;
	char text[INET_ADDRSTRLEN], *p = text;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		p = put_octet(p, b[i]);
	}
	return arena_dup(arena, span_of(text, (size_t)(p - text)));
}

struct span
address_host(const struct address *a, bool brackets, struct arena *arena)
{
	char text[INET6_ADDRSTRLEN];

	switch (family(a)) {
	case AF_INET:
		return host_v4(a, arena);
	case AF_INET6: {
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, text, sizeof(text));
		const struct span parts[] = { SPAN_INIT("["), span_str(text), SPAN_INIT("]") };

		return arena_concat(arena, brackets ? parts : parts + 1, brackets ? 3 : 1);
	}
	case AF_UNIX: {
		const struct span parts[] = { SPAN_INIT("unix:"), address_binary(a) };

		return arena_concat(arena, parts, 2);
	}
	default:
		return span_of(NULL, 0);
	}
}
