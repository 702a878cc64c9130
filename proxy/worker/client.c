/* SPDX-License-Identifier: ISC */
/* client: see client.h. */
#include "proxy/worker/client.h"

#include "proxy/net/address.h"
#include "proxy/tls/tls_context.h"
#include "proxy/worker/arrival.h"
#include "proxy/worker/listen_slot.h"

#include <stdlib.h>

static struct sockaddr *
local_of(const struct listen_slot *slot, const struct accepted *a)
{
	const struct address *at = a->local ? a->local : &slot->listener->address;
	struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(own);

	if (a->local || !address_is_wildcard(&at->u.sa))
		return address_dup(&at->u.sa, at->len);
	if (getsockname(a->fd, (struct sockaddr *)&own, &len) < 0)
		own.ss_family = AF_UNSPEC;
	return address_dup((struct sockaddr *)&own, len);
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
	c->remote = address_dup(a->peer, a->peer_len);
	c->local = local_of(slot, a);
	c->passes = a->passes;
}

void
client_release(struct client *c)
{
	listen_slot_unref(c->slot);
	free(c->proxied);
	free((struct sockaddr *)(uintptr_t)c->remote);
	free((struct sockaddr *)(uintptr_t)c->local);
	tls_client_release(&c->tls);
}
