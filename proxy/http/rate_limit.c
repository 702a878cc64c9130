/* SPDX-License-Identifier: ISC */
/* rate_limit: see rate_limit.h. */
#include "proxy/http/rate_limit.h"

#include "proxy/config/value.h"
#include "proxy/worker/worker_state.h"

/* A response at its limit goes on after this long, so that many small writes do not take its place. */
#define PAUSE_MS 250

struct rate_limit {
	struct request *request;
	struct timer timer;
	uint64_t rate, after; /* bytes a second; bytes before the limit begins */
	bool after_known;
};

static void
on_expire(struct timer *t)
{
	struct rate_limit *l =
	    (struct rate_limit *)((char *)t - offsetof(struct rate_limit, timer));
	struct request *r = l->request;

	if (r->handler && r->handler->on_writable)
		r->handler->on_writable(r);
}

static void
on_free(void *arg)
{
	timer_clear(&((struct rate_limit *)arg)->timer);
}

static uint64_t
size_of(struct request *r, const struct template *t)
{
	struct span text;
	uint64_t size = 0;

	if (!t)
		return 0;
	text = template_eval(t, r, r->arena);
	if (text.n > 0 && value_parse_size(text, INT64_MAX, &size) < 0)
		request_log(r, LOG_LEVEL_ERROR, "invalid size \"" SPAN_FMT "\"", SPAN_ARG(text));
	return size;
}

static struct rate_limit *
limit_of(struct request *r)
{
	struct rate_limit *l = r->rate_limit;

	if (l)
		return l;
	l = arena_zalloc(r->arena, sizeof(*l));
	l->request = r;
	l->timer.on_expire = on_expire;
	l->rate = size_of(r, r->settings->limit_rate);
	arena_on_free(r->arena, on_free, l);
	r->rate_limit = l;
	return l;
}

void
rate_limit_set(struct request *r, uint64_t bytes_per_second)
{
	limit_of(r)->rate = bytes_per_second;
}

uint64_t
rate_limit_get(struct request *r)
{
	if (!r->rate_limit && !r->settings->limit_rate)
		return 0;
	return limit_of(r)->rate;
}

void
rate_limit_stop(struct request *r)
{
	if (r->rate_limit)
		timer_clear(&r->rate_limit->timer);
}

/* rate * ms / 1000 without overflow. */
static uint64_t
worth_of(uint64_t rate, uint64_t ms)
{
	return rate / 1000 * ms + rate % 1000 * ms / 1000;
}

size_t
rate_limit_allow(struct request *r, size_t n)
{
	struct loop *loop = r->client->worker->loop;
	uint64_t sent = r->response.body_bytes, allowed, elapsed_ms;
	struct rate_limit *l;

	/* A tunnel is not a response. */
	if (r->response.status == 101 || rate_limit_get(r) == 0)
		return n;
	l = r->rate_limit;
	if (!l->after_known) {
		l->after = size_of(r, r->settings->limit_rate_after);
		l->after_known = true;
	}
	elapsed_ms = (uint64_t)(loop_now_ms(loop) - r->started_ms);
	if (__builtin_add_overflow(worth_of(l->rate, elapsed_ms + 1000), l->after, &allowed))
		return n;
	if (allowed > sent && n <= allowed - sent)
		return n;
	if (!timer_active(&l->timer))
		timer_set(loop, &l->timer, PAUSE_MS);
	return allowed > sent ? (size_t)(allowed - sent) : 0;
}
