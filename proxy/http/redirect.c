/* SPDX-License-Identifier: ISC */
/* redirect: see redirect.h. */
#include "proxy/http/redirect.h"

#include "proxy/net/address.h"

static struct span
own_host(const struct request *r)
{
	if (r->settings->server_name_in_redirect && r->server->names[0].n > 0)
		return server_first_name(r->server);
	return r->host.n > 0 ? r->host : address_host(r->client->local, true, r->arena);
}

struct span
redirect_location(const struct request *r, struct span target)
{
	bool tls = r->client->tls.facts != NULL;
	unsigned port = address_port(r->client->local);

	target = header_safe_value(target, r->arena);
	if (target.n == 0 || target.p[0] != '/' || !r->settings->absolute_redirect)
		return target;

	bool show_port = r->settings->port_in_redirect && port != 0 && port != (tls ? 443U : 80U);
	const struct span parts[] = {
		tls ? SPAN("https://") : SPAN("http://"),
		own_host(r),
		show_port ? SPAN(":") : SPAN(""),
		show_port ? arena_decimal(r->arena, port) : SPAN(""),
		target,
	};

	return arena_concat(r->arena, parts, sizeof(parts) / sizeof(parts[0]));
}

void
redirect_send(struct request *r, unsigned status, struct span target)
{
	struct span location = redirect_location(r, target);
	/* nginx puts what it made absolute in a place of its own, the rest among the other fields. */
	bool completed = target.n > 0 && target.p[0] == '/' && r->settings->absolute_redirect;

	header_add(&r->response.headers, completed ? HEADER_LOCATION : HEADER_OTHER,
	    SPAN("Location"), location);
	request_fail(r, status);
}
