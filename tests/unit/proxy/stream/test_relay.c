/* SPDX-License-Identifier: ISC */
/* relay: what goes in comes out, both ways, whoever is slow, whoever leaves first. */
#include "proxy/stream/relay.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

struct ends {
	struct loop *loop;
	struct bufpool *pool;
	struct pipe_pool *pipes;
	struct relay relay;
	struct conn client, upstream;
	int near, far; /* what the client and the upstream hold of their connections */
	int ended;
	enum relay_end how;
	struct conn *by;
};

static void
on_ended(struct relay *r, enum relay_end how, struct conn *by)
{
	struct ends *e = (struct ends *)((char *)r - offsetof(struct ends, relay));

	e->ended++;
	e->how = how;
	e->by = by;
	conn_close(&e->client);
	conn_close(&e->upstream);
}

static void
on_free(struct conn *c)
{
	(void)c;
}

static void
open_side(struct ends *e, struct conn *c, int *peer)
{
	static const struct conn_ops none = { 0 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
	    0);
	memset(c, 0, sizeof(*c));
	c->on_free = on_free;
	assert_int_equal(conn_start(c, e->loop, e->pool, pair[0], false, &none, e), 0);
	*peer = pair[1];
}

static struct ends
begin(bool half_close, int64_t timeout_ms)
{
	struct ends e = { .ended = 0 };

	e.loop = loop_new();
	e.pool = bufpool_new();
	e.pipes = pipe_pool_new();
	e.relay.pipes = e.pipes;
	e.relay.half_close = half_close;
	e.relay.timeout_ms = timeout_ms;
	e.relay.buffer_size = BUFPOOL_LARGE;
	e.relay.ended = on_ended;
	return e;
}

static void
start(struct ends *e)
{
	open_side(e, &e->client, &e->near);
	open_side(e, &e->upstream, &e->far);
	relay_start(&e->relay, &e->client, &e->upstream);
}

static void
finish(struct ends *e)
{
	relay_stop(&e->relay);
	conn_close(&e->client);
	conn_close(&e->upstream);
	loop_turn(e->loop, 0);
	assert_int_equal(bufpool_borrowed(e->pool), 0);
	if (e->near >= 0)
		close(e->near);
	if (e->far >= 0)
		close(e->far);
	pipe_pool_free(e->pipes);
	bufpool_free(e->pool);
	loop_free(e->loop);
}

static char
byte_at(size_t i)
{
	return (char)((i * 2654435761u) >> 13);
}

struct flow {
	int from, to;
	size_t total, sent, got;
	size_t piece; /* at most so many bytes are written or read at once */
};

/* Push some in, take some out. */
static void
flow_step(struct flow *f)
{
	static char bytes[65536];
	size_t n = f->total - f->sent < f->piece ? f->total - f->sent : f->piece;
	ssize_t r;

	for (size_t i = 0; i < n; i++)
		bytes[i] = byte_at(f->sent + i);
	r = n > 0 ? send(f->from, bytes, n, MSG_NOSIGNAL) : 0;
	f->sent += r > 0 ? (size_t)r : 0;
	r = recv(f->to, bytes, f->piece, 0);
	for (ssize_t i = 0; i < r; i++) {
		if (bytes[i] != byte_at(f->got + (size_t)i))
			fail_msg("byte %zu is wrong", f->got + (size_t)i);
	}
	f->got += r > 0 ? (size_t)r : 0;
}

static void
run_flows(struct ends *e, struct flow *flows, size_t count)
{
	for (int turns = 0; turns < 1000000; turns++) {
		bool all = true;

		for (size_t i = 0; i < count; i++) {
			flow_step(&flows[i]);
			all &= flows[i].got == flows[i].total;
		}
		if (all)
			return;
		loop_turn(e->loop, 0);
	}
	fail_msg("bytes do not arrive");
}

static bool
at_end(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

#define turn_until(e, condition)                                  \
	do {                                                      \
		for (int i_ = 0; i_ < 1000 && !(condition); i_++) \
			loop_turn((e)->loop, 10);                 \
		assert_true(condition);                           \
	} while (0)

static void
little_and_much_both_ways(void **state)
{
	static const size_t pieces[] = { 1, 100, 16384, 65536 };

	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct ends e = begin(false, 60000);
		size_t total = pieces[i] == 1 ? 3000 : pieces[i] * 40;
		struct flow flows[2];

		start(&e);
		flows[0] = (struct flow){ e.near, e.far, total, 0, 0, pieces[i] };
		flows[1] = (struct flow){ e.far, e.near, total * 2, 0, 0, pieces[i] };
		run_flows(&e, flows, 2);
		assert_int_equal(e.client.bytes_in, total);
		assert_int_equal(e.client.bytes_out, total * 2);
		assert_int_equal(e.upstream.bytes_in, total * 2);
		assert_int_equal(e.upstream.bytes_out, total);
		/* Quiet again, it holds nothing. */
		turn_until(&e, bufpool_borrowed(e.pool) == 0);
		assert_null(e.relay.up.pipe);
		assert_null(e.relay.down.pipe);
		assert_int_equal(e.ended, 0);
		finish(&e);
	}
}

/* What nobody takes is not read without end. */
static void
a_slow_reader_holds_up_the_writer(void **state)
{
	struct ends e = begin(false, 60000);
	struct flow flow;
	size_t before;

	start(&e);
	flow = (struct flow){ e.near, e.far, 64 << 20, 0, 0, 65536 };
	do {
		static char bytes[65536];
		ssize_t n;

		before = flow.sent;
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = byte_at(flow.sent + i);
		n = send(e.near, bytes, sizeof(bytes), MSG_NOSIGNAL);
		flow.sent += n > 0 ? (size_t)n : 0;
		for (int i = 0; i < 5; i++)
			loop_turn(e.loop, 0);
	} while (flow.sent != before);
	assert_true(flow.sent < 4 << 20);
	flow.total = flow.sent;
	run_flows(&e, &flow, 1);
	finish(&e);
}

static void
an_end_ends_both_once_all_is_delivered(void **state)
{
	for (int side = 0; side < 2; side++) {
		struct ends e = begin(false, 60000);
		struct flow flow;
		int *from, *to;

		start(&e);
		from = side ? &e.far : &e.near;
		to = side ? &e.near : &e.far;
		flow = (struct flow){ *from, *to, 100000, 0, 0, 65536 };
		while (flow.sent < flow.total) {
			flow_step(&flow);
			loop_turn(e.loop, 0);
		}
		close(*from);
		*from = -1;
		while (flow.got < flow.total) {
			flow_step(&flow);
			loop_turn(e.loop, 0);
		}
		turn_until(&e, e.ended);
		assert_int_equal(e.how, RELAY_DONE);
		assert_ptr_equal(e.by, side ? &e.upstream : &e.client);
		assert_true(at_end(*to));
		finish(&e);
	}
}

static void
a_half_closed_side_still_hears(void **state)
{
	for (int side = 0; side < 2; side++) {
		struct ends e = begin(true, 60000);
		struct flow first, second;
		int from, to;

		start(&e);
		from = side ? e.far : e.near;
		to = side ? e.near : e.far;
		first = (struct flow){ from, to, 50000, 0, 0, 65536 };
		run_flows(&e, &first, 1);
		shutdown(from, SHUT_WR);
		turn_until(&e, at_end(to));
		assert_int_equal(e.ended, 0);
		second = (struct flow){ to, from, 300000, 0, 0, 65536 };
		run_flows(&e, &second, 1);
		shutdown(to, SHUT_WR);
		turn_until(&e, e.ended);
		assert_int_equal(e.how, RELAY_DONE);
		assert_true(at_end(from));
		finish(&e);
	}
}

/* The other side's bytes in hand are delivered too, new ones are not waited for. */
static void
what_is_in_hand_is_delivered_after_the_others_end(void **state)
{
	struct ends e = begin(false, 60000);
	struct flow down;
	static char sink[1 << 20];
	size_t got = 0;
	ssize_t n;

	start(&e);
	down = (struct flow){ e.far, e.near, 8 << 20, 0, 0, 65536 };
	/* Until the relay holds some that the client does not take. */
	for (int i = 0; i < 200; i++) {
		static char bytes[65536];

		n = send(e.far, bytes, sizeof(bytes), MSG_NOSIGNAL);
		down.sent += n > 0 ? (size_t)n : 0;
		loop_turn(e.loop, 0);
	}
	assert_true(e.client.bytes_out > 0 && e.upstream.bytes_in > e.client.bytes_out);
	shutdown(e.near, SHUT_WR);
	for (int i = 0; i < 20; i++)
		loop_turn(e.loop, 0);
	assert_int_equal(e.ended, 0);
	for (int i = 0; i < 1000 && !e.ended; i++) {
		while ((n = recv(e.near, sink, sizeof(sink), 0)) > 0)
			got += (size_t)n;
		loop_turn(e.loop, 0);
	}
	assert_int_equal(e.ended, 1);
	assert_int_equal(e.how, RELAY_DONE);
	while ((n = recv(e.near, sink, sizeof(sink), 0)) > 0)
		got += (size_t)n;
	assert_int_equal(got, e.upstream.bytes_in);
	finish(&e);
}

/* It takes nothing of what is spliced to it, answers and goes: the answer is found behind the failed write. */
static void
an_answer_is_delivered_though_the_question_is_refused(void **state)
{
	static char bytes[65536];
	struct ends e = begin(false, 60000);
	struct flow answer;

	signal(SIGPIPE, SIG_IGN); /* as workers do */
	start(&e);
	for (int i = 0; i < 100 || !e.relay.up.pipe; i++) {
		(void)send(e.near, bytes, sizeof(bytes), MSG_NOSIGNAL);
		loop_turn(e.loop, 0);
		assert_true(i < 1000);
	}
	answer = (struct flow){ e.far, e.near, 5000, 0, 0, 65536 };
	flow_step(&answer);
	assert_int_equal(answer.sent, answer.total);
	close(e.far);
	e.far = -1;
	turn_until(&e, e.ended);
	assert_int_equal(e.how, RELAY_FAILED);
	assert_ptr_equal(e.by, &e.upstream);
	flow_step(&answer);
	assert_int_equal(answer.got, answer.total);
	finish(&e);
}

static void
silence_has_an_end(void **state)
{
	struct ends e = begin(false, 50);

	start(&e);
	turn_until(&e, e.ended);
	assert_int_equal(e.how, RELAY_TIMEOUT);
	assert_null(e.by);
	finish(&e);
}

static void
a_rate_is_kept(void **state)
{
	struct ends e = begin(false, 60000);
	struct flow flow;

	e.relay.up.rate = 30000;
	start(&e);
	flow = (struct flow){ e.near, e.far, 100000, 0, 0, 65536 };
	for (int i = 0; i < 50; i++) {
		flow_step(&flow);
		loop_turn(e.loop, 0);
	}
	/* A share for each second that has begun. */
	assert_true(flow.got >= 30000);
	assert_true(flow.got <=
		    30000 * (1 + (size_t)(loop_now_ms(e.loop) - e.relay.started_ms) / 1000));
	assert_true(flow.got == flow.total || timer_active(&e.relay.rate));
	finish(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(little_and_much_both_ways),
		cmocka_unit_test(a_slow_reader_holds_up_the_writer),
		cmocka_unit_test(an_end_ends_both_once_all_is_delivered),
		cmocka_unit_test(a_half_closed_side_still_hears),
		cmocka_unit_test(what_is_in_hand_is_delivered_after_the_others_end),
		cmocka_unit_test(an_answer_is_delivered_though_the_question_is_refused),
		cmocka_unit_test(silence_has_an_end),
		cmocka_unit_test(a_rate_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
