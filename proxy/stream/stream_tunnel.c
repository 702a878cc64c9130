/* SPDX-License-Identifier: ISC */
/* stream_tunnel: see stream_tunnel.h. */
#include "proxy/stream/stream_tunnel.h"

#include "proxy/config/route.h"
#include "proxy/net/address.h"
#include "proxy/stream/stream_internal.h"

/* A peer's address that leads to this endpoint. */
static bool
leads_to(const struct sockaddr *peer, const struct endpoint *ep)
{
	const struct sockaddr *own = &ep->address.u.sa;

	if (own->sa_family != peer->sa_family || address_port(own) != address_port(peer))
		return false;
	return span_eq(address_binary(own), address_binary(peer)) ||
	       (address_is_wildcard(own) && address_is_loopback(peer));
}

static bool
is_ours(const struct snapshot *snapshot, const struct address *peer)
{
	for (size_t i = 0; i < snapshot->listener_count; i++) {
		const struct listener *l = &snapshot->listeners[i];

		for (size_t k = 0; k < l->endpoint_count; k++) {
			if (leads_to(&peer->u.sa, &l->endpoints[k]))
				return true;
		}
	}
	return false;
}

/* The session that a connection to ep for name would be, as far as variables and groups go by it. */
static struct stream_session
session_of(const struct traffic *t, const struct endpoint *ep, struct span name)
{
	struct stream_session s = {
		.traffic = *t,
		.endpoint = ep,
		.hello_name = name,
		.hello_version = SPAN("TLSv1.3"),
		.fd = -1,
	};

	variable_store_init(&s.variables, t->arena, t->generation->snapshot->stream_variable_count);
	s.server = route_server(ep, name, &s.variables);
	s.settings = s.server->stream->settings;
	return s;
}

static size_t
find_at(const struct traffic *t, const struct endpoint *ep, struct span name, struct address *out,
    size_t max)
{
	struct stream_session s = session_of(t, ep, name);
	struct upstream_group *group;
	size_t count, kept = 0;

	if (!s.settings->ssl_preread || !s.server->stream->proxy)
		return 0;
	group = stream_proxy_group(&s);
	if (!group)
		return 0;
	count = upstream_group_addresses(group, out, max);
	upstream_group_unref(group);
	for (size_t i = 0; i < count; i++) {
		out[i].text = span_of(NULL, 0); /* was the group's */
		if (out[i].u.sa.sa_family != AF_UNIX && !is_ours(t->generation->snapshot, &out[i]))
			out[kept++] = out[i];
	}
	return kept;
}

size_t
stream_tunnel_find(const struct traffic *t, struct span name, struct address *out, size_t max)
{
	const struct snapshot *snapshot = t->generation->snapshot;
	size_t found = 0;

	for (size_t i = 0; i < snapshot->listener_count; i++) {
		const struct listener *l = &snapshot->listeners[i];

		for (size_t k = 0; found == 0 && k < l->endpoint_count; k++) {
			if (l->endpoints[k].stream && !l->endpoints[k].tls)
				found = find_at(t, &l->endpoints[k], name, out, max);
		}
	}
	return found;
}
