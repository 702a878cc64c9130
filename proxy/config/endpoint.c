/* SPDX-License-Identifier: ISC */
/*
 * endpoint: listeners and endpoints out of the listen directives of all servers.
 *
 *	listen directives -> one draft per address -> endpoint (default server, names)
 *	                                           -> its own listener, or the wildcard's on its port
 */
#include "proxy/config/loader.h"
#include "proxy/config/route.h"

#include <arpa/inet.h>

#define DEFAULT_BACKLOG 511

struct draft {
	const struct address *address;
	const struct listen **listens; /* in order */
	size_t listen_count;
	const struct listen *options; /* the one that says something of the socket */
	const struct listen *default_listen;
	bool tls, proxy_protocol, http2, differs;
	struct draft *home; /* whose listener takes the connections: itself or a wildcard */
	struct listener *listener;
	struct endpoint *endpoint;
	size_t guests;
};

struct drafts {
	struct draft **all;
	size_t count;
	struct span_map by_address;
};

static void
add_to_draft(struct loader *l, struct draft *d, const struct listen *it)
{
	if (it->options_said || it->ipv6only >= 0) {
		if (d->options)
			loader_error(l, it->node, "duplicate listen options for " SPAN_FMT,
			    SPAN_ARG(it->address.text));
		d->options = it;
	}
	if (d->listen_count > 0 && !d->listens[0]->server->stream != !it->server->stream)
		loader_error(l, it->node,
		    "\"" SPAN_FMT "\" is listened on by servers of \"http\" and of \"stream\"",
		    SPAN_ARG(it->address.text));
	if (it->default_server) {
		if (d->default_listen)
			loader_error(l, it->node, "a duplicate default server for " SPAN_FMT,
			    SPAN_ARG(it->address.text));
		d->default_listen = it;
	}
	if (d->listen_count > 0 && !d->differs &&
	    (it->ssl != d->tls || it->proxy_protocol != d->proxy_protocol)) {
		d->differs = true;
		loader_warn(l, it->node, "protocol options redefined for " SPAN_FMT,
		    SPAN_ARG(it->address.text));
		diagnostic_hint(l->diags,
		    "\"%s\" on one server's listen holds for all servers of the address",
		    it->ssl != d->tls ? "ssl" : "proxy_protocol");
	}
	d->tls |= it->ssl;
	d->proxy_protocol |= it->proxy_protocol;
	d->http2 |= it->http2;
	LOADER_APPEND(l->scratch, d->listens, d->listen_count, it);
}

static void
gather(struct loader *l, struct drafts *drafts)
{
	for (size_t i = 0; i < l->listen_count; i++) {
		const struct listen *it = l->listens[i];
		struct draft *d = span_map_get(&drafts->by_address, it->address.text);

		if (!d) {
			d = arena_zalloc(l->scratch, sizeof(*d));
			d->address = &it->address;
			span_map_add(&drafts->by_address, it->address.text, d);
			LOADER_APPEND(l->scratch, drafts->all, drafts->count, d);
		}
		add_to_draft(l, d, it);
	}
}

/* The wildcard of the address's family on its port, if somebody listens on it. */
static struct draft *
wildcard_of(struct loader *l, const struct drafts *drafts, const struct address *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return span_map_get(&drafts->by_address,
		    arena_printf(l->scratch, "0.0.0.0:%u", ntohs(a->u.in.sin_port)));
	case AF_INET6:
		return span_map_get(&drafts->by_address,
		    arena_printf(l->scratch, "[::]:%u", ntohs(a->u.in6.sin6_port)));
	default:
		return NULL;
	}
}

static void
find_home(struct loader *l, const struct drafts *drafts, struct draft *d)
{
	struct draft *wildcard = wildcard_of(l, drafts, d->address);

	d->home = wildcard ? wildcard : d;
	if (d->home == d)
		return;
	d->home->guests++;
	if (d->options) {
		loader_error(l, d->options->node,
		    "\"" SPAN_FMT "\" has no socket of its own to set options on",
		    SPAN_ARG(d->address->text));
		diagnostic_hint(l->diags, "\"" SPAN_FMT "\" takes its connections: set them there",
		    SPAN_ARG(d->home->address->text));
	}
}

static void
make_listeners(struct loader *l, struct drafts *drafts)
{
	struct snapshot *s = l->snapshot;

	s->listeners = arena_array(l->arena, drafts->count, sizeof(*s->listeners));
	for (size_t i = 0; i < drafts->count; i++) {
		struct draft *d = drafts->all[i];
		struct listener *it = &s->listeners[s->listener_count];

		if (d->home != d)
			continue;
		it->address = *d->address;
		it->address.text = arena_dup(l->arena, it->address.text);
		if (d->options)
			it->options = d->options->options;
		if (!it->options.backlog)
			it->options.backlog = DEFAULT_BACKLOG;
		it->sockets = it->options.reuseport ? s->main.worker_processes : 1;
		it->ipv6only = it->address.u.sa.sa_family == AF_INET6 &&
			       !(d->options && d->options->ipv6only == 0);
		it->index = (unsigned)s->listener_count++;
		it->endpoints = arena_array(l->arena, d->guests + 1, sizeof(*it->endpoints));
		it->endpoint_count = d->guests + 1;
		d->listener = it;
		d->endpoint = &it->endpoints[d->guests];
	}
	/* Guests before the host: the wildcard is asked last. */
	for (size_t i = 0; i < drafts->count; i++) {
		struct draft *d = drafts->all[i];

		if (d->home != d)
			d->endpoint = &d->home->listener->endpoints[--d->home->guests];
	}
}

static const struct server_name_index *
make_names(struct loader *l, const struct draft *d)
{
	struct server_name_index *ix = server_name_index_new(l->arena);
	size_t count = 0;

	for (size_t i = 0; i < d->listen_count; i++)
		count += d->listens[i]->server->name_count;
	server_name_index_reserve(ix, count);
	for (size_t i = 0; i < d->listen_count; i++) {
		const struct server *server = d->listens[i]->server;

		for (size_t k = 0; k < server->name_count; k++) {
			if (server->name_regexes[k])
				server_name_index_add_regex(ix, server->name_regexes[k], server);
			else if (!server_name_index_add(ix, server->names[k], server))
				loader_warn(l, server->node,
				    "conflicting server name \"" SPAN_FMT "\" on " SPAN_FMT
				    ", ignored",
				    SPAN_ARG(server->names[k]), SPAN_ARG(d->address->text));
		}
	}
	return ix;
}

static bool
same_servers(const struct draft *a, const struct draft *b)
{
	if (a->listen_count != b->listen_count)
		return false;
	for (size_t i = 0; i < a->listen_count; i++) {
		if (a->listens[i]->server != b->listens[i]->server)
			return false;
	}
	return true;
}

/*
 * Addresses with the same servers in the same order (80 and 443 of the same hosts) share their
 * names.
 */
static void
make_endpoint(struct loader *l, struct draft *d, const struct draft *before)
{
	const struct listen *first = d->default_listen ? d->default_listen : d->listens[0];

	d->endpoint->address = *d->address;
	d->endpoint->address.text = arena_dup(l->arena, d->address->text);
	d->endpoint->stream = first->server->stream != NULL;
	d->endpoint->tls = d->tls;
	d->endpoint->proxy_protocol = d->proxy_protocol;
	d->endpoint->http2 = d->http2;
	d->endpoint->default_server = first->server;
	d->endpoint->names =
	    before && same_servers(d, before) ? before->endpoint->names : make_names(l, d);
	if (d->tls && first->server->certificate_count == 0 &&
	    !first->server->settings->tls.reject_handshake)
		loader_error(l, first->server->node,
		    "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive");
}

void
endpoint_build(struct loader *l)
{
	struct drafts drafts = { .count = 0 };

	span_map_init(&drafts.by_address, l->scratch);
	gather(l, &drafts);
	for (size_t i = 0; i < drafts.count; i++)
		find_home(l, &drafts, drafts.all[i]);
	make_listeners(l, &drafts);
	for (size_t i = 0; i < drafts.count; i++)
		make_endpoint(l, drafts.all[i], i > 0 ? drafts.all[i - 1] : NULL);
}
