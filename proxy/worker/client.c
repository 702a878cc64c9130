/* SPDX-License-Identifier: ISC */
/* client: see client.h. */
#include "proxy/worker/client.h"

#include "proxy/net/address.h"
#include "proxy/tls/tls_context.h"
#include "proxy/worker/arrival.h"
#include "proxy/worker/listen_slot.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
address_text(struct address *a, char out[CLIENT_ADDRESS_TEXT])
{
	char ip[INET6_ADDRSTRLEN];
	int n;

	switch (a->u.sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &a->u.in.sin_addr, ip, sizeof(ip));
		n = snprintf(out, CLIENT_ADDRESS_TEXT, "%s:%u", ip, ntohs(a->u.in.sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, ip, sizeof(ip));
		n = snprintf(out, CLIENT_ADDRESS_TEXT, "[%s]:%u", ip, ntohs(a->u.in6.sin6_port));
		break;
	default:
		n = snprintf(out, CLIENT_ADDRESS_TEXT, "unix:");
		break;
	}
	a->text = span_of(out, (size_t)n);
}

void
client_init(struct client *c, struct listen_slot *slot, const struct accepted *a)
{
	c->worker = slot->worker;
	c->number = a->number;
	c->started_ms = a->started_ms;
	c->proxied = a->proxied;
	c->tls = a->tls;
	c->slot = listen_slot_ref(slot);
	memcpy(&c->remote.u, a->peer, a->peer_len);
	c->remote.len = a->peer_len;
	c->passes = a->passes;
	if (a->local) {
		c->local = *a->local;
	} else if (address_is_wildcard(&slot->listener->address)) {
		c->local.len = sizeof(c->local.u);
		if (getsockname(a->fd, &c->local.u.sa, &c->local.len) < 0)
			c->local.len = 0;
	} else {
		c->local = slot->listener->address;
	}
	address_text(&c->remote, c->remote_text);
	c->local.text = span_of(NULL, 0);
}

void
client_release(struct client *c)
{
	listen_slot_unref(c->slot);
	free(c->proxied);
	tls_client_release(&c->tls);
}
