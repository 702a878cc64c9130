/* SPDX-License-Identifier: ISC */
/* upstream_target: see upstream_target.h. */
#include "proxy/upstream/upstream_target.h"

#include "proxy/config/host_port.h"
#include "proxy/config/span_map.h"
#include "proxy/http/uri_encode.h"
#include "proxy/upstream/upstream.h"
#include "proxy/worker/worker_state.h"

#define HTTP_PORT 80
#define HTTPS_PORT 443

/* prefix, the path behind the first skip bytes of it, the arguments. */
static struct span
rebuilt_uri(const struct request *r, struct span prefix, size_t skip)
{
	struct span rest = span_after(r->uri, skip < r->uri.n ? skip : r->uri.n);
	const struct span parts[] = {
		prefix,
		uri_encode(rest, URI_ENCODE_PATH, r->arena),
		r->args.n > 0 ? SPAN("?") : SPAN(""),
		uri_encode(r->args, URI_ENCODE_CONTROLS, r->arena),
	};

	return arena_concat(r->arena, parts, sizeof(parts) / sizeof(parts[0]));
}

/* Without a URI of its own the target is the client's, as sent if nothing changed it on the way. */
static struct span
client_uri(const struct request *r)
{
	return r->uri_changed ? rebuilt_uri(r, span_of(NULL, 0), 0) : r->path_query;
}

static int
take_literal(struct request *r, const struct proxy_target *p, struct upstream_target *t)
{
	t->spec = p->upstream;
	if (p->addresses)
		t->group = upstream_group_for_addresses(r->client->worker, p->host_header,
		    p->addresses, p->address_count);
	else
		t->group =
		    upstream_group_ref(upstream_groups_get(r->generation->upstreams, p->upstream));
	t->host_header = p->host_header;
	t->port = p->port;
	t->tls = p->tls;
	t->url = p->literal_url;
	/* What was rewritten in the location need not begin with its path: it goes out as it is. */
	t->uri = p->has_uri && !r->uri_rewritten ? rebuilt_uri(r, p->uri, r->location->path.n)
						 : client_uri(r);
	return 0;
}

static int
refuse(const struct request *r, const char *why, struct span what)
{
	request_log(r, LOG_LEVEL_ERROR, "%s in upstream \"" SPAN_FMT "\"", why, SPAN_ARG(what));
	return -1;
}

/* The group of this name, unless a port says that a host is meant. */
static const struct upstream_spec *
find_defined(const struct request *r, struct span host)
{
	const struct upstream_spec *u = snapshot_upstream(r->snapshot, host);

	return u && !u->implicit ? u : NULL;
}

/* The group, or the name to be resolved to one. */
static int
take_host(struct request *r, struct span host, struct upstream_target *t)
{
	const struct upstream_spec *spec = find_defined(r, arena_lower(r->arena, host));
	uint16_t scheme_port = t->tls ? HTTPS_PORT : HTTP_PORT;
	struct host_port hp;
	struct address address;
	const char *wrong;

	if (spec) {
		t->spec = spec;
		t->group = upstream_group_ref(upstream_groups_get(r->generation->upstreams, spec));
		t->host_header = host;
		t->port = t->tls ? SPAN("443") : SPAN("80");
		return 0;
	}
	wrong = host_port_split(host, false, &hp);
	if (wrong)
		return refuse(r, wrong, t->url);
	proxy_host_header(host, &hp, scheme_port, r->arena, &t->host_header, &t->port);
	t->host_port = hp.port ? hp.port : scheme_port;
	if (host_port_address(&hp, t->host_port, r->arena, &address))
		t->group = upstream_group_for_addresses(r->client->worker, host, &address, 1);
	else
		t->host = arena_lower(r->arena, hp.host);
	return 0;
}

/* With variables: a URI that came out of them is the target, as it is (nginx, proxy_pass). */
static int
take_variable(struct request *r, const struct proxy_target *p, struct upstream_target *t)
{
	struct span rest, host, uri;

	t->url = template_eval(p->url, r, r->arena);
	if (!proxy_scheme_split(t->url, &t->tls, &rest)) {
		request_log(r, LOG_LEVEL_ERROR, "invalid URL prefix in \"" SPAN_FMT "\"",
		    SPAN_ARG(t->url));
		return -1;
	}
	proxy_url_split(rest, &host, &uri);
	if (take_host(r, host, t) < 0)
		return -1;
	if (uri.n == 0) {
		t->uri = client_uri(r);
	} else {
		if (uri.p[0] == '?')
			uri = arena_printf(r->arena, "/" SPAN_FMT, SPAN_ARG(uri));
		t->uri = uri_encode(uri, URI_ENCODE_CONTROLS, r->arena);
	}
	return 0;
}

int
upstream_target_find(struct request *r, struct upstream_target *t)
{
	const struct proxy_target *p = r->location->proxy;

	return p->url ? take_variable(r, p, t) : take_literal(r, p, t);
}
