/* SPDX-License-Identifier: ISC */
/* traffic_variable_proxied: what the client's PROXY header said (nginx, ngx_http_core_module). */
#include "proxy/net/address.h"
#include "proxy/worker/traffic_variable.h"

#include <arpa/inet.h>
#include <string.h>

/* NULL: no header, or one without addresses. */
static const struct proxy_header *
header_of(const struct traffic *t)
{
	const struct proxied *p = t->client->proxied;

	return p && p->header.has_addresses ? &p->header : NULL;
}

static struct span
host(struct traffic *t, const struct address *a)
{
	return a ? address_host(&a->u.sa, false, t->arena) : variable_none();
}

static struct span
port(struct traffic *t, const struct address *a)
{
	return a ? arena_decimal(t->arena, address_port(&a->u.sa)) : variable_none();
}

static const struct address *
source(const struct traffic *t)
{
	return header_of(t) ? &header_of(t)->source : NULL;
}

static const struct address *
destination(const struct traffic *t)
{
	return header_of(t) ? &header_of(t)->destination : NULL;
}

struct span
variable_proxy_protocol_addr(void *subject, struct span arg)
{
	return host(subject, source(subject));
}

struct span
variable_proxy_protocol_port(void *subject, struct span arg)
{
	return port(subject, source(subject));
}

struct span
variable_proxy_protocol_server_addr(void *subject, struct span arg)
{
	return host(subject, destination(subject));
}

struct span
variable_proxy_protocol_server_port(void *subject, struct span arg)
{
	return port(subject, destination(subject));
}

/* $proxy_protocol_tlv_NAME: text as it is; what the SSL TLV says of verification as a number. */
struct span
variable_proxy_protocol_tlv(void *subject, struct span name)
{
	struct traffic *t = subject;
	struct span value;

	if (!t->client->proxied || !proxy_header_tlv(t->client->proxied->header.tlvs, name, &value))
		return variable_none();
	if (span_eq(name, SPAN("ssl_verify"))) {
		uint32_t verify;

		memcpy(&verify, value.p, sizeof(verify));
		return arena_decimal(t->arena, ntohl(verify));
	}
	return value;
}
