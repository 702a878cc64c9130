/* SPDX-License-Identifier: ISC */
/* upstream_message: see upstream_message.h. */
#include "proxy/upstream/upstream_message.h"

#include "proxy/upstream/upstream_http.h"

#include <stdio.h>

/* Room for "Content-Length: 18446744073709551615\r\n" and the fixed lines. */
#define FIXED_ROOM 128

/* What a path may hold as it is; the rest is escaped again after decoding (nginx: NGX_ESCAPE_URI). */
static bool
path_byte_ok(unsigned char b)
{
	return b > 0x20 && b < 0x7f && b != '#' && b != '%' && b != '?';
}

static struct span
escape_path(struct span path, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t bad = 0, n = 0;
	char *out;

	for (size_t i = 0; i < path.n; i++)
		bad += !path_byte_ok((unsigned char)path.p[i]);
	if (bad == 0)
		return path;
	out = arena_bytes(arena, path.n + 2 * bad);
	for (size_t i = 0; i < path.n; i++) {
		unsigned char b = (unsigned char)path.p[i];

		if (path_byte_ok(b)) {
			out[n++] = (char)b;
		} else {
			out[n++] = '%';
			out[n++] = hex[b >> 4];
			out[n++] = hex[b & 15];
		}
	}
	return span_of(out, n);
}

struct span
upstream_message_target(struct request *r)
{
	const struct proxy_target *target = r->location->proxy;
	struct span rest;

	if (!target->has_uri)
		return r->path_query;
	rest = r->uri;
	if (r->location->path.n <= rest.n)
		rest = span_after(rest, r->location->path.n);
	rest = escape_path(rest, r->arena);
	return arena_printf(r->arena, SPAN_FMT SPAN_FMT "%s" SPAN_FMT, SPAN_ARG(target->uri),
	    SPAN_ARG(rest), r->args.n > 0 ? "?" : "", SPAN_ARG(r->args));
}

void
upstream_message_trace(struct request *r, struct span address)
{
	r->upstream->uri = arena_printf(r->arena, "http%s://" SPAN_FMT "%s" SPAN_FMT,
	    r->location->proxy->tls ? "s" : "", SPAN_ARG(address),
	    span_starts(address, SPAN("unix:")) ? ":" : "", SPAN_ARG(upstream_message_target(r)));
}

/* Fields that belong to this hop, or that we write ourselves. */
static bool
is_hop_field(const struct header *h)
{
	switch (h->id) {
	case HEADER_HOST:
	case HEADER_CONNECTION:
	case HEADER_KEEP_ALIVE:
	case HEADER_PROXY_CONNECTION:
	case HEADER_TE:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_CONTENT_LENGTH:
	case HEADER_EXPECT:
	case HEADER_UPGRADE:
		return true;
	default:
		return false;
	}
}

static const struct header_field *
set_field(const struct header_field *fields, struct span name)
{
	for (; fields; fields = fields->next) {
		if (fields->name.n == name.n && span_eq_nocase(fields->name, name))
			return fields;
	}
	return NULL;
}

static char *
put(char *p, struct span s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}

static char *
put_field(char *p, struct span name, struct span value)
{
	p = put(p, name);
	*p++ = ':';
	*p++ = ' ';
	p = put(p, value);
	*p++ = '\r';
	*p++ = '\n';
	return p;
}

/*
 * The client's own wish to switch protocols, passed on where the configuration says nothing of it: WebSocket and its
 * like. Not what would be spoken with us: HTTP/2 by another way, past everything that is decided here per request, or TLS
 * (RFC 2817). Empty: none.
 */
static struct span
upgrade_wish(const struct request *r)
{
	const struct proxy_settings *p = &r->settings->proxy;
	struct span wish, none = { NULL, 0 };

	if (!r->upgrade || p->http_1_0 || set_field(p->set_headers, SPAN("Upgrade")) ||
	    set_field(p->set_headers, SPAN("Connection")))
		return none;
	wish = header_value_for_variable(&r->headers, SPAN("upgrade"), r->arena);
	if (header_has_token(wish, SPAN("h2c")) || span_starts(wish, SPAN("TLS/")) ||
	    span_starts(wish, SPAN("HTTP/")))
		return none;
	return wish;
}

static char *
put_upgrade(char *p, struct span wish)
{
	if (wish.n == 0)
		return p;
	p = put_field(p, SPAN("Upgrade"), wish);
	return put_field(p, SPAN("Connection"), SPAN("upgrade"));
}

static char *
put_framing(char *p, const struct request *r)
{
	if (r->body_framing == BODY_LENGTH)
		p += snprintf(p, 48, "Content-Length: %llu\r\n",
		    (unsigned long long)r->content_length);
	else if (r->body_framing == BODY_CHUNKED)
		p = put(p, SPAN("Transfer-Encoding: chunked\r\n"));
	return p;
}

void
upstream_message_request(struct request *r, struct conn *c)
{
	const struct proxy_settings *settings = &r->settings->proxy;
	const struct header_field *set = settings->set_headers;
	struct span target = upstream_message_target(r);
	bool own_host = set_field(set, SPAN("Host")) != NULL;
	struct span upgrade = upgrade_wish(r);
	struct span host = r->location->proxy->host_header;
	size_t size = r->method.n + target.n + host.n + upgrade.n + FIXED_ROOM;
	unsigned count = 0, n = 0;
	struct span *values;
	char *start, *p;

	for (const struct header_field *f = set; f; f = f->next)
		count++;
	values = arena_array(r->arena, count + 1, sizeof(*values));
	for (const struct header_field *f = set; f; f = f->next, n++) {
		values[n] = template_eval(f->value, r, r->arena);
		size += f->name.n + values[n].n + 4;
	}
	for (unsigned i = 0; i < r->headers.count; i++)
		size += r->headers.rows[i].name.n + r->headers.rows[i].value.n + 4;

	start = p = conn_queue_reserve(c, size);
	p = put(p, r->method);
	*p++ = ' ';
	p = put(p, target);
	p = put(p, settings->http_1_0 ? SPAN(" HTTP/1.0\r\n") : SPAN(" HTTP/1.1\r\n"));
	if (!own_host)
		p = put_field(p, SPAN("Host"), host);
	if (settings->http_1_0)
		p = put(p, SPAN("Connection: close\r\n"));
	p = put_upgrade(p, upgrade);
	p = put_framing(p, r);
	n = 0;
	for (const struct header_field *f = set; f; f = f->next, n++) {
		if (values[n].n > 0)
			p = put_field(p, f->name, values[n]);
	}
	for (unsigned i = 0; i < r->headers.count; i++) {
		const struct header *h = &r->headers.rows[i];

		if (!is_hop_field(h) && !set_field(set, h->name))
			p = put_field(p, h->name, h->value);
	}
	p = put(p, SPAN("\r\n"));
	conn_queue_commit(c, (size_t)(p - start));
}

/* proxy_redirect default: the upstream's own address in Location becomes the location's path. */
static struct span
map_location(struct request *r, struct span value)
{
	const struct proxy_target *target = r->location->proxy;
	struct span from =
	    arena_printf(r->arena, "http%s://" SPAN_FMT SPAN_FMT, target->tls ? "s" : "",
		SPAN_ARG(target->host_header), SPAN_ARG(target->has_uri ? target->uri : SPAN("/")));
	struct span to = target->has_uri ? r->location->path : SPAN("/");

	if (!span_starts(value, from))
		return value;
	return arena_printf(r->arena, SPAN_FMT SPAN_FMT, SPAN_ARG(to),
	    SPAN_ARG(span_after(value, from.n)));
}

/* Fields of this hop, and those that have a place of their own in the response. */
static bool
is_framing(const struct header *h, unsigned status)
{
	switch (h->id) {
	case HEADER_CONNECTION:
	case HEADER_KEEP_ALIVE:
	case HEADER_PROXY_CONNECTION:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_CONTENT_LENGTH:
	case HEADER_CONTENT_TYPE:
	case HEADER_TRAILER:
		return true;
	case HEADER_UPGRADE:
		return status != 101;
	default:
		return false;
	}
}

void
upstream_message_response(struct request *r, const struct http1_response_head *head)
{
	struct response *res = &r->response;
	const struct header *type = header_find(&head->headers, HEADER_CONTENT_TYPE);

	res->status = head->status;
	res->reason = head->reason;
	res->from_upstream = true;
	res->content_length = head->framing == BODY_LENGTH ? (int64_t)head->content_length : -1;
	if (type && !proxy_settings_hide(&r->settings->proxy, type->name))
		res->content_type = type->value;
	for (unsigned i = 0; i < head->headers.count; i++) {
		const struct header *h = &head->headers.rows[i];
		struct span value = h->value;

		if (is_framing(h, head->status) ||
		    proxy_settings_hide(&r->settings->proxy, h->name))
			continue;
		if (h->id == HEADER_LOCATION && r->settings->proxy.redirect_default)
			value = map_location(r, value);
		header_add(&res->headers, h->id, h->name, value);
	}
}
