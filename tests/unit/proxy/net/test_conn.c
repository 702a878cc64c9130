/* SPDX-License-Identifier: ISC */
/* Tests of plain connections over socket pairs and loopback: back-pressure, ends of all kinds, closing anywhere. */
#include "tests/unit/proxy/net/conn_end.h"

#include <netinet/in.h>
#include <poll.h>

/* One end under test, the other a bare descriptor. */
static void
end_and_peer(struct end *e, int *peer)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	small_buffers(pair[0]);
	small_buffers(pair[1]);
	end_start(e, pair[0], false);
	*peer = pair[1];
}

static size_t
drain_peer(int fd, size_t already, size_t max)
{
	char bytes[8192];
	size_t got = 0;

	while (got < max) {
		ssize_t n = recv(fd, bytes, max - got < sizeof(bytes) ? max - got : sizeof(bytes),
		    MSG_DONTWAIT);

		if (n <= 0)
			break;
		assert_memory_equal(bytes, stream_at(already + got), (size_t)n);
		got += (size_t)n;
	}
	return got;
}

static bool
peer_sees_end(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void
test_bytes_then_end(void **state)
{
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	turns(1);
	assert_int_equal(e.received, 0);
	assert_int_equal(write(peer, stream_at(0), 3000), 3000);
	turn_until(e.received == 3000);
	assert_false(conn_may_read(&e.conn));
	close(peer);
	turn_until(e.eof);
	assert_int_equal(e.errors, 0);
	assert_true(e.conn.peer_closed);
	end_stop(&e);
}

/* Nobody wants them when they come: they are not forgotten. */
static void
test_readiness_is_remembered(void **state)
{
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	e.reads = false;
	assert_int_equal(write(peer, stream_at(0), 100), 100);
	turns(3);
	assert_int_equal(e.received, 0);
	assert_true(conn_may_read(&e.conn));
	e.reads = true;
	end_readable(&e.conn);
	assert_int_equal(e.received, 100);
	close(peer);
	end_stop(&e);
}

/* The last bytes and the end in one event: the short read in between must not lose the end. */
static void
test_end_right_behind_bytes(void **state)
{
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	assert_int_equal(write(peer, stream_at(0), 10), 10);
	close(peer);
	turns(1);
	assert_int_equal(e.received, 10);
	assert_true(e.eof);
	end_stop(&e);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void
test_queued_bytes_leave_together_at_the_end_of_the_turn(void **state)
{
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	turns(1);
	for (int i = 0; i < 3; i++)
		conn_queue(&e.conn, span_of(stream_at((size_t)i * 100), 100));
	assert_int_equal(drain_peer(peer, 0, 1000), 0);
	assert_false(conn_out_empty(&e.conn));
	turns(1);
	assert_true(conn_out_empty(&e.conn));
	assert_int_equal(drain_peer(peer, 0, 1000), 300);
	assert_int_equal(e.writables, 0);
	assert_int_equal(bufpool_borrowed(pool), 0);
	close(peer);
	end_stop(&e);
}

static void
test_reserved_room_may_be_larger_than_any_chunk(void **state)
{
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	turns(1);
	conn_queue(&e.conn, span_of(stream_at(0), 10));
	memcpy(conn_queue_reserve(&e.conn, 30000), stream_at(10), 20000);
	conn_queue_commit(&e.conn, 20000);
	conn_queue(&e.conn, span_of(stream_at(20010), 5000));
	for (size_t got = 0; got < 25010; turns(1))
		got += drain_peer(peer, got, 25010);
	assert_true(conn_out_empty(&e.conn));
	close(peer);
	end_stop(&e);
}

static void
test_a_slow_reader_holds_the_writer_back(void **state)
{
	static const size_t pieces[] = { 1, 100, 4096, 16383, 16384, 16385, 40000, STREAM_AHEAD };

	for (size_t i = 0; i < COUNT(pieces); i++) {
		size_t got = 0;
		struct end e;
		int peer;

		end_and_peer(&e, &peer);
		e.piece = pieces[i];
		e.to_send = pieces[i] == 1 ? 100000 : 1000000;
		turns(1);
		end_pump(&e);
		turns(5);
		assert_true(e.sent < e.to_send);
		assert_true(e.conn.want_drain);
		assert_in_range(e.conn.out_bytes, 0, CONN_OUT_MAX);
		while (got < e.to_send) {
			got += drain_peer(peer, got, 3000);
			turns(1);
		}
		assert_int_equal(e.sent, e.to_send);
		assert_int_equal(e.conn.bytes_out, e.to_send);
		assert_true(conn_out_empty(&e.conn));
		assert_true(e.queue_peak <= CONN_OUT_MAX);
		assert_int_equal(drain_peer(peer, got, 10), 0);
		close(peer);
		end_stop(&e);
	}
}

static void
test_drain_is_told_once_though_nothing_was_refused(void **state)
{
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	conn_queue(&e.conn, SPAN("x"));
	conn_want_drain(&e.conn);
	conn_want_drain(&e.conn);
	assert_int_equal(e.writables, 0);
	turns(3);
	assert_int_equal(e.writables, 1);
	conn_want_drain(&e.conn);
	turns(1);
	assert_int_equal(e.writables, 2);
	close(peer);
	end_stop(&e);
}

static void
test_the_end_comes_behind_all_that_was_queued(void **state)
{
	size_t got = 0;
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	e.to_send = 200000;
	e.shut_when_sent = true;
	end_pump(&e);
	while (got < e.to_send) {
		assert_true(conn_out_empty(&e.conn) || !e.conn.shut_done);
		got += drain_peer(peer, got, 5000);
		turns(1);
	}
	turn_until(peer_sees_end(peer));
	/* The other direction is open still. */
	assert_int_equal(write(peer, stream_at(0), 5), 5);
	turn_until(e.received == 5);
	close(peer);
	end_stop(&e);
}

/* ---- the peer goes away ------------------------------------------------------------------------------ */

static void
test_a_write_to_nobody_is_an_error(void **state)
{
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	e.reads = false;
	turns(1);
	close(peer);
	conn_queue(&e.conn, SPAN("x"));
	turns(2);
	assert_int_equal(e.errors, 1);
	assert_true(e.freed);
}

/* An upstream that answers and hangs up before it has read the whole request. */
static void
test_what_the_peer_said_before_it_hung_up_still_counts(void **state)
{
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	e.conn.read_after_write_error = 1;
	e.reads = false;
	e.to_send = 500000;
	turns(1);
	end_pump(&e);
	turns(2);
	assert_int_equal(write(peer, stream_at(0), 1000), 1000);
	close(peer);
	e.reads = true;
	turn_until(e.eof || e.error);
	assert_int_equal(e.received, 1000);
	assert_true(e.conn.write_failed || e.error);
	assert_true(conn_write(&e.conn, SPAN("dropped")) == 7);
	end_stop(&e);
}

static int
tcp_listener(struct sockaddr_in *where)
{
	socklen_t len = sizeof(*where);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*where = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)where, sizeof(*where)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)where, &len), 0);
	return fd;
}

static int
tcp_connect(const struct sockaddr_in *where)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(connect(fd, (const struct sockaddr *)where, sizeof(*where)) == 0 ||
		    errno == EINPROGRESS);
	return fd;
}

static void
test_connect_is_told_by_on_writable(void **state)
{
	struct sockaddr_in where;
	int listener = tcp_listener(&where), peer;
	struct end e;

	end_start(&e, tcp_connect(&where), true);
	assert_int_equal(conn_read(&e.conn, &peer, 1), CONN_AGAIN);
	turn_until(e.writables == 1);
	assert_false(e.conn.connecting);
	peer = accept(listener, NULL, NULL);
	conn_queue(&e.conn, span_of(stream_at(0), 10));
	turns(1);
	assert_int_equal(e.writables, 1);
	assert_int_equal(drain_peer(peer, 0, 100), 10);
	close(peer);
	close(listener);
	end_stop(&e);
}

static void
test_a_refused_connect_is_an_error_with_its_number(void **state)
{
	struct sockaddr_in where;
	struct end e;

	close(tcp_listener(&where));
	end_start(&e, tcp_connect(&where), true);
	e.conn.on_free = end_free;
	turn_until(e.error);
	assert_int_equal(e.errors, 1);
	assert_int_equal(e.writables, 0);
	turns(1);
	assert_true(e.freed);
}

/* A reset is seen though nobody reads: waiting for a blocked backend, say. */
static void
test_a_reset_is_noticed_by_who_does_not_read(void **state)
{
	struct linger reset = { .l_onoff = 1 };
	struct sockaddr_in where;
	int listener = tcp_listener(&where), peer;
	struct end e;

	end_start(&e, tcp_connect(&where), true);
	turn_until(e.writables == 1);
	peer = accept(listener, NULL, NULL);
	e.reads = false;
	assert_int_equal(write(peer, stream_at(0), 100), 100);
	turn_until(conn_may_read(&e.conn));
	assert_false(e.conn.hung_up);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(peer);
	turn_until(e.conn.hung_up);
	assert_true(e.conn.peer_closed);
	e.reads = true;
	end_readable(&e.conn);
	assert_int_equal(e.errors, 0);
	turns(1);
	assert_int_equal(e.errors, 1);
	close(listener);
	end_stop(&e);
}

/* Half-closed is not hung up. */
static void
test_a_half_closed_peer_still_reads(void **state)
{
	struct sockaddr_in where;
	int listener = tcp_listener(&where), peer;
	struct end e;

	end_start(&e, tcp_connect(&where), true);
	turn_until(e.writables == 1);
	peer = accept(listener, NULL, NULL);
	shutdown(peer, SHUT_WR);
	turn_until(e.eof);
	assert_true(e.conn.peer_closed);
	assert_false(e.conn.hung_up);
	conn_queue(&e.conn, span_of(stream_at(0), 10));
	turns(1);
	assert_int_equal(drain_peer(peer, 0, 100), 10);
	close(peer);
	close(listener);
	end_stop(&e);
}

/* ---- closing -------------------------------------------------------------------------------------------- */

static void
test_closing_in_any_callback(void **state)
{
	for (int where = 0; where < 2; where++) {
		struct end e;
		int peer;

		end_and_peer(&e, &peer);
		e.close_on_read = where == 0;
		e.close_on_write = where == 1;
		conn_queue(&e.conn, SPAN("x"));
		conn_want_drain(&e.conn);
		assert_int_equal(write(peer, stream_at(0), 1), 1);
		turns(1);
		assert_true(e.freed);
		turns(2);
		assert_int_equal(e.writables, where);
		assert_int_equal(e.errors, 0);
		close(peer);
	}
}

static void
test_memory_stays_until_the_end_of_the_turn(void **state)
{
	struct end e;
	int peer;

	end_and_peer(&e, &peer);
	conn_queue(&e.conn, SPAN("never sent"));
	conn_close(&e.conn);
	conn_close(&e.conn);
	assert_false(e.freed);
	assert_int_equal(bufpool_borrowed(pool), 0);
	assert_true(peer_sees_end(peer));
	turns(1);
	assert_true(e.freed);
	close(peer);
}

/* An owner that has not noticed yet does no harm: nothing is kept, nothing runs on freed memory. */
static void
test_output_behind_a_close_goes_nowhere(void **state)
{
	struct end e;
	char byte;
	int peer;

	end_and_peer(&e, &peer);
	conn_close(&e.conn);
	conn_queue(&e.conn, SPAN("late"));
	assert_int_equal(conn_write(&e.conn, SPAN("later")), 5);
	conn_want_drain(&e.conn);
	conn_shutdown_write(&e.conn);
	assert_int_equal(conn_read(&e.conn, &byte, 1), CONN_ERROR);
	assert_int_equal(bufpool_borrowed(pool), 0);
	turns(3);
	assert_true(e.freed);
	assert_int_equal(e.writables + e.errors, 0);
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bytes_then_end),
		TEST(test_readiness_is_remembered),
		TEST(test_end_right_behind_bytes),
		TEST(test_queued_bytes_leave_together_at_the_end_of_the_turn),
		TEST(test_reserved_room_may_be_larger_than_any_chunk),
		TEST(test_a_slow_reader_holds_the_writer_back),
		TEST(test_drain_is_told_once_though_nothing_was_refused),
		TEST(test_the_end_comes_behind_all_that_was_queued),
		TEST(test_a_write_to_nobody_is_an_error),
		TEST(test_what_the_peer_said_before_it_hung_up_still_counts),
		TEST(test_connect_is_told_by_on_writable),
		TEST(test_a_refused_connect_is_an_error_with_its_number),
		TEST(test_a_reset_is_noticed_by_who_does_not_read),
		TEST(test_a_half_closed_peer_still_reads),
		TEST(test_closing_in_any_callback),
		TEST(test_memory_stays_until_the_end_of_the_turn),
		TEST(test_output_behind_a_close_goes_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
