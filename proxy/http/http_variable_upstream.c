/* SPDX-License-Identifier: ISC */
/*
 * http_variable_upstream: $variables about the upstream that was asked.
 *
 * Several attempts are shown in order, ", " between them.
 */
#include "proxy/http/http_variable.h"
#include "proxy/upstream/upstream_http.h"

struct span
variable_proxy_host(void *subject, struct span arg)
{
	const struct upstream_trace *trace = ((struct request *)subject)->upstream;

	return trace ? trace->host_header : variable_none();
}

struct span
variable_proxy_port(void *subject, struct span arg)
{
	const struct upstream_trace *trace = ((struct request *)subject)->upstream;

	return trace ? trace->port : variable_none();
}

/* One text per attempt, joined. */
static struct span
each_attempt(struct request *r,
    struct span (*text)(const struct upstream_attempt *a, struct arena *arena))
{
	const struct upstream_attempt *first = r->upstream ? r->upstream->first : NULL;
	struct span *parts;
	size_t count = 0;

	for (const struct upstream_attempt *a = first; a; a = a->next)
		count++;
	if (count == 0)
		return variable_none();
	parts = arena_array(r->arena, 2 * count, sizeof(*parts));
	count = 0;
	for (const struct upstream_attempt *a = first; a; a = a->next) {
		if (a != first)
			parts[count++] = a->redirected ? SPAN(" : ") : SPAN(", ");
		parts[count++] = text(a, r->arena);
	}
	return arena_concat(r->arena, parts, count);
}

static struct span
time_text(struct arena *arena, int64_t ms)
{
	return ms < 0 ? SPAN("-") : variable_seconds(arena, ms);
}

static struct span
text_address(const struct upstream_attempt *a, struct arena *arena)
{
	return a->address;
}

static struct span
text_status(const struct upstream_attempt *a, struct arena *arena)
{
	return a->status ? arena_decimal(arena, a->status) : SPAN("-");
}

static struct span
text_connect(const struct upstream_attempt *a, struct arena *arena)
{
	return time_text(arena, a->connect_ms);
}

static struct span
text_header(const struct upstream_attempt *a, struct arena *arena)
{
	return time_text(arena, a->header_ms);
}

static struct span
text_response(const struct upstream_attempt *a, struct arena *arena)
{
	return time_text(arena, a->response_ms);
}

static struct span
text_length(const struct upstream_attempt *a, struct arena *arena)
{
	return arena_decimal(arena, a->response_length);
}

static struct span
text_received(const struct upstream_attempt *a, struct arena *arena)
{
	return arena_decimal(arena, a->bytes_received);
}

static struct span
text_sent(const struct upstream_attempt *a, struct arena *arena)
{
	return arena_decimal(arena, a->bytes_sent);
}

struct span
variable_upstream_addr(void *subject, struct span arg)
{
	return each_attempt(subject, text_address);
}

struct span
variable_upstream_status(void *subject, struct span arg)
{
	return each_attempt(subject, text_status);
}

struct span
variable_upstream_connect_time(void *subject, struct span arg)
{
	return each_attempt(subject, text_connect);
}

struct span
variable_upstream_header_time(void *subject, struct span arg)
{
	return each_attempt(subject, text_header);
}

struct span
variable_upstream_response_time(void *subject, struct span arg)
{
	return each_attempt(subject, text_response);
}

struct span
variable_upstream_response_length(void *subject, struct span arg)
{
	return each_attempt(subject, text_length);
}

struct span
variable_upstream_bytes_received(void *subject, struct span arg)
{
	return each_attempt(subject, text_received);
}

struct span
variable_upstream_bytes_sent(void *subject, struct span arg)
{
	return each_attempt(subject, text_sent);
}

/* There is no cache: proxy_cache is off. */
struct span
variable_upstream_cache_status(void *subject, struct span arg)
{
	return variable_none();
}

/* A field of the response that came last. */
struct span
variable_upstream_http(void *subject, struct span name)
{
	struct request *r = subject;

	if (!r->upstream || !r->upstream->head)
		return variable_none();
	return header_value_for_variable(&r->upstream->head->headers, name, r->arena);
}

/* "name=value; Path=/": the value of the first Set-Cookie with this name. */
struct span
variable_upstream_cookie(void *subject, struct span name)
{
	struct request *r = subject;
	struct span value = variable_none();
	const struct header_list *l;

	if (!r->upstream || !r->upstream->head)
		return value;
	l = &r->upstream->head->headers;
	for (unsigned i = 0; i < l->count; i++) {
		struct span rest = l->rows[i].value, pair;

		if (l->rows[i].id != HEADER_SET_COOKIE || !span_split(&rest, ';', &pair))
			continue;
		if (pair.n > name.n && pair.p[name.n] == '=' &&
		    span_eq_nocase(span_of(pair.p, name.n), name))
			return span_trim(span_after(pair, name.n + 1));
	}
	return value;
}

struct span
variable_upstream_trailer(void *subject, struct span name)
{
	struct request *r = subject;

	if (!r->upstream || !r->upstream->trailers)
		return variable_none();
	return header_value_for_variable(r->upstream->trailers, name, r->arena);
}
