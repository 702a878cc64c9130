/* SPDX-License-Identifier: ISC */
/* upstream_message: see upstream_message.h. */
#include "proxy/upstream/upstream_message.h"

#include "proxy/http/http1_put.h"
#include "proxy/http/redirect.h"
#include "proxy/upstream/upstream_rewrite.h"

/* Room for "Content-Length: 18446744073709551615\r\n" and the fixed lines. */
#define FIXED_ROOM 128

/* Fields that belong to this hop, or that we write ourselves. */
static bool
is_hop_field(const struct header *h)
{
	switch (h->id) {
	case HEADER_HOST:
	case HEADER_CONTENT_LENGTH:
	case HEADER_EXPECT:
		return true;
	default:
		return header_is_of_connection(h->id);
	}
}

static const struct header_field *
set_field(const struct header_field *fields, struct span name)
{
	for (; fields; fields = fields->next) {
		if (span_eq_nocase(fields->name, name))
			return fields;
	}
	return NULL;
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
	p = http1_put_field(p, SPAN("Upgrade"), wish);
	return http1_put_field(p, SPAN("Connection"), SPAN("upgrade"));
}

static char *
put_framing(char *p, const struct upstream_request *q)
{
	if (q->framing == BODY_LENGTH)
		p = http1_put_length(p, q->content_length);
	else if (q->framing == BODY_CHUNKED)
		p = http1_put(p, SPAN("Transfer-Encoding: chunked\r\n"));
	return p;
}

/* How the body ends is the proxy's to say, whatever proxy_set_header would like it to be. */
static bool
is_framing_name(struct span name)
{
	return span_eq_nocase(name, SPAN("Content-Length")) ||
	       span_eq_nocase(name, SPAN("Transfer-Encoding"));
}

/* Fields of proxy_set_header with their values: those that are sent. */
struct set_fields {
	struct span *values; /* as many as there are fields; empty: left out */
	size_t bytes;
};

static struct set_fields
eval_set_fields(struct request *r, const struct header_field *set)
{
	struct set_fields out = { .bytes = 0 };
	unsigned count = 0, n = 0;

	for (const struct header_field *f = set; f; f = f->next)
		count++;
	out.values = arena_array(r->arena, count + 1, sizeof(*out.values));
	for (const struct header_field *f = set; f; f = f->next, n++) {
		if (is_framing_name(f->name))
			continue;
		out.values[n] = header_safe_value(template_eval(f->value, r, r->arena), r->arena);
		out.bytes += f->name.n + out.values[n].n + HTTP1_FIELD_COST;
	}
	return out;
}

/* Order as in nginx: what the configuration sets, what is always there, the client's own. */
void
upstream_message_request(struct request *r, const struct upstream_request *q, struct conn *c)
{
	const struct proxy_settings *settings = &r->settings->proxy;
	const struct header_field *set = settings->set_headers;
	struct set_fields fields = eval_set_fields(r, set);
	unsigned client_fields = settings->pass_request_headers ? r->headers.count : 0, n = 0;
	struct span upgrade = upgrade_wish(r);
	size_t size =
	    q->method.n + q->uri.n + q->host_header.n + upgrade.n + fields.bytes + FIXED_ROOM;
	char *start, *p;

	for (unsigned i = 0; i < client_fields; i++)
		size += r->headers.rows[i].name.n + r->headers.rows[i].value.n + HTTP1_FIELD_COST;

	start = p = conn_queue_reserve(c, size);
	p = http1_put(p, q->method);
	*p++ = ' ';
	p = http1_put(p, q->uri);
	p = http1_put(p, settings->http_1_0 ? SPAN(" HTTP/1.0\r\n") : SPAN(" HTTP/1.1\r\n"));
	for (const struct header_field *f = set; f; f = f->next, n++) {
		if (fields.values[n].n > 0)
			p = http1_put_field(p, f->name, fields.values[n]);
	}
	if (!set_field(set, SPAN("Host")))
		p = http1_put_field(p, SPAN("Host"), q->host_header);
	if (settings->http_1_0 && !set_field(set, SPAN("Connection")))
		p = http1_put(p, SPAN("Connection: close\r\n"));
	p = put_upgrade(p, upgrade);
	p = put_framing(p, q);
	for (unsigned i = 0; i < client_fields; i++) {
		const struct header *h = &r->headers.rows[i];

		if (!is_hop_field(h) && !set_field(set, h->name))
			p = http1_put_field(p, h->name, h->value);
	}
	p = http1_put(p, SPAN("\r\n"));
	conn_queue_commit(c, (size_t)(p - start));
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
		return true;
	case HEADER_UPGRADE:
		return status != 101;
	default:
		return false;
	}
}

/* nginx's own list of fields that are not passed on. */
static bool
is_private(const struct header *h)
{
	static const struct span accel[] = {
		SPAN_INIT("X-Accel-Expires"),
		SPAN_INIT("X-Accel-Redirect"),
		SPAN_INIT("X-Accel-Limit-Rate"),
		SPAN_INIT("X-Accel-Buffering"),
		SPAN_INIT("X-Accel-Charset"),
	};

	switch (h->id) {
	case HEADER_DATE:
	case HEADER_SERVER:
		return true;
	case HEADER_X_ACCEL:
		for (size_t i = 0; i < sizeof(accel) / sizeof(accel[0]); i++) {
			if (span_eq_nocase(h->name, accel[i]))
				return true;
		}
		return false;
	case HEADER_OTHER:
		return span_eq_nocase(h->name, SPAN("X-Pad"));
	default:
		return false;
	}
}

static bool
is_hidden(const struct request *r, const struct header *h)
{
	return proxy_settings_hide(&r->settings->proxy, h->name, is_private(h));
}

/* "yes" or "no", "off" or a rate: X-Accel-*, unless proxy_ignore_headers says it is not to be looked at. */
static void
read_accel(const struct request *r, const struct header *h, struct upstream_accel *accel)
{
	unsigned ignore = r->settings->proxy.ignore;
	uint64_t rate;

	if (span_eq_nocase(h->name, SPAN("X-Accel-Redirect")) && !(ignore & ACCEL_REDIRECT)) {
		accel->redirect = h->value;
	} else if (span_eq_nocase(h->name, SPAN("X-Accel-Buffering")) &&
		   !(ignore & ACCEL_BUFFERING)) {
		accel->buffering_on = span_eq_nocase(h->value, SPAN("yes"));
		accel->buffering_off = span_eq_nocase(h->value, SPAN("no"));
	} else if (span_eq_nocase(h->name, SPAN("X-Accel-Limit-Rate")) &&
		   !(ignore & ACCEL_LIMIT_RATE) && span_to_u64(h->value, INT64_MAX, &rate) == 0) {
		accel->has_limit_rate = true;
		accel->limit_rate = rate;
	}
}

struct upstream_accel
upstream_message_accel(const struct request *r, const struct http1_response_head *head)
{
	struct upstream_accel accel = { .limit_rate = 0 };

	for (unsigned i = 0; i < head->headers.count; i++) {
		if (head->headers.rows[i].id == HEADER_X_ACCEL)
			read_accel(r, &head->headers.rows[i], &accel);
	}
	return accel;
}

/* Fields that outlive an X-Accel-Redirect (nginx, proxy_ignore_headers). */
static bool
survives_redirect(const struct header *h)
{
	return h->id == HEADER_SET_COOKIE || span_eq_nocase(h->name, SPAN("Content-Disposition")) ||
	       span_eq_nocase(h->name, SPAN("Cache-Control")) ||
	       span_eq_nocase(h->name, SPAN("Expires"));
}

void
upstream_message_redirected(struct request *r, const struct http1_response_head *head)
{
	const struct header *type = header_find(&head->headers, HEADER_CONTENT_TYPE);

	if (type && !is_hidden(r, type))
		r->response.content_type = type->value;
	for (unsigned i = 0; i < head->headers.count; i++) {
		const struct header *h = &head->headers.rows[i];

		if (survives_redirect(h) && !is_hidden(r, h))
			header_add(&r->response.headers, h->id, h->name,
			    upstream_rewrite_field(r, h));
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
	if (type && !is_hidden(r, type))
		res->content_type = type->value;
	for (unsigned i = 0; i < head->headers.count; i++) {
		const struct header *h = &head->headers.rows[i];
		enum header_id id = h->id;
		struct span value;

		if (is_framing(h, head->status) || is_hidden(r, h))
			continue;
		value = upstream_rewrite_field(r, h);
		/* One that was made relative is completed and stands where nginx puts its own. */
		if (id == HEADER_LOCATION &&
		    (value.p == h->value.p || value.n == 0 || value.p[0] != '/'))
			id = HEADER_OTHER;
		else if (id == HEADER_LOCATION)
			value = redirect_location(r, value);
		else if (id == HEADER_LAST_MODIFIED)
			id = HEADER_OTHER;
		header_add(&res->headers, id, h->name, value);
	}
}

void
upstream_message_interim(struct request *r, const struct http1_response_head *head,
    struct header_list *fields)
{
	for (unsigned i = 0; i < head->headers.count; i++) {
		const struct header *h = &head->headers.rows[i];

		if (!is_framing(h, head->status) && !is_hidden(r, h))
			header_add(fields, h->id, h->name, h->value);
	}
}

void
upstream_message_trailers(struct request *r, const struct header_list *trailers)
{
	for (unsigned i = 0; i < trailers->count; i++) {
		const struct header *h = &trailers->rows[i];

		if (!is_framing(h, r->response.status) && !is_hidden(r, h))
			header_add(&r->response.trailers, h->id, h->name, h->value);
	}
}
