/* SPDX-License-Identifier: ISC */
/*
 * http1_limits: what servers allow in a head: how large it is, how its fields are called.
 *
 * A head says late whom it is for. As in nginx, what comes before Host goes by the server that SNI names or the
 * endpoint's default, and what comes behind it by the one that Host names.
 */
#include "proxy/config/route.h"
#include "proxy/http/client_conn.h"
#include "proxy/http/error_page.h"
#include "proxy/worker/listen_slot.h"

struct http1_limits
http1_limits_of(const struct server *server)
{
	const struct server_settings *s = server->settings;

	return (struct http1_limits){
		.underscores = s->underscores_in_headers,
		.ignore_invalid = s->ignore_invalid_headers,
		.max_headers = s->max_headers,
	};
}

enum parse_result
http1_read_names_again(struct request *r, const struct server *first, struct span bytes,
    struct http1_request_head *head, const char **why)
{
	const struct http1_limits named = http1_limits_of(r->server);
	struct http1_limits limits = http1_limits_of(first);

	if (named.underscores == limits.underscores &&
	    named.ignore_invalid == limits.ignore_invalid)
		return PARSE_OK;
	limits.behind_host = &named;
	return http1_parse_request(bytes, &limits, r->arena, head, why);
}

/* The settings of the server that a Host line names; NULL: it is another line. */
static const struct server_settings *
settings_by_host(struct client_conn *cc, struct span line)
{
	const struct listen_slot *slot = cc->client.slot;
	const struct server_settings *settings = NULL;
	struct arena *arena;
	struct span name;

	if (line.n < 5 || !span_eq_nocase(span_of(line.p, 5), SPAN("Host:")))
		return NULL;
	arena = arena_new(0);
	if (http1_host_name(span_trim(span_after(line, 5)), arena, &name) == 0)
		settings =
		    route_server(route_endpoint(slot->listener, cc->client.local), name, NULL)
			->settings;
	arena_free(arena);
	return settings;
}

unsigned
http1_head_too_large(struct client_conn *cc, struct span head)
{
	const struct server_settings *s, *named;
	size_t size, used = 0, buffers = 0;
	bool in_request_line = true;

	if (head.n > HTTP1_HEAD_MAX)
		return STATUS_HEADER_TOO_LARGE;
	s = client_conn_first_server(cc)->settings;
	size = s->client_header_buffer_size;
	if (head.n <= size)
		return 0;
	for (size_t n; head.n > 0; head = span_after(head, n)) {
		ptrdiff_t end = span_find(head, '\n');

		n = end < 0 ? head.n : (size_t)end + 1;
		if (used + n > size) {
			size = s->large_header_buffer_size;
			used = 0;
			if (n > size || ++buffers > s->large_header_buffer_count)
				return in_request_line ? 414 : STATUS_HEADER_TOO_LARGE;
		}
		used += n;
		in_request_line &= n <= 2; /* empty lines before it */
		if (end >= 0 && (named = settings_by_host(cc, span_of(head.p, n))))
			s = named;
	}
	return 0;
}
