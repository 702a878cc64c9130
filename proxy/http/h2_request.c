/* SPDX-License-Identifier: ISC */
/* h2_request: see h2_request.h. */
#include "proxy/http/h2_request.h"

#include "proxy/http/error_page.h"
#include "proxy/http/http1_internal.h"

/* What an entry of a field list is said to cost beside its bytes (RFC 9113, 6.5.2). */
#define ENTRY_COST 32

static void
malformed(struct h2_fields *f, const char *why)
{
	f->why = why;
	f->malformed = true;
}

static void
refuse(struct h2_fields *f, unsigned status, const char *why)
{
	f->why = why;
	f->status = status;
}

static struct span *
pseudo_of(struct h2_fields *f, struct span name)
{
	if (span_eq(name, SPAN(":method")))
		return &f->method;
	if (span_eq(name, SPAN(":scheme")))
		return &f->scheme;
	if (span_eq(name, SPAN(":path")))
		return &f->path;
	if (span_eq(name, SPAN(":authority")))
		return &f->authority;
	if (span_eq(name, SPAN(":protocol")))
		return &f->protocol;
	return NULL;
}

/* RFC 9113, 8.3.1: each at most once, none in a trailer, all before the regular fields. */
static void
add_pseudo(struct h2_fields *f, struct span name, struct span value)
{
	struct span *at = pseudo_of(f, name);

	if (f->trailer) {
		malformed(f, "a pseudo-header field in a trailer");
		return;
	}
	if (f->regular) {
		malformed(f, "a pseudo-header field behind a regular one");
		return;
	}
	if (!at)
		malformed(f, "an unknown pseudo-header field");
	else if (at->p)
		malformed(f, "a pseudo-header field twice");
	else
		*at = arena_dup(f->arena, value);
}

/* RFC 9113, 8.2.1. False: told why. */
static bool
is_sound_name(struct h2_fields *f, struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c >= 'A' && c <= 'Z') {
			malformed(f, "a capital letter in a field name");
			return false;
		}
		if (c <= 0x20 || c >= 0x7f || c == ':') {
			malformed(f, "an invalid byte in a field name");
			return false;
		}
	}
	return true;
}

static bool
is_sound_value(struct h2_fields *f, struct span value)
{
	size_t n = lex_text(value);

	if (n < value.n) {
		malformed(f, lex_control_reason(value.p[n]));
		return false;
	}
	if (value.n > 0 && (lex_is_blank(value.p[0]) || lex_is_blank(value.p[value.n - 1]))) {
		malformed(f, "a blank around a field value");
		return false;
	}
	return true;
}

/* What the proxy itself goes by. False: told why. */
static bool
note_field(struct h2_fields *f, enum header_id id, struct span value)
{
	switch (id) {
	case HEADER_CONNECTION:
	case HEADER_PROXY_CONNECTION:
	case HEADER_KEEP_ALIVE:
	case HEADER_TRANSFER_ENCODING:
	case HEADER_UPGRADE:
		malformed(f, "a connection-specific field");
		return false;
	case HEADER_TE:
		if (span_eq_nocase(value, SPAN("trailers")))
			return true;
		malformed(f, "TE is not \"trailers\"");
		return false;
	case HEADER_CONTENT_LENGTH:
		if (f->has_length)
			malformed(f, "several Content-Length fields");
		else if (span_to_u64(value, INT64_MAX, &f->length) < 0)
			malformed(f, "invalid Content-Length");
		f->has_length = true;
		return !f->why;
	case HEADER_HOST:
		if (f->host.p)
			refuse(f, 400, "several Host fields");
		f->host = value;
		return !f->why;
	case HEADER_EXPECT:
		f->expect_continue |= span_eq_nocase(value, SPAN("100-continue"));
		return true;
	default:
		return true;
	}
}

/* What would frame or route a message is no trailer field (RFC 9110, 6.5.1). */
static bool
is_trailer_name(struct h2_fields *f, struct span name)
{
	struct lex_squeezed squeezed = { 0 };

	for (size_t i = 0; i < name.n; i++)
		lex_squeeze(&squeezed, name.p[i]);
	if (!lex_squeezed_frames(&squeezed))
		return true;
	malformed(f, "a field that has no place in a trailer");
	return false;
}

static void
add_regular(struct h2_fields *f, struct span name, struct span value)
{
	enum header_id id;
	struct span parts[2] = { name, value }, copy;
	bool plain = lex_run(name, LEX_SMALL) == name.n;

	f->regular = true;
	if ((!plain && !is_sound_name(f, name)) || !is_sound_value(f, value) ||
	    (f->trailer && !is_trailer_name(f, name)))
		return;
	if (!plain) {
		const char *why = "invalid field name";

		switch (http1_odd_name(name, &f->limits->names, &why)) {
		case NAME_BAD:
			refuse(f, 400, why);
			return;
		case NAME_DROPPED:
			return;
		case NAME_GOOD:
			break;
		}
	}
	id = header_identify(name);
	copy = arena_concat(f->arena, parts, 2);
	value = span_after(copy, name.n);
	if (!note_field(f, id, value))
		return;
	f->cookies += id == HEADER_COOKIE;
	header_add(f->headers, id, span_of(copy.p, name.n), value);
}

void
h2_fields_add(struct h2_fields *f, struct span name, struct span value)
{
	const struct h2_limits *limits = f->limits;

	f->size += name.n + value.n + ENTRY_COST;
	if (f->why)
		return;
	f->bytes += name.n + value.n;
	f->count++;
	if (name.n == 0) {
		malformed(f, "an empty field name");
	} else if (f->bytes > limits->all_max ||
		   (limits->names.max_headers && f->count > limits->names.max_headers)) {
		refuse(f, STATUS_HEADER_TOO_LARGE, "too large header");
	} else if (name.n + value.n > limits->line_max) {
		if (span_eq(name, SPAN(":path")))
			refuse(f, 414, "too long URI");
		else
			refuse(f, STATUS_HEADER_TOO_LARGE, "too large header field");
	} else if (name.p[0] == ':') {
		add_pseudo(f, name, value);
	} else {
		add_regular(f, name, value);
	}
}

/* RFC 9113, 8.5 and RFC 8441, 4. */
static void
check_connect(struct h2_fields *f)
{
	if (f->protocol.p) {
		if (!f->scheme.p || !f->path.p || !f->authority.p)
			malformed(f, "extended CONNECT without scheme, path and authority");
		else if (f->protocol.n == 0 || lex_run(f->protocol, LEX_TOKEN) < f->protocol.n)
			malformed(f, "invalid protocol");
		else if (f->has_length)
			malformed(f, "extended CONNECT with Content-Length");
		return;
	}
	if (f->authority.n == 0)
		malformed(f, "CONNECT without an authority");
	else if (f->scheme.p || f->path.p)
		malformed(f, "CONNECT with a scheme or a path");
	else
		refuse(f, 405, "CONNECT is not allowed");
}

static void
check_pseudo(struct h2_fields *f)
{
	if (!f->method.p) {
		malformed(f, "no method");
	} else if (lex_run(f->method, LEX_TOKEN) < f->method.n || f->method.n == 0) {
		malformed(f, "invalid method");
	} else if (span_eq(f->method, SPAN("CONNECT"))) {
		check_connect(f);
	} else if (f->protocol.p) {
		malformed(f, "a protocol in a request that is not CONNECT");
	}
	if (f->why || (span_eq(f->method, SPAN("CONNECT")) && !f->protocol.p))
		return;
	if (!f->scheme.p) {
		malformed(f, "no scheme");
	} else if (!f->path.p || f->path.n == 0) {
		malformed(f, "no path");
	} else if (lex_run(f->method, LEX_METHOD) < f->method.n) {
		refuse(f, 400, "invalid method");
	} else if (span_eq(f->method, SPAN("TRACE"))) {
		refuse(f, 405, "TRACE is not allowed");
	} else if (!span_eq_nocase(f->scheme, SPAN("https")) &&
		   !span_eq_nocase(f->scheme, SPAN("http"))) {
		refuse(f, 400, "invalid scheme");
	} else if (lex_run(f->path, LEX_TARGET) < f->path.n ||
		   (f->path.p[0] != '/' &&
		       !(span_eq(f->path, SPAN("*")) && span_eq(f->method, SPAN("OPTIONS"))))) {
		refuse(f, 400, "invalid path");
	}
}

/* RFC 9113, 8.3.1: one name for the host, however it is said. */
static void
check_host(struct h2_fields *f)
{
	struct span port, other_name, other_port;
	struct span fallback = f->scheme.n == 4 ? SPAN("80") : SPAN("443");

	if (!f->authority.p && !f->host.p) {
		refuse(f, 400, "neither an authority nor a Host field");
		return;
	}
	if (f->authority.p && http1_split_authority(f->authority, &f->name, &port) < 0) {
		malformed(f, "invalid authority");
		return;
	}
	if (!f->host.p) {
		/* As HTTP/1.1 would have it (RFC 9113, 8.3.1). */
		header_add(f->headers, HEADER_HOST, SPAN("host"), f->authority);
		return;
	}
	if (http1_split_authority(f->host, &other_name, &other_port) < 0)
		refuse(f, 400, "invalid Host field");
	else if (!f->authority.p)
		f->name = other_name;
	else if (!span_eq_nocase(f->name, other_name) ||
		 !span_eq(port.n ? port : fallback, other_port.n ? other_port : fallback))
		refuse(f, 400, "Host disagrees with the authority");
}

/* RFC 9113, 8.2.3: crumbs become one field again, where the first was. */
static void
join_cookies(struct h2_fields *f)
{
	struct header *rows = f->headers->rows;
	struct span *parts = arena_array(f->arena, (size_t)2 * f->cookies, sizeof(*parts));
	unsigned kept = 0, first = 0, n = 0;

	for (unsigned i = 0; i < f->headers->count; i++) {
		if (rows[i].id != HEADER_COOKIE) {
			rows[kept++] = rows[i];
			continue;
		}
		if (n == 0) {
			first = kept;
			rows[kept++] = rows[i];
		} else {
			parts[n++] = SPAN("; ");
		}
		parts[n++] = rows[i].value;
	}
	f->headers->count = kept;
	rows[first].value = arena_concat(f->arena, parts, n);
}

/* RFC 8441, 5: what the same wish is in HTTP/1.1. */
static void
become_upgrade(struct h2_fields *f, struct http1_request_head *out)
{
	header_add(f->headers, HEADER_UPGRADE, SPAN("upgrade"), f->protocol);
	header_add(f->headers, HEADER_CONNECTION, SPAN("connection"), SPAN("upgrade"));
	out->method = SPAN("GET");
	out->upgrade = true;
	out->framing = BODY_NONE;
	out->expect_continue = false;
}

enum parse_result
h2_fields_finish(struct h2_fields *f, bool end, struct http1_request_head *out)
{
	const struct span line[] = { f->method, SPAN(" "), f->path, SPAN(" HTTP/2.0") };

	*out = (struct http1_request_head){ .method = f->method,
		.target = f->path,
		.path_query = f->path,
		.expect_continue = f->expect_continue && !end,
		.content_length = f->length,
		.keep_alive = true };
	if (f->method.n > 0 && f->path.n > 0)
		out->request_line = arena_concat(f->arena, line, 4);
	if (!f->why)
		check_pseudo(f);
	if (!f->why)
		check_host(f);
	if (!f->why && end && f->has_length && f->length > 0)
		malformed(f, "no body where one was announced");
	if (!f->why && f->cookies > 1)
		join_cookies(f);
	out->host = f->name;
	if (f->has_length)
		out->framing = BODY_LENGTH;
	else
		out->framing = end ? BODY_NONE : BODY_CHUNKED;
	if (!f->why && f->protocol.p)
		become_upgrade(f, out);
	out->status = f->status;
	return f->why ? PARSE_BAD : PARSE_OK;
}

void
h2_priority_parse(struct span value, unsigned *urgency, bool *incremental)
{
	struct span item;

	*urgency = 3;
	*incremental = false;
	while (span_split(&value, ',', &item)) {
		item = lex_trim(item);
		if (item.n == 3 && span_starts(item, SPAN("u=")) && item.p[2] >= '0' &&
		    item.p[2] <= '7')
			*urgency = (unsigned)(item.p[2] - '0');
		else if (span_eq(item, SPAN("i")) || span_eq(item, SPAN("i=?1")))
			*incremental = true;
		else if (span_eq(item, SPAN("i=?0")))
			*incremental = false;
	}
}
