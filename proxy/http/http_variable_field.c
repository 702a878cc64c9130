/* SPDX-License-Identifier: ISC */
/* http_variable_field: $variables that are taken from header fields, arguments, cookies and the body. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "proxy/http/body_buffer.h"
#include "proxy/http/http_variable.h"
#include "proxy/net/address.h"

struct span
variable_http(void *subject, struct span name)
{
	struct request *r = subject;

	return header_value_for_variable(&r->headers, name, r->arena);
}

static struct span
keep_alive_value(struct request *r)
{
	int64_t timeout_s = r->settings->keepalive_header_ms / 1000;

	return timeout_s > 0 ? arena_printf(r->arena, "timeout=%lld", (long long)timeout_s)
			     : variable_none();
}

/* Those the codec writes from fields of struct response come first. */
struct span
variable_sent_http(void *subject, struct span name)
{
	struct request *r = subject;
	char date[CLOCK_HTTP_LEN + 1];

	if (span_eq(name, SPAN("content_type")) && r->response.content_type.n > 0)
		return r->response.content_type;
	if (span_eq(name, SPAN("content_length")) && r->response.content_length >= 0 &&
	    r->response.status != 204)
		return arena_decimal(r->arena, (uint64_t)r->response.content_length);
	if (span_eq(name, SPAN("last_modified")) && r->response.last_modified >= 0) {
		clock_format_http(r->response.last_modified, date);
		return arena_dup(r->arena, span_of(date, CLOCK_HTTP_LEN));
	}
	if (span_eq(name, SPAN("connection")))
		return r->response.status == 101 ? SPAN("upgrade")
		       : r->response.kept        ? SPAN("keep-alive")
						 : SPAN("close");
	if (span_eq(name, SPAN("keep_alive")))
		return r->response.kept ? keep_alive_value(r) : variable_none();
	if (span_eq(name, SPAN("transfer_encoding")))
		return r->response.chunked ? SPAN("chunked") : variable_none();
	return header_value_for_variable(&r->response.headers, name, r->arena);
}

struct span
variable_sent_trailer(void *subject, struct span name)
{
	struct request *r = subject;

	return header_value_for_variable(&r->response.trailers, name, r->arena);
}

struct span
variable_content_length(void *subject, struct span arg)
{
	struct request *r = subject;
	const struct header *h = header_find(&r->headers, HEADER_CONTENT_LENGTH);

	return h ? h->value : variable_none();
}

struct span
variable_content_type(void *subject, struct span arg)
{
	struct request *r = subject;
	const struct header *h = header_find(&r->headers, HEADER_CONTENT_TYPE);

	return h ? h->value : variable_none();
}

struct span
variable_request_body(void *subject, struct span arg)
{
	return body_buffer_memory(((struct request *)subject)->body_buffer);
}

struct span
variable_request_body_file(void *subject, struct span arg)
{
	return body_buffer_file(((struct request *)subject)->body_buffer);
}

/* The first argument of this name, any case, as sent. */
struct span
variable_arg(void *subject, struct span name)
{
	struct span rest = ((struct request *)subject)->args, piece;

	while (span_split(&rest, '&', &piece)) {
		if (piece.n > name.n && piece.p[name.n] == '=' &&
		    span_eq_nocase(span_of(piece.p, name.n), name))
			return span_after(piece, name.n + 1);
	}
	return variable_none();
}

static struct span
skip_spaces(struct span s)
{
	while (s.n > 0 && s.p[0] == ' ')
		s = span_after(s, 1);
	return s;
}

/* nginx's reading: pairs are looked for behind each ';' and ',', a value ends at ';' only. */
static bool
find_cookie(struct span field, struct span name, struct span *value)
{
	struct span s = field;

	while (s.n > 0) {
		if (s.n >= name.n && span_eq_nocase(span_of(s.p, name.n), name)) {
			struct span after = skip_spaces(span_after(s, name.n));

			s = after;
			if (after.n > 0 && after.p[0] == '=') {
				after = skip_spaces(span_after(after, 1));
				if (!span_split(&after, ';', value))
					*value = SPAN("");
				return true;
			}
		}
		while (s.n > 0 && s.p[0] != ';' && s.p[0] != ',')
			s = span_after(s, 1);
		if (s.n > 0)
			s = skip_spaces(span_after(s, 1));
	}
	return false;
}

struct span
variable_cookie(void *subject, struct span name)
{
	const struct header_list *l = &((struct request *)subject)->headers;
	struct span value;

	for (unsigned i = 0; i < l->count; i++) {
		if (l->rows[i].id == HEADER_COOKIE && find_cookie(l->rows[i].value, name, &value))
			return value;
	}
	return variable_none();
}

/* RFC 7617: the name in "Basic base64(name:password)". The password never leaves this function. */
struct span
variable_remote_user(void *subject, struct span arg)
{
	struct request *r = subject;
	const struct header *h = header_find(&r->headers, HEADER_AUTHORIZATION);
	struct span value, user = variable_none();
	struct buf plain;
	ptrdiff_t colon;

	if (!h || h->value.n <= 6 || !span_eq_nocase(span_of(h->value.p, 6), SPAN("Basic ")))
		return user;
	value = span_trim(span_after(h->value, 6));
	buf_init_secret(&plain, value.n + 1);
	if (decode_base64(&plain, value) == 0) {
		colon = span_find(buf_span(&plain), ':');
		if (colon > 0)
			user = arena_dup(r->arena, span_of(plain.p, (size_t)colon));
	}
	buf_release(&plain);
	return user;
}

struct span
variable_proxy_add_x_forwarded_for(void *subject, struct span arg)
{
	struct request *r = subject;
	struct span before =
	    header_value_for_variable(&r->headers, SPAN("x_forwarded_for"), r->arena);
	const struct span parts[] = {
		before,
		SPAN_INIT(", "),
		address_host(traffic_remote(&r->traffic), false, r->arena),
	};

	/* An empty field counts as one: nginx. */
	return before.p ? arena_concat(r->arena, parts, 3) : parts[2];
}
