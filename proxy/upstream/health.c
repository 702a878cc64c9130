/* SPDX-License-Identifier: ISC */
/*
 * health: see health.h.
 *
 *	wait -> (my turn?) -> connect -> request sent -> head read -> good or bad -> wait
 */
#include "proxy/upstream/health.h"

#include "base/mem.h"
#include "proxy/http/http1_parse.h"
#include "proxy/net/proxy_protocol.h"
#include "proxy/upstream/upstream_group.h"
#include "proxy/worker/worker_state.h"

#include <errno.h>
#include <stdlib.h>

/* Of a response only the head counts. */
#define HEAD_MAX 16384

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct health_prober {
	struct worker *worker;
	struct peer *peer;
	int64_t interval_ms, jitter_ms, timeout_ms;
	unsigned rises, falls, status_min, status_max, proxy_protocol;
	char *request;
	struct timer turn;    /* the next check */
	struct timer timeout; /* of the one under way */
	struct upstream_conn *uc;
	struct chunk *in;
	struct http1_head_scan scan;
	struct health_prober *next;
};

static void
wait_for_turn(struct health_prober *h)
{
	int64_t jitter = h->jitter_ms > 0 ? random() % (h->jitter_ms + 1) : 0;

	timer_set(h->worker->loop, &h->turn, h->interval_ms + jitter);
}

static void
end_check(struct health_prober *h)
{
	struct upstream_conn *uc = h->uc;

	timer_clear(&h->timeout);
	bufpool_return(h->worker->pool, h->in);
	h->in = NULL;
	h->uc = NULL;
	if (uc)
		upstream_conn_close(uc);
}

static void
tell(const struct health_prober *h, bool healthy, const char *why)
{
	const struct generation *g = h->worker->generation;
	struct log log;

	if (!g)
		return;
	log = generation_error_log(g, g->snapshot->main.error_log);
	log_msg(&log, healthy ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARN,
	    "peer " SPAN_FMT " of upstream \"%s\" is %s%s%s", SPAN_ARG(h->peer->address.text),
	    h->peer->group->name, healthy ? "healthy" : "unhealthy", why ? ": " : "",
	    why ? why : "");
}

/* why: what was wrong; NULL = nothing. */
static void
judge(struct health_prober *h, const char *why)
{
	struct peer_state *s = h->peer->state;
	bool failed = why != NULL;
	unsigned in_row;

	end_check(h);
	if (atomic_exchange(&s->last_check_failed, failed) != failed)
		atomic_store(&s->checks_in_row, 0);
	in_row = atomic_fetch_add(&s->checks_in_row, 1) + 1;
	if (failed && in_row >= h->falls && !atomic_exchange(&s->unhealthy, true))
		tell(h, false, why);
	else if (!failed && in_row >= h->rises && atomic_exchange(&s->unhealthy, false))
		tell(h, true, NULL);
	wait_for_turn(h);
}

/* 1 more is needed, 0 judged. */
static int
look_at_head(struct health_prober *h)
{
	struct span have = span_of(h->in->data, h->in->end);
	struct http1_response_head head;
	const char *why = "malformed header";
	struct arena *arena;
	size_t length;

	switch (http1_head_end(&h->scan, have, &length, &why)) {
	case PARSE_MORE:
		if (chunk_room(h->in) > 0)
			return 1;
		judge(h, "too big header");
		return 0;
	case PARSE_BAD:
		judge(h, why);
		return 0;
	case PARSE_OK:
		break;
	}
	arena = arena_new(0);
	if (http1_parse_response(span_of(have.p, length), arena, &head, &why) != PARSE_OK)
		judge(h, why);
	else if (head.status < h->status_min || head.status > h->status_max)
		judge(h, "unwanted status");
	else
		judge(h, NULL);
	arena_free(arena);
	return 0;
}

static void
check_readable(struct conn *c)
{
	struct health_prober *h = c->owner;
	ssize_t n;

	if (!h->in)
		h->in = bufpool_borrow(h->worker->pool, HEAD_MAX);
	for (;;) {
		n = conn_read(c, h->in->data + h->in->end, chunk_room(h->in));
		if (n == CONN_AGAIN)
			return;
		if (n <= 0) {
			judge(h, n == CONN_EOF ? "connection closed" : c->reason);
			return;
		}
		h->in->end += (unsigned)n;
		if (look_at_head(h) == 0)
			return;
	}
}

static void
check_writable(struct conn *c)
{
	struct health_prober *h = c->owner;

	if (c->bytes_out == h->uc->header_length && conn_out_empty(c))
		conn_queue(c, span_str(h->request));
}

static void
check_error(struct conn *c)
{
	judge(c->owner, c->reason);
}

static const struct conn_ops check_ops = {
	.on_readable = check_readable,
	.on_writable = check_writable,
	.on_error = check_error,
};

static void
on_timeout(struct timer *t)
{
	judge(from_member(t, struct health_prober, timeout), "timed out");
}

/* Of workers that share the state one makes the check: who moves its time first. */
static bool
is_my_turn(struct health_prober *h)
{
	int64_t now_ms = loop_now_ms(h->worker->loop);
	int64_t due_ms = atomic_load(&h->peer->state->next_check_ms);

	return due_ms <= now_ms && atomic_compare_exchange_strong(&h->peer->state->next_check_ms,
				       &due_ms, now_ms + h->interval_ms * 9 / 10);
}

/* On nobody's behalf. */
static struct upstream_conn *
connect_to_peer(struct health_prober *h)
{
	const struct proxy_claim nobody = { .source = NULL };
	char header[PROXY_HEADER_WRITE_MAX];
	struct connect_options how = { .bind = NULL };

	if (h->proxy_protocol)
		how.header =
		    span_of(header, proxy_header_write(h->proxy_protocol, &nobody, header));
	return upstream_connect(h->worker, h->peer, &how, &check_ops, h);
}

static void
on_turn(struct timer *t)
{
	struct health_prober *h = from_member(t, struct health_prober, turn);

	if (h->peer->absent || h->peer->down || !is_my_turn(h)) {
		wait_for_turn(h);
		return;
	}
	memset(&h->scan, 0, sizeof(h->scan));
	h->uc = connect_to_peer(h);
	if (!h->uc) {
		judge(h, strerrordesc_np(errno));
		return;
	}
	timer_set(h->worker->loop, &h->timeout, h->timeout_ms);
	if (!h->uc->conn.connecting)
		conn_queue(&h->uc->conn, span_str(h->request));
}

struct health_prober *
health_probers_new(struct worker *w, struct upstream_group *g, const struct health_check_spec *spec)
{
	struct health_prober *first = NULL;

	for (size_t i = 0; i < g->peer_count; i++) {
		struct health_prober *h = mem_zalloc(sizeof(*h));

		h->worker = w;
		h->peer = &g->peers[i];
		h->interval_ms = spec->interval_ms;
		h->jitter_ms = spec->jitter_ms;
		h->timeout_ms = spec->timeout_ms;
		h->rises = spec->rises;
		h->falls = spec->falls;
		h->status_min = spec->status_min;
		h->status_max = spec->status_max;
		h->proxy_protocol = spec->proxy_protocol;
		h->request = mem_printf(
		    "GET " SPAN_FMT " HTTP/1.1\r\nHost: " SPAN_FMT
		    "\r\nUser-Agent: tinyproxyd health check\r\nConnection: close\r\n\r\n",
		    SPAN_ARG(spec->uri), SPAN_ARG(spec->host));
		h->turn.on_expire = on_turn;
		h->timeout.on_expire = on_timeout;
		h->next = first;
		first = h;
		/* The first one at once: what is down should be known before clients find out. */
		timer_set(w->loop, &h->turn, 1);
	}
	return first;
}

void
health_probers_free(struct health_prober *first)
{
	while (first) {
		struct health_prober *h = first;

		first = h->next;
		end_check(h);
		timer_clear(&h->turn);
		free(h->request);
		free(h);
	}
}
