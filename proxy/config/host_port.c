/* SPDX-License-Identifier: ISC */
/*
 * host_port: taking addresses apart and making socket addresses of numeric ones.
 */
#include "proxy/config/host_port.h"

#include <arpa/inet.h>
#include <stddef.h>

static const char *
split_unix(struct span path, struct host_port *hp)
{
	if (path.n == 0)
		return "no path in the unix domain socket";
	if (path.p[0] != '/')
		return "relative path in the unix domain socket";
	if (path.n >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "too long path in the unix domain socket";
	hp->host = path;
	hp->is_unix = true;
	return NULL;
}

static const char *
split_port(struct span text, uint16_t *port)
{
	uint64_t n;

	if (span_to_u64(text, UINT16_MAX, &n) < 0 || n == 0)
		return "invalid port";
	*port = (uint16_t)n;
	return NULL;
}

static const char *
split_bracketed(struct span text, struct host_port *hp)
{
	ptrdiff_t end = span_find(text, ']');
	struct span rest;
	struct in6_addr in6;
	char host[INET6_ADDRSTRLEN];

	if (end < 0)
		return "invalid host";
	hp->bracketed = true;
	hp->host = span_of(text.p + 1, (size_t)end - 1);
	if (hp->host.n >= sizeof(host))
		return "invalid IPv6 address";
	memcpy(host, hp->host.p, hp->host.n);
	host[hp->host.n] = '\0';
	if (inet_pton(AF_INET6, host, &in6) != 1)
		return "invalid IPv6 address";
	rest = span_after(text, (size_t)end + 1);
	if (rest.n == 0)
		return NULL;
	return rest.p[0] == ':' ? split_port(span_after(rest, 1), &hp->port) : "invalid port";
}

static bool
is_host(struct span host)
{
	if (host.n > 253)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		unsigned char c = (unsigned char)host.p[i];

		if (c <= ' ' || c == 0x7f || c == '/' || c == ':' || c == '*' || c == '[' ||
		    c == ']')
			return false;
	}
	return host.n > 0;
}

static bool
is_number(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0;
}

const char *
host_port_split(struct span text, bool may_omit_host, struct host_port *hp)
{
	ptrdiff_t colon;

	*hp = (struct host_port){ .port = 0 };
	if (text.n >= 5 && span_eq_nocase(span_of(text.p, 5), SPAN("unix:")))
		return split_unix(span_after(text, 5), hp);
	if (text.n > 0 && text.p[0] == '[')
		return split_bracketed(text, hp);
	if (may_omit_host && is_number(text))
		return split_port(text, &hp->port);

	colon = span_find(text, ':');
	hp->host = span_of(text.p, colon < 0 ? text.n : (size_t)colon);
	if (hp->host.n == 0)
		return "no host";
	if (may_omit_host && span_eq(hp->host, SPAN("*")))
		hp->host.n = 0;
	else if (!is_host(hp->host))
		return "invalid host";
	return colon < 0 ? NULL : split_port(span_after(text, (size_t)colon + 1), &hp->port);
}

static void
make_unix(struct span path, struct arena *arena, struct address *out)
{
	*out = (struct address){ .len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
						    path.n + 1) };
	out->u.un.sun_family = AF_UNIX;
	memcpy(out->u.un.sun_path, path.p, path.n);
	out->text = arena_printf(arena, "unix:" SPAN_FMT, SPAN_ARG(path));
}

bool
host_port_address(const struct host_port *hp, uint16_t port, struct arena *arena,
    struct address *out)
{
	char host[INET6_ADDRSTRLEN];
	struct in_addr in = { .s_addr = htonl(INADDR_ANY) };
	struct in6_addr in6;

	if (hp->is_unix) {
		make_unix(hp->host, arena, out);
		return true;
	}
	if (hp->host.n >= sizeof(host))
		return false;
	if (hp->host.n > 0)
		memcpy(host, hp->host.p, hp->host.n);
	host[hp->host.n] = '\0';

	if (hp->host.n == 0 || inet_pton(AF_INET, host, &in) == 1) {
		*out = (struct address){ .len = sizeof(out->u.in) };
		out->u.in.sin_family = AF_INET;
		out->u.in.sin_addr = in;
		out->u.in.sin_port = htons(port);
		inet_ntop(AF_INET, &in, host, sizeof(host));
		out->text = arena_printf(arena, "%s:%u", host, port);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6) == 1) {
		*out = (struct address){ .len = sizeof(out->u.in6) };
		out->u.in6.sin6_family = AF_INET6;
		out->u.in6.sin6_addr = in6;
		out->u.in6.sin6_port = htons(port);
		inet_ntop(AF_INET6, &in6, host, sizeof(host));
		out->text = arena_printf(arena, "[%s]:%u", host, port);
		return true;
	}
	return false;
}

bool
host_port_bind(struct span text, struct arena *arena, struct address *out)
{
	struct host_port hp = { .host = text };

	/* A bare IPv6 address has colons of its own. */
	if (host_port_address(&hp, 0, arena, out))
		return true;
	return !host_port_split(text, false, &hp) && !hp.is_unix &&
	       host_port_address(&hp, hp.port, arena, out);
}
