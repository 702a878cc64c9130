/* SPDX-License-Identifier: ISC */
/*
 * fuzz_record_layer: what a TLS 1.3 client sends after its handshake, right or wrong, in any pieces, to a reader with any
 * room.
 *
 * The input is a list of steps: bytes as they are; a record of any type with any text, sealed with the client's keys; reads.
 * What is read are the texts of the data records in order, up to what breaks the protocol, and nothing else.
 */
#include "proxy/tls/record.h"
#include "proxy/tls/record_layer.h"

#include <openssl/err.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(fact) ((fact) ? (void)0 : abort())
#define TEXT_MAX 65536
#define USER_CANCELED 90

static const unsigned char secrets[2][RECORD_SECRET_MAX] = { "in", "out" };

struct play {
	struct conn conn;
	struct record_keys client;
	int fd;
	char expected[TEXT_MAX];
	size_t expected_n, got, update_n;
	bool broken; /* from here on nothing is expected */
};

static void
ignore(struct conn *c)
{
}

static void
start(struct play *p, struct loop *loop, struct bufpool *pool)
{
	static const struct conn_ops ops = {
		.on_readable = ignore, .on_writable = ignore, .on_error = ignore
	};
	const struct record_start begin = {
		.suite = record_suite_find(0x1301),
		.secret_in = secrets[0],
		.secret_out = secrets[1],
		.text_max = RECORD_TEXT_MAX,
	};
	int pair[2];

	memset(p, 0, sizeof(*p));
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	p->fd = pair[1];
	p->conn.on_free = ignore;
	MUST(conn_start(&p->conn, loop, pool, pair[0], false, &ops, p) == 0);
	MUST(record_layer_begin(&p->conn, &begin));
	MUST(record_keys_set(&p->client, begin.suite, begin.secret_in));
}

static void
read_some(struct play *p, size_t room)
{
	char bytes[40000];
	ssize_t n;

	p->conn.readable = 1;
	n = conn_read(&p->conn, bytes, room > sizeof(bytes) ? sizeof(bytes) : room);
	if (n <= 0)
		return;
	MUST(p->got + (size_t)n <= p->expected_n);
	MUST(memcmp(bytes, p->expected + p->got, (size_t)n) == 0);
	p->got += (size_t)n;
}

/* A full socket is read from first. */
static void
put(struct play *p, const void *bytes, size_t n)
{
	while (n > 0 && write(p->fd, bytes, n) < 0 && !p->conn.failed &&
	       !record_layer_has_ended(p->conn.records))
		read_some(p, 100);
}

/* A KeyUpdate, or a part of one. */
static void
update_keys(struct play *p, struct span text)
{
	static const char update[] = "\x18\0\0\1";

	p->broken |= text.n == 0;
	for (size_t i = 0; i < text.n && !p->broken; i++) {
		size_t at = p->update_n++;

		/* What follows its last byte in one record is too much. */
		p->broken = at < 4 ? text.p[i] != update[at] : i + 1 < text.n || text.p[i] & ~1;
		if (at == 4 && !p->broken) {
			MUST(record_keys_update(&p->client));
			p->update_n = 0;
		}
	}
}

static void
send_sealed(struct play *p, unsigned type, struct span text)
{
	char record[256 + RECORD_ADDED];

	MUST(record_seal(&p->client, (enum record_type)type, text, record));
	put(p, record, text.n + RECORD_ADDED);
	/* A zero pads: the type is what stands before them all. */
	while (type == 0 && text.n > 0)
		type = (unsigned char)text.p[--text.n];
	if (p->broken)
		return;
	if (type == RECORD_HANDSHAKE) {
		update_keys(p, text);
	} else if (p->update_n > 0) {
		p->broken = true;
	} else if (type == RECORD_DATA && p->expected_n + text.n <= TEXT_MAX) {
		if (text.n > 0)
			memcpy(p->expected + p->expected_n, text.p, text.n);
		p->expected_n += text.n;
	} else if (type != RECORD_ALERT || text.n != 2 || text.p[1] != USER_CANCELED) {
		p->broken = true;
	}
}

/* What came whole and right is read to its end, unless the reader was told that it is over. */
static void
read_rest(struct play *p)
{
	size_t before;

	do {
		before = p->got;
		read_some(p, 1 + p->got % 777);
	} while (p->got > before);
	MUST(p->broken || p->conn.failed || p->got == p->expected_n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *loop;
	static struct bufpool *pool;
	static struct play p;

	if (!loop) {
		loop = loop_new();
		pool = bufpool_new();
	}
	if (size > 4096)
		return 0;
	start(&p, loop, pool);
	while (size >= 2) {
		unsigned step = data[0] & 3, type = data[0] >> 2;
		size_t n = data[1] < size - 2 ? data[1] : size - 2;
		struct span bytes = span_of(data + 2, n);

		if (step == 0) {
			p.broken |= n > 0;
			put(&p, bytes.p, n);
		} else if (step == 3) {
			read_some(&p, 1 + n * n);
		} else {
			send_sealed(&p, step == 1 ? RECORD_DATA : type, bytes);
		}
		data += 2 + n;
		size -= 2 + n;
	}
	read_rest(&p);
	close(p.fd);
	conn_close(&p.conn);
	loop_turn(loop, 0);
	MUST(bufpool_borrowed(pool) == 0);
	MUST(ERR_peek_error() == 0);
	return 0;
}
