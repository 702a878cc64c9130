/* SPDX-License-Identifier: ISC */
/* request_life: see request_life.h. */
#include "proxy/http/request_life.h"

#include "proxy/config/route.h"
#include "proxy/http/access_log.h"
#include "proxy/http/old_browser.h"
#include "proxy/worker/listen_slot.h"
#include "proxy/worker/worker_state.h"

/* A proxied request with a usual head needs no more than this one block. */
#define ARENA_SIZE 8000

struct arena *
request_arena(struct worker *w)
{
	if (w->spare_arena_count == 0)
		return arena_new(ARENA_SIZE);
	return w->spare_arenas[--w->spare_arena_count];
}

static void
arena_return(struct worker *w, struct arena *arena)
{
	if (w->spare_arena_count == REQUEST_ARENAS_KEPT) {
		arena_free(arena);
		return;
	}
	arena_reset(arena);
	w->spare_arenas[w->spare_arena_count++] = arena;
}

void
request_arenas_free(struct worker *w)
{
	while (w->spare_arena_count > 0)
		arena_free(w->spare_arenas[--w->spare_arena_count]);
}

void
request_set_server(struct request *r, const struct server *server)
{
	r->server = server;
	r->location = &server->root_location;
	r->settings = server->location_settings;
}

void
request_init(struct request *r, struct arena *arena, struct client *client,
    const struct codec *codec)
{
	const struct loop *loop = client->worker->loop;

	r->arena = arena;
	r->client = client;
	r->codec = codec;
	r->generation = generation_ref(client->slot->generation);
	r->snapshot = r->generation->snapshot;
	r->endpoint = route_endpoint(client->slot->listener, client->local);
	request_set_server(r, r->endpoint->default_server);
	variable_store_init(&r->variables, arena, r->snapshot->variable_count);
	r->response.content_length = -1;
	r->response.last_modified = -1;
	header_list_init(&r->response.headers, arena);
	header_list_init(&r->response.trailers, arena);
	header_list_init(&r->headers, arena);
	header_list_init(&r->trailers, arena);
	r->started_ms = loop_now_ms(loop);
	r->started_wall_ms = loop_wall_ms(loop);
	client->requests++;
	counter_add(&client->worker->counters->requests, 1);
	counter_add(&client->worker->counters->requests_active, 1);
}

const char *
request_take_target(struct request *r, struct span path_query, struct span host)
{
	r->path_query = path_query;
	http1_split_target(path_query, &r->raw_path, &r->args, &r->has_query);
	r->host = arena_lowered(r->arena, host);
	request_set_server(r, route_server(r->endpoint, r->host, &r->variables));
	if (r->raw_path.n == 0 || r->raw_path.p[0] != '/')
		return "invalid request target";
	if (http1_normalize_path(r->raw_path, r->server->settings->merge_slashes, r->arena,
		&r->uri) != PARSE_OK)
		return "invalid path";
	return NULL;
}

bool
request_keeps_connection(const struct request *r)
{
	const struct client *client = r->client;

	return r->settings->keepalive_timeout_ms > 0 &&
	       client->requests < r->settings->keepalive_requests &&
	       loop_now_ms(client->worker->loop) - client->started_ms <=
		   r->settings->keepalive_time_ms &&
	       !client->worker->draining && !client->slot->gone;
}

bool
request_may_follow(const struct request *r)
{
	return request_keeps_connection(r) && !r->last_on_connection && !old_browser_keeps_badly(r);
}

void
request_finish(struct request *r)
{
	struct generation *g = r->generation;
	struct counter_slot *counters = r->client->worker->counters;

	counter_add(&counters->requests_active, -1);
	counter_add(&counters->bytes_in, (int64_t)(r->head_bytes + r->body_received));
	counter_add(&counters->bytes_out, (int64_t)r->response.wire_bytes);
	counter_add_response(counters,
	    r->response.override ? r->response.override : r->response.status);
	/* The handler is first: it notes what its peers cost. */
	if (r->handler && r->handler->release)
		r->handler->release(r);
	access_log_request(r);
	arena_return(r->client->worker, r->arena);
	generation_unref(g);
}
