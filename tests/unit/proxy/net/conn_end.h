/* SPDX-License-Identifier: ISC */
/*
 * conn_end: a struct conn under test with an owner that writes down all that happens to it.
 *
 * What an end is to send comes out of a generator, what it receives is compared with the other's as it arrives: byte
 * i of every stream is stream_byte(i).
 */
#ifndef TESTS_UNIT_PROXY_NET_CONN_END_H
#define TESTS_UNIT_PROXY_NET_CONN_END_H

#include "proxy/net/conn.h"
#include "tests/unit/libcert/made.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

struct end {
	struct conn conn;
	size_t to_send, sent, received, piece; /* piece: bytes offered at a time */
	bool reads, shut_when_sent, eof, error, freed;
	bool close_on_read, close_on_write, close_on_error;
	int writables, errors, handshakes;
	size_t queue_peak;
};

static struct loop *loop;
static struct bufpool *pool;

/* The stream repeats after so many bytes, a prime; up to STREAM_AHEAD of it can be had in one piece. */
#define STREAM_PERIOD 65521
#define STREAM_AHEAD (1 << 20)

static inline const char *
stream_at(size_t position)
{
	static char stream[STREAM_PERIOD + STREAM_AHEAD];
	static bool made;
	uint32_t x = 1;

	for (size_t i = 0; !made && i < sizeof(stream); i++) {
		x = x * 1664525U + 1013904223U;
		stream[i] = i < STREAM_PERIOD ? (char)(x >> 24) : stream[i - STREAM_PERIOD];
	}
	made = true;
	return stream + position % STREAM_PERIOD;
}

static inline void
end_pump(struct end *e)
{
	while (!e->conn.closed && e->sent < e->to_send) {
		size_t n = e->to_send - e->sent, taken;

		if (n > e->piece)
			n = e->piece;
		taken = conn_write(&e->conn, span_of(stream_at(e->sent), n));
		e->sent += taken;
		if (e->conn.out_bytes > e->queue_peak)
			e->queue_peak = e->conn.out_bytes;
		if (taken < n)
			return;
	}
	if (e->shut_when_sent)
		conn_shutdown_write(&e->conn);
}

static inline void
end_readable(struct conn *c)
{
	struct end *e = c->owner;
	static char bytes[20000];
	ssize_t n;

	assert_false(c->closed);
	if (e->close_on_read) {
		conn_close(c);
		return;
	}
	while (e->reads &&
	       (n = conn_read(c, bytes, 1 + e->received % sizeof(bytes))) != CONN_AGAIN) {
		if (n == CONN_EOF)
			e->eof = true;
		if (n <= 0)
			return;
		assert_memory_equal(bytes, stream_at(e->received), (size_t)n);
		e->received += (size_t)n;
	}
}

static inline void
end_writable(struct conn *c)
{
	struct end *e = c->owner;

	assert_false(c->closed);
	e->writables++;
	if (e->close_on_write)
		conn_close(c);
	else
		end_pump(e);
}

static inline void
end_error(struct conn *c)
{
	struct end *e = c->owner;

	assert_false(c->closed);
	assert_non_null(c->reason);
	e->errors++;
	e->error = true;
	conn_close(c);
}

static inline void
end_handshake(struct conn *c)
{
	struct end *e = c->owner;

	e->handshakes++;
	end_pump(e);
}

static inline void
end_free(struct conn *c)
{
	struct end *e = c->owner;

	assert_false(e->freed);
	e->freed = true;
	/* Whoever touches it from now on sees rubbish; under ASan the loop would be caught at it too. */
	memset(&e->conn, 0xee, sizeof(e->conn));
	e->conn.closed = 1;
}

static const struct conn_ops end_ops = {
	.on_readable = end_readable,
	.on_writable = end_writable,
	.on_error = end_error,
	.on_handshake = end_handshake,
};

static inline void
end_start(struct end *e, int fd, bool connecting)
{
	*e = (struct end){ .reads = true, .piece = STREAM_AHEAD };
	e->conn.on_free = end_free;
	assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	assert_int_equal(conn_start(&e->conn, loop, pool, fd, connecting, &end_ops, e), 0);
}

static inline void
end_stop(struct end *e)
{
	if (!e->freed)
		conn_close(&e->conn);
	loop_turn(loop, 0);
	assert_true(e->freed);
}

static inline void
small_buffers(int fd)
{
	int size = 4096;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* Turn until the condition holds; a turn waits for events, so this does not spin. */
#define turn_until(condition)                           \
	do {                                            \
		int turns_ = 0;                         \
		while (!(condition)) {                  \
			assert_true(turns_++ < 100000); \
			loop_turn(loop, 1000);          \
		}                                       \
	} while (0)

static inline void
turns(int n)
{
	while (n-- > 0)
		loop_turn(loop, 0);
}

static inline int
loop_setup(void **state)
{
	loop = loop_new();
	pool = bufpool_new();
	return loop ? 0 : -1;
}

static inline int
loop_teardown(void **state)
{
	assert_int_equal(bufpool_borrowed(pool), 0);
	bufpool_free(pool);
	loop_free(loop);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)

#endif
