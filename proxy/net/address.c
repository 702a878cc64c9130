/* SPDX-License-Identifier: ISC */
/* address: see address.h. */
#include "proxy/net/address.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* A socket address, by its family. */
union any_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static const union any_address *
any(const struct sockaddr *sa)
{
	return (const union any_address *)(const void *)sa;
}

socklen_t
address_size(const struct sockaddr *sa)
{
	switch (sa->sa_family) {
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	case AF_UNIX:
		return sizeof(struct sockaddr_un);
	default:
		return sizeof(struct sockaddr_in);
	}
}

static struct sockaddr *
copy_to(char *room, const struct sockaddr *sa, socklen_t len)
{
	socklen_t size = address_size(sa);

	memcpy(room, sa, len < size ? len : size);
	return (struct sockaddr *)(void *)room;
}

struct sockaddr *
address_dup_two(const struct sockaddr *first, socklen_t first_len, const struct sockaddr *second,
    socklen_t second_len, const struct sockaddr **second_copy)
{
	const size_t align = _Alignof(union any_address);
	size_t behind = (address_size(first) + align - 1) / align * align;
	char *both = mem_zalloc(behind + address_size(second));

	*second_copy = copy_to(both + behind, second, second_len);
	return copy_to(both, first, first_len);
}

unsigned
address_port(const struct sockaddr *sa)
{
	switch (sa->sa_family) {
	case AF_INET:
		return ntohs(any(sa)->in.sin_port);
	case AF_INET6:
		return ntohs(any(sa)->in6.sin6_port);
	default:
		return 0;
	}
}

struct span
address_binary(const struct sockaddr *sa)
{
	const union any_address *a = any(sa);

	switch (sa->sa_family) {
	case AF_INET:
		return span_of(&a->in.sin_addr, sizeof(a->in.sin_addr));
	case AF_INET6:
		return span_of(&a->in6.sin6_addr, sizeof(a->in6.sin6_addr));
	case AF_UNIX:
		/* An unnamed or abstract one has no path to show. */
		if (a->un.sun_path[0] == '\0')
			return span_of(NULL, 0);
		return span_of(a->un.sun_path, strnlen(a->un.sun_path, sizeof(a->un.sun_path)));
	default:
		return span_of(NULL, 0);
	}
}

bool
address_is_wildcard(const struct sockaddr *sa)
{
	switch (sa->sa_family) {
	case AF_INET:
		return any(sa)->in.sin_addr.s_addr == htonl(INADDR_ANY);
	case AF_INET6:
		return IN6_IS_ADDR_UNSPECIFIED(&any(sa)->in6.sin6_addr);
	default:
		return false;
	}
}

bool
address_is_loopback(const struct sockaddr *sa)
{
	switch (sa->sa_family) {
	case AF_INET:
		return ntohl(any(sa)->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&any(sa)->in6.sin6_addr);
	default:
		return false;
	}
}

struct address
address_with_port(const struct address *a, uint16_t port)
{
	struct address at = *a;

	at.text = span_of(NULL, 0);
	if (at.u.sa.sa_family == AF_INET6)
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
host_v4(const struct sockaddr *sa, struct arena *arena)
{
	const unsigned char *b = (const unsigned char *)&any(sa)->in.sin_addr;
	char text[INET_ADDRSTRLEN], *p = text;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		p = put_octet(p, b[i]);
	}
	return arena_dup(arena, span_of(text, (size_t)(p - text)));
}

struct span
address_host(const struct sockaddr *sa, bool brackets, struct arena *arena)
{
	char text[INET6_ADDRSTRLEN];

	switch (sa->sa_family) {
	case AF_INET:
		return host_v4(sa, arena);
	case AF_INET6: {
		inet_ntop(AF_INET6, &any(sa)->in6.sin6_addr, text, sizeof(text));
		const struct span parts[] = { SPAN_INIT("["), span_str(text), SPAN_INIT("]") };

		return arena_concat(arena, brackets ? parts : parts + 1, brackets ? 3 : 1);
	}
	case AF_UNIX: {
		const struct span parts[] = { SPAN_INIT("unix:"), address_binary(sa) };

		return arena_concat(arena, parts, 2);
	}
	default:
		return span_of(NULL, 0);
	}
}

struct span
address_text(const struct sockaddr *sa, char out[ADDRESS_TEXT])
{
	bool v6 = sa->sa_family == AF_INET6;
	char host[INET6_ADDRSTRLEN];
	int n;

	if (!v6 && sa->sa_family != AF_INET)
		return SPAN("unix:");
	inet_ntop(sa->sa_family, address_binary(sa).p, host, sizeof(host));
	n = snprintf(out, ADDRESS_TEXT, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
	    address_port(sa));
	return span_of(out, (size_t)n);
}
