/* SPDX-License-Identifier: ISC */
/* http_variable_proxied: what the client's PROXY header said (nginx, ngx_http_core_module). */
#include "proxy/http/http_variable.h"
#include "proxy/net/address.h"

#include <arpa/inet.h>
#include <string.h>

/* NULL: no header, or one without addresses. */
static const struct proxy_header *
header_of(const struct request *r)
{
	const struct proxied *p = r->client->proxied;

	return p && p->header.has_addresses ? &p->header : NULL;
}

static struct span
host(struct request *r, const struct address *a)
{
	return a ? address_host(a, false, r->arena) : variable_none();
}

static struct span
port(struct request *r, const struct address *a)
{
	return a ? arena_decimal(r->arena, address_port(a)) : variable_none();
}

static const struct address *
source(const struct request *r)
{
	return header_of(r) ? &header_of(r)->source : NULL;
}

static const struct address *
destination(const struct request *r)
{
	return header_of(r) ? &header_of(r)->destination : NULL;
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
	struct request *r = subject;
	struct span value;

	if (!r->client->proxied || !proxy_header_tlv(r->client->proxied->header.tlvs, name, &value))
		return variable_none();
	if (span_eq(name, SPAN("ssl_verify"))) {
		uint32_t verify;

		memcpy(&verify, value.p, sizeof(verify));
		return arena_decimal(r->arena, ntohl(verify));
	}
	return value;
}
