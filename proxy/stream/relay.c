/* SPDX-License-Identifier: ISC */
/* relay: see relay.h. */
#include "proxy/stream/relay.h"

#include "proxy/net/conn_tcp.h"

#include <stddef.h>

/* Moved one way before other connections have their turn. */
#define BYTES_AT_ONCE ((size_t)1024 * 1024)

#define relay_from(ptr, member) ((struct relay *)((char *)(ptr)-offsetof(struct relay, member)))

enum step {
	STEP_ON,   /* something moved */
	STEP_WAIT, /* for an event */
	STEP_END,  /* of what this side says */
};

static struct loop *
loop_of(const struct relay *r)
{
	return r->up.from->loop;
}

/* How many bytes may be read now (nginx, ngx_stream_proxy_module: by whole seconds). */
static size_t
allowance(struct relay *r, struct relay_way *way)
{
	int64_t seconds = (loop_now_ms(loop_of(r)) - r->started_ms) / 1000 + 1;
	uint64_t allowed;

	if (way->rate == 0 || way->rate > UINT64_MAX / (uint64_t)seconds)
		return SIZE_MAX;
	allowed = way->rate * (uint64_t)seconds;
	if (allowed > way->moved)
		return allowed - way->moved;
	/* Both ways share the timer: the sooner counts. */
	if (!timer_active(&r->rate))
		timer_set(loop_of(r), &r->rate,
		    (int64_t)((way->moved - allowed) * 1000 / way->rate) + 1);
	return 0;
}

static void
drop_pipe(struct relay *r, struct relay_way *way)
{
	pipe_pool_return(r->pipes, way->pipe);
	way->pipe = NULL;
}

static void
drop_chunk(struct relay_way *way)
{
	bufpool_return(way->from->pool, way->chunk);
	way->chunk = NULL;
}

/* It has failed: nothing more goes to it. */
static bool
is_lost(const struct conn *c)
{
	return c->failed || c->write_failed;
}

/* Hand over what is in hand. False: `to` takes no more now. */
static bool
deliver(struct relay *r, struct relay_way *way)
{
	struct chunk *k = way->chunk;

	if (is_lost(way->to)) {
		drop_chunk(way);
		drop_pipe(r, way);
		return true;
	}
	if (way->pipe)
		return conn_splice_out(way->to, way->pipe);
	if (!k)
		return true;
	k->start += (unsigned)conn_write(way->to, span_of(k->data + k->start, chunk_filled(k)));
	if (chunk_filled(k) > 0)
		return false;
	drop_chunk(way);
	return true;
}

static void
took(const struct relay *r, struct relay_way *way, ssize_t n)
{
	if (way->moved == 0)
		way->first_ms = loop_now_ms(loop_of(r));
	way->moved += (uint64_t)n;
}

static enum step
take_by_pipe(struct relay *r, struct relay_way *way, size_t most)
{
	struct pipe *p = way->pipe;
	ssize_t n = conn_splice_in(way->from, p, most < p->size ? most : p->size);

	if (n > 0) {
		took(r, way, n);
		return STEP_ON;
	}
	/* deliver has emptied it. */
	drop_pipe(r, way);
	return n == CONN_EOF ? STEP_END : STEP_WAIT;
}

static enum step
take_by_copy(struct relay *r, struct relay_way *way, size_t most)
{
	struct chunk *k = bufpool_borrow(way->from->pool, r->buffer_size);
	size_t room = r->buffer_size < most ? r->buffer_size : most;
	ssize_t n = conn_read(way->from, k->data + k->end, room);

	way->chunk = k;
	if (n <= 0) {
		drop_chunk(way);
		return n == CONN_EOF ? STEP_END : STEP_WAIT;
	}
	k->end += (unsigned)n;
	took(r, way, n);
	return STEP_ON;
}

static enum step
take(struct relay *r, struct relay_way *way, bool much)
{
	size_t most;

	if (!conn_may_read(way->from)) {
		drop_pipe(r, way);
		return STEP_WAIT;
	}
	most = allowance(r, way);
	if (most == 0)
		return STEP_WAIT;
	if (much && !way->pipe && !conn_is_tls(way->from) && !conn_is_tls(way->to) &&
	    !is_lost(way->to))
		way->pipe = pipe_pool_borrow(r->pipes);
	return way->pipe ? take_by_pipe(r, way, most) : take_by_copy(r, way, most);
}

static void
end(struct relay *r, enum relay_end how, struct conn *by)
{
	relay_stop(r);
	r->ended(r, how, by);
}

static bool
in_hand(const struct relay_way *way)
{
	return way->chunk || (way->pipe && way->pipe->held > 0);
}

static bool
delivered(const struct relay_way *way)
{
	if (is_lost(way->to))
		return true;
	return !in_hand(way) && conn_out_empty(way->to) &&
	       way->to->shut_write == way->to->shut_done;
}

/*
 * Pass on that `from` has said all. TLS is told even when the connection ends, lest it looks cut, unless it was; plain,
 * the end goes out with what is queued.
 */
static void
finish_way(const struct relay *r, struct relay_way *way, const struct relay_way *other)
{
	if (!way->eof || way->ended || in_hand(way))
		return;
	if (is_lost(way->from))
		way->to->end_follows = 1;
	else if ((r->half_close || conn_is_tls(way->to)) && !way->to->shut_write)
		conn_shutdown_write(way->to);
	else
		way->to->end_follows = delivered(other);
	way->ended = delivered(way);
	if (!way->ended)
		conn_want_drain(way->to);
}

/* False: the relay is over. */
static bool
settle(struct relay *r, struct relay_way *way, struct relay_way *other)
{
	const struct relay_way *first;
	struct conn *by;

	finish_way(r, way, other);
	first = way->ended ? way : other;
	other = first == way ? other : way;
	if (!first->ended)
		return true;
	/* To a side that has failed the other has nothing more to say. */
	if (r->half_close && !is_lost(first->from) ? !other->ended : !delivered(other)) {
		if (!r->half_close)
			conn_want_drain(other->to);
		return true;
	}
	conn_push_end(first->to);
	by = is_lost(other->from) ? other->from : first->from;
	end(r, is_lost(by) ? RELAY_FAILED : RELAY_DONE, by);
	return false;
}

/* Read from one side and hand over to the other, as much as both allow and is this one's share. */
static void
move(struct relay *r, struct relay_way *way)
{
	uint64_t before = way->moved;
	bool much = way->pipe != NULL;

	while (deliver(r, way) && !way->eof) {
		uint64_t was = way->moved;

		if (way->moved - before >= BYTES_AT_ONCE) {
			loop_defer(loop_of(r), &r->more);
			break;
		}
		switch (take(r, way, much)) {
		case STEP_ON:
			much = way->pipe || way->moved - was >= r->buffer_size;
			continue;
		case STEP_END:
			way->eof = true;
			break;
		case STEP_WAIT:
			break;
		}
		break;
	}
	if (way->moved != before)
		timer_set(loop_of(r), &r->idle, r->timeout_ms);
}

/* False: the relay is over. */
static bool
pump(struct relay *r, struct relay_way *way)
{
	struct relay_way *other = way == &r->up ? &r->down : &r->up;

	/* When the other side's end is to end both, what is in hand is all that is still delivered. */
	if (other->ended && !r->half_close)
		deliver(r, way);
	else
		move(r, way);
	return settle(r, way, other);
}

static void
on_readable(struct conn *c)
{
	struct relay *r = c->owner;

	pump(r, c == r->up.from ? &r->up : &r->down);
}

static void
on_writable(struct conn *c)
{
	struct relay *r = c->owner;

	timer_set(loop_of(r), &r->idle, r->timeout_ms);
	pump(r, c == r->up.to ? &r->up : &r->down);
}

/* What it has said before is still delivered. */
static void
on_error(struct conn *c)
{
	struct relay *r = c->owner;
	struct relay_way *said = c == r->up.from ? &r->up : &r->down;

	said->eof = true;
	pump(r, said);
}

static const struct conn_ops relay_ops = {
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_error = on_error,
};

/* Whoever is held back by a rate is not silent (nginx: no timer while it is delayed). */
static void
on_idle(struct timer *t)
{
	struct relay *r = relay_from(t, idle);

	if (timer_active(&r->rate))
		timer_set(loop_of(r), &r->idle, r->timeout_ms);
	else
		end(r, RELAY_TIMEOUT, NULL);
}

static bool
pump_both(struct relay *r)
{
	return pump(r, &r->up) && pump(r, &r->down);
}

static void
on_rate(struct timer *t)
{
	struct relay *r = relay_from(t, rate);

	pump_both(r);
}

static void
run_more(struct deferred *d)
{
	struct relay *r = relay_from(d, more);

	/* A client that waits to be spoken to. */
	if (pump_both(r) && conn_out_empty(r->up.to))
		conn_release_ack(r->up.to);
}

void
relay_start(struct relay *r, struct conn *client, struct conn *upstream)
{
	r->up.from = r->down.to = client;
	r->up.to = r->down.from = upstream;
	client->ops = upstream->ops = &relay_ops;
	client->owner = upstream->owner = r;
	/* What a side said before it left still counts. */
	client->read_after_write_error = upstream->read_after_write_error = 1;
	/* It may have spoken before anybody watched it. */
	client->readable = 1;
	r->idle.on_expire = on_idle;
	r->rate.on_expire = on_rate;
	r->more.run = run_more;
	r->started_ms = loop_now_ms(client->loop);
	timer_set(client->loop, &r->idle, r->timeout_ms);
	loop_defer(client->loop, &r->more);
}

void
relay_stop(struct relay *r)
{
	if (!r->up.from)
		return;
	timer_clear(&r->idle);
	timer_clear(&r->rate);
	loop_undefer(loop_of(r), &r->more);
	for (struct relay_way *way = &r->up;; way = &r->down) {
		drop_chunk(way);
		drop_pipe(r, way);
		if (way == &r->down)
			break;
	}
	r->up.from = NULL;
}
