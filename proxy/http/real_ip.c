/* SPDX-License-Identifier: ISC */
/*
 * real_ip: see real_ip.h.
 *
 * The list is read from its end, as each proxy has added to it: an address counts only when the one that reported it is
 * trusted. Without real_ip_recursive the last one is it.
 */
#include "proxy/http/real_ip.h"

#include "proxy/config/cidr.h"
#include "proxy/config/host_port.h"
#include "proxy/net/proxy_protocol.h"

struct search {
	const struct real_ip *settings;
	struct request *request;
	const struct sockaddr *address;
	struct address *found; /* room for address */
};

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80" */
static bool
parse_address(struct span text, struct arena *arena, struct address *out)
{
	struct host_port hp = { .host = text };

	if (text.n == 0)
		return false;
	if (host_port_address(&hp, 0, arena, out))
		return out->u.sa.sa_family != AF_UNIX;
	if (span_starts(text, SPAN("unix:")) || host_port_split(text, false, &hp) != NULL ||
	    hp.is_unix || (hp.bracketed && hp.port == 0))
		return false;
	return host_port_address(&hp, hp.port, arena, out);
}

static bool
is_separator(char c)
{
	return c == ' ' || c == ',';
}

/* Walk one value from its end; false when the search is over. */
static bool
search_value(struct search *s, struct span value)
{
	struct arena *arena = s->request->arena;

	while (value.n > 0) {
		struct address a;
		size_t start;

		if (!real_ip_trusts(s->settings, s->address))
			return false;
		while (value.n > 1 && is_separator(value.p[value.n - 1]))
			value.n--;
		for (start = value.n; start > 0 && !is_separator(value.p[start - 1]); start--)
			;
		if (!parse_address(span_after(value, start), arena, &a))
			return false;
		if (!s->found)
			s->found = arena_alloc(arena, sizeof(*s->found));
		*s->found = a;
		s->address = &s->found->u.sa;
		if (!s->settings->recursive)
			return false;
		value.n = start > 0 ? start - 1 : 0;
	}
	return true;
}

/* Is it the field, as variables name it? */
static bool
names_field(struct span variable, struct span name)
{
	if (variable.n != name.n)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '-')
			c = '_';
		else if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != variable.p[i])
			return false;
	}
	return true;
}

void
real_ip_find(struct request *r)
{
	const struct real_ip *settings = r->settings->real_ip;
	struct search s = { .settings = settings, .request = r, .address = r->client->remote };
	const struct header_list *l = &r->headers;

	if (!settings || settings->trusted_count == 0 || r->remote ||
	    !real_ip_trusts(settings, s.address))
		return;
	if (settings->proxy_protocol) {
		r->remote = r->client->proxied && r->client->proxied->header.has_addresses
				? &r->client->proxied->header.source.u.sa
				: NULL;
		return;
	}
	/* Several fields are one list: the last one was added last. */
	for (unsigned i = l->count; i-- > 0;) {
		if (names_field(settings->header, l->rows[i].name) &&
		    !search_value(&s, l->rows[i].value))
			break;
	}
	if (s.found)
		r->remote = s.address;
}
