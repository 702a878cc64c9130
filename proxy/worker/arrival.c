/* SPDX-License-Identifier: ISC */
/* arrival: see arrival.h. */
#include "proxy/worker/arrival.h"

#include "base/mem.h"
#include "proxy/config/route.h"
#include "proxy/http/client_conn.h"
#include "proxy/net/address.h"
#include "proxy/net/preread.h"
#include "proxy/stream/stream_session.h"
#include "proxy/worker/listen_slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is left for its header to one whose listener is gone. */
#define RETIRE_MS 1000

/* One that waits for its PROXY header. */
struct arrival {
	struct preread preread;
	struct deferred reap;
	struct listen_slot *slot; /* counted */
	struct accepted accepted;
	struct sockaddr_storage peer;
	struct address local;
	struct proxy_header header;
	size_t header_length;
	const char *why;              /* the header is no good */
	bool retired;                 /* its listener is gone: it has little time left */
	struct arrival *next, **prev; /* in worker->arrivals */
};

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

void
arrival_ended(struct worker *w)
{
	counter_add(&w->counters->connections, -1);
	if (w->accepting_paused && !w->draining)
		listen_slots_resume(w);
}

/* Which of the addresses that share the socket it came to: of the newest generation, which may have succeeded another meanwhile. */
static const struct endpoint *
find_endpoint(const struct listen_slot *slot, const struct accepted *a)
{
	struct address local = { .len = sizeof(local.u) };

	if (slot->listener->endpoint_count == 1)
		return &slot->listener->endpoints[0];
	if (a->local)
		return route_endpoint(slot->listener, &a->local->u.sa);
	if (getsockname(a->fd, &local.u.sa, &local.len) < 0)
		local.u.sa.sa_family = AF_UNSPEC;
	return route_endpoint(slot->listener, &local.u.sa);
}

static void
hand_on(struct listen_slot *slot, const struct accepted *a)
{
	const struct endpoint *ep = find_endpoint(slot, a);

	if (ep->stream)
		stream_session_accept_take(slot, ep, a);
	else
		client_conn_accept_take(slot, a);
}

static void
reap(struct deferred *d)
{
	struct arrival *a = from_member(d, struct arrival, reap);

	listen_slot_unref(a->slot);
	free(a);
}

/* It waits no more. Its socket is the caller's. */
static void
arrival_release(struct arrival *a)
{
	preread_stop(&a->preread);
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	loop_defer(a->slot->worker->loop, &a->reap);
}

static void
arrival_close(struct arrival *a)
{
	struct worker *w = a->slot->worker;

	arrival_release(a);
	free(a->accepted.proxied);
	close(a->accepted.fd);
	arrival_ended(w);
}

static void
tell(const struct arrival *a, enum log_level level, const char *what, int errnum)
{
	const struct endpoint *ep = find_endpoint(a->slot, &a->accepted);
	const struct error_log *el = ep->default_server->location_settings->error_log;
	struct log log = generation_error_log(a->slot->generation, el);
	struct arena *arena;

	if (!log_wants(&log, level))
		return;
	arena = arena_new(0);
	log_msg(&log, level,
	    "*%llu %s%s%s%s while reading PROXY protocol, client: " SPAN_FMT ", server: " SPAN_FMT,
	    (unsigned long long)a->accepted.number, what, errnum ? " (" : "",
	    errnum ? strerrordesc_np(errnum) : "", errnum ? ")" : "",
	    SPAN_ARG(address_host(a->accepted.peer, false, arena)),
	    SPAN_ARG(a->slot->listener->address.text));
	arena_free(arena);
}

static enum parse_result
parse_header(struct preread *p, char *bytes, size_t n)
{
	struct arrival *a = from_member(p, struct arrival, preread);
	enum parse_result result =
	    proxy_header_parse(span_of(bytes, n), &a->header, &a->header_length, &a->why);

	if (result != PARSE_OK)
		return result;
	/* One that was passed on may have another before. The TLVs lie in bytes that are gone when this returns. */
	free(a->accepted.proxied);
	a->accepted.proxied = proxied_new(&a->header);
	return PARSE_OK;
}

static void
header_read(struct preread *p, enum preread_end end)
{
	struct arrival *a = from_member(p, struct arrival, preread);
	struct worker *w = a->slot->worker;

	switch (end) {
	case PREREAD_OK:
		if (preread_skip(a->accepted.fd, w->pool, a->header_length) == 0) {
			arrival_release(a);
			hand_on(a->slot, &a->accepted);
			return;
		}
		tell(a, LOG_LEVEL_ALERT, "recv() failed", errno);
		break;
	case PREREAD_BAD:
		tell(a, LOG_LEVEL_ERROR, a->why, 0);
		break;
	case PREREAD_FULL:
		tell(a, LOG_LEVEL_ERROR, "PROXY header is too long", 0);
		break;
	case PREREAD_EOF:
		tell(a, LOG_LEVEL_INFO, "client closed connection", 0);
		break;
	case PREREAD_ERROR:
		tell(a, LOG_LEVEL_INFO, "recv() failed", errno);
		break;
	case PREREAD_TIMEOUT:
		tell(a, LOG_LEVEL_INFO, "client timed out", 0);
		break;
	}
	arrival_close(a);
}

static int64_t
header_timeout_ms(const struct endpoint *ep)
{
	const struct server *server = ep->default_server;

	return ep->stream ? server->stream->settings->proxy_header_timeout_ms
			  : server->settings->client_header_timeout_ms;
}

static void
wait_for_header(struct listen_slot *slot, const struct endpoint *ep, const struct accepted *given)
{
	struct worker *w = slot->worker;
	struct arrival *a = mem_zalloc(sizeof(*a));

	a->slot = listen_slot_ref(slot);
	a->accepted = *given;
	memcpy(&a->peer, given->peer, given->peer_len);
	a->accepted.peer = (struct sockaddr *)&a->peer;
	if (given->local) {
		a->local = *given->local;
		a->accepted.local = &a->local;
	}
	a->reap.run = reap;
	a->preread.watch.fd = -1;
	a->preread.parse = parse_header;
	a->preread.done = header_read;
	a->next = w->arrivals;
	a->prev = &w->arrivals;
	if (a->next)
		a->next->prev = &a->next;
	w->arrivals = a;
	preread_start(&a->preread, w->loop, w->pool, given->fd, PROXY_HEADER_MAX,
	    header_timeout_ms(ep));
}

static void
begin(struct listen_slot *slot, const struct accepted *a)
{
	const struct endpoint *ep = find_endpoint(slot, a);

	if (ep->proxy_protocol)
		wait_for_header(slot, ep, a);
	else
		hand_on(slot, a);
}

void
arrival_take(struct listen_slot *slot, int fd, const struct sockaddr *peer, socklen_t len)
{
	struct worker *w = slot->worker;
	const struct accepted accepted = {
		.fd = fd,
		.peer = peer,
		.peer_len = len < sizeof(struct sockaddr_storage)
				? len
				: (socklen_t)sizeof(struct sockaddr_storage),
		.number = ++w->next_connection,
		.started_ms = loop_now_ms(w->loop),
	};

	counter_add(&w->counters->accepted, 1);
	counter_add(&w->counters->connections, 1);
	if (counter_get(&w->counters->connections) >=
	    slot->generation->snapshot->main.worker_connections)
		listen_slots_pause(w);
	begin(slot, &accepted);
}

void
arrival_pass_take(struct listen_slot *slot, const struct accepted *a)
{
	begin(slot, a);
}

void
arrivals_retire(struct worker *w, bool only_gone)
{
	for (struct arrival *a = w->arrivals; a; a = a->next) {
		if (a->retired || (only_gone && !a->slot->gone))
			continue;
		a->retired = true;
		timer_set(w->loop, &a->preread.timer, RETIRE_MS);
	}
}

void
arrivals_close(struct worker *w)
{
	while (w->arrivals)
		arrival_close(w->arrivals);
}
