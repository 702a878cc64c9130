/* SPDX-License-Identifier: ISC */
/* client: see client.h. */
#include "proxy/worker/client.h"

#include "proxy/net/address.h"
#include "proxy/tls/tls_context.h"
#include "proxy/worker/arrival.h"
#include "proxy/worker/listen_slot.h"

#include <stdlib.h>

static void
keep_addresses(struct client *c, const struct accepted *a)
{
	const struct address *at = a->local ? a->local : &c->slot->listener->address;
	const struct sockaddr *local = &at->u.sa;
	struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
	socklen_t len = at->len;

	if (!a->local && address_is_wildcard(local)) {
		local = (struct sockaddr *)&own;
		len = sizeof(own);
		if (getsockname(a->fd, (struct sockaddr *)&own, &len) < 0)
			own.ss_family = AF_UNSPEC;
	}
	c->remote = address_dup_two(a->peer, a->peer_len, local, len, &c->local);
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
	keep_addresses(c, a);
	c->passes = a->passes;
}

void
client_release(struct client *c)
{
	listen_slot_unref(c->slot);
	free(c->proxied);
	free((struct sockaddr *)(uintptr_t)c->remote);
	tls_client_release(&c->tls);
}
