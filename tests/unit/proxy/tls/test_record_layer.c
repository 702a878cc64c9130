/* SPDX-License-Identifier: ISC */
/*
 * Tests of connections whose records are ours, over socket pairs that hold less than a record: an end against another such
 * end, and against a peer that sends exactly the records it is told to, right or wrong.
 */
#include "proxy/tls/record.h"
#include "proxy/tls/record_layer.h"
#include "tests/unit/proxy/net/conn_end.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#define SUITE 0x1301
#define DATA(literal) span_of(literal, sizeof(literal) - 1)

static const unsigned char to_end[RECORD_SECRET_MAX] =
    "what is sent to the end is under this secret....";
static const unsigned char from_end[RECORD_SECRET_MAX] =
    "what the end sends is under this other secret...";

static void
begin(struct end *e, int fd, bool mirrored, struct record_start start)
{
	small_buffers(fd);
	end_start(e, fd, false);
	start.suite = record_suite_find(SUITE);
	start.secret_in = mirrored ? from_end : to_end;
	start.secret_out = mirrored ? to_end : from_end;
	if (start.text_max == 0)
		start.text_max = RECORD_TEXT_MAX;
	assert_true(record_layer_begin(&e->conn, &start));
}

/* ---- an end and an end ------------------------------------------------------------------------------------ */

static void
two_ends(struct end *a, struct end *b, size_t text_max)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	begin(a, pair[0], false, (struct record_start){ .text_max = text_max });
	begin(b, pair[1], true, (struct record_start){ .text_max = text_max });
}

static void
both_stop(struct end *a, struct end *b)
{
	end_stop(a);
	end_stop(b);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
both_ways_at_once(void **state)
{
	static const size_t pieces[] = { 100, 5000, 16383, 16384, 16385, 50000, STREAM_AHEAD };
	static const size_t texts[] = { 0, 512, 4096 };

	for (size_t i = 0; i < COUNT(pieces) * COUNT(texts); i++) {
		struct end a, b;

		two_ends(&a, &b, texts[i / COUNT(pieces)]);
		a.to_send = 700001;
		b.to_send = 600007;
		a.piece = pieces[i % COUNT(pieces)];
		b.piece = pieces[COUNT(pieces) - 1 - i % COUNT(pieces)];
		end_pump(&a);
		end_pump(&b);
		turn_until(a.received == b.to_send && b.received == a.to_send);
		turns(1);
		assert_true(conn_out_empty(&a.conn) && conn_out_empty(&b.conn));
		assert_int_equal(a.conn.bytes_out, a.to_send);
		assert_int_equal(a.conn.bytes_in, b.to_send);
		assert_true(a.queue_peak <= CONN_OUT_MAX && b.queue_peak <= CONN_OUT_MAX);
		both_stop(&a, &b);
	}
}

static void
what_is_queued_while_nothing_goes_out(void **state)
{
	struct end a, b;
	size_t total = 0;

	two_ends(&a, &b, 0);
	b.reads = false;
	for (int i = 0; i < 50; i++) {
		size_t n = (size_t)(i * 397 % 9000) + 1;

		conn_queue(&a.conn, span_of(stream_at(total), n));
		total += n;
		turns(1);
	}
	assert_false(conn_out_empty(&a.conn));
	b.reads = true;
	end_readable(&b.conn);
	turn_until(b.received == total);
	assert_int_equal(a.errors, 0);
	both_stop(&a, &b);
}

static void
the_end_comes_behind_the_last_byte(void **state)
{
	struct end a, b;

	two_ends(&a, &b, 0);
	b.reads = false;
	a.to_send = 300000;
	a.shut_when_sent = true;
	end_pump(&a);
	turns(5);
	assert_false(a.conn.shut_done);
	b.reads = true;
	end_readable(&b.conn);
	turn_until(b.eof || b.error);
	assert_true(b.eof);
	assert_int_equal(b.received, 300000);
	/* The other way goes on. */
	b.to_send = 50000;
	end_pump(&b);
	turn_until(a.received == 50000);
	both_stop(&a, &b);
}

/* ---- an end and a peer -------------------------------------------------------------------------------------- */

struct peer {
	int fd;
	struct record_keys out, in;
	char bytes[RECORD_MAX], text[RECORD_MAX];
	size_t have;
};

static void
end_and_peer(struct end *e, struct peer *p, struct record_start start)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	begin(e, pair[0], false, start);
	memset(p, 0, sizeof(*p));
	p->fd = pair[1];
	assert_true(record_keys_set(&p->out, record_suite_find(SUITE), to_end));
	assert_true(record_keys_set(&p->in, record_suite_find(SUITE), from_end));
	p->in.sequence = start.records_out;
}

static void
peer_stop(struct end *e, struct peer *p)
{
	close(p->fd);
	end_stop(e);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
send_raw(struct peer *p, struct span bytes)
{
	assert_int_equal(write(p->fd, bytes.p, bytes.n), (ssize_t)bytes.n);
}

static void
send_record(struct peer *p, unsigned type, struct span text)
{
	char record[2048 + RECORD_ADDED];

	assert_true(text.n <= 2048 && record_seal(&p->out, (enum record_type)type, text, record));
	send_raw(p, span_of(record, text.n + RECORD_ADDED));
}

static void
send_data(struct peer *p, size_t at, size_t n)
{
	send_record(p, RECORD_DATA, span_of(stream_at(at), n));
}

/* The next record that the end has sent; the loop turns until it is there. */
static unsigned
next_record(struct peer *p, struct span *text)
{
	unsigned type = 0;

	for (int i = 0; i < 1000; i++) {
		struct span bytes = span_of(p->bytes, p->have);
		size_t n = record_size(bytes);
		ssize_t r;

		if (n > 0 && n <= p->have) {
			assert_int_equal(record_check(bytes), RECORD_OK);
			assert_int_equal(record_open(&p->in, span_of(p->bytes, n), p->text, text,
					     &type),
			    RECORD_OK);
			p->have -= n;
			memmove(p->bytes, p->bytes + n, p->have);
			return type;
		}
		loop_turn(loop, 0);
		r = recv(p->fd, p->bytes + p->have, sizeof(p->bytes) - p->have, MSG_DONTWAIT);
		if (r > 0)
			p->have += (size_t)r;
	}
	fail_msg("no record came");
	return 0;
}

static void
expect_alert(struct end *e, struct peer *p, int level, int description)
{
	struct span text;

	assert_int_equal(next_record(p, &text), RECORD_ALERT);
	assert_int_equal(text.n, 2);
	assert_int_equal(text.p[0], level);
	assert_int_equal(text.p[1], description);
	turn_until(e->freed);
}

/* In one write, and a byte at a time. */
static void
records_in_all_pieces(void **state)
{
	for (int slowly = 0; slowly < 2; slowly++) {
		char all[3 * (100 + RECORD_ADDED)];
		struct end e;
		struct peer p;

		end_and_peer(&e, &p, (struct record_start){ 0 });
		for (size_t i = 0; i < 3; i++)
			assert_true(record_seal(&p.out, RECORD_DATA,
			    span_of(stream_at(100 * i), 100), all + i * (100 + RECORD_ADDED)));
		for (size_t i = 0; slowly && i < sizeof(all); i++) {
			send_raw(&p, span_of(all + i, 1));
			turns(1);
			assert_int_equal(e.received, (i + 1) / (100 + RECORD_ADDED) * 100);
		}
		if (!slowly)
			send_raw(&p, span_of(all, sizeof(all)));
		turn_until(e.received == 300);
		/* An idle one holds nothing. */
		assert_null(e.conn.sealed_in);
		assert_null(e.conn.unread);
		peer_stop(&e, &p);
	}
}

static void
padded_and_empty_records(void **state)
{
	char padded[] = "\0\x17\0\0\0";
	struct end e;
	struct peer p;

	end_and_peer(&e, &p, (struct record_start){ 0 });
	padded[0] = *stream_at(0);
	send_record(&p, 0, span_of(padded, sizeof(padded)));
	turn_until(e.received == 1);
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < 32; i++)
			send_record(&p, RECORD_DATA, DATA(""));
		send_data(&p, e.received, 10);
		turn_until(e.received == 11 + 10 * (size_t)turn);
	}
	for (int i = 0; i < 33; i++)
		send_record(&p, RECORD_DATA, DATA(""));
	expect_alert(&e, &p, 2, SSL_AD_UNEXPECTED_MESSAGE);
	peer_stop(&e, &p);
}

static void
keys_change_when_the_peer_says_so(void **state)
{
	struct end e;
	struct peer p;
	struct span text;

	end_and_peer(&e, &p, (struct record_start){ 0 });
	for (int asks = 0; asks < 2; asks++) {
		send_record(&p, RECORD_HANDSHAKE,
		    asks ? DATA("\x18\0\0\1\1") : DATA("\x18\0\0\1\0"));
		assert_true(record_keys_update(&p.out));
		send_data(&p, e.received, 10);
		turn_until(e.received == 10 * (size_t)(asks + 1));
		/* The end's keys follow with the next thing it says, if they were asked for. */
		conn_queue(&e.conn, DATA("answer"));
		if (asks) {
			assert_int_equal(next_record(&p, &text), RECORD_HANDSHAKE);
			assert_true(span_eq(text, DATA("\x18\0\0\1\0")));
			assert_true(record_keys_update(&p.in));
		}
		assert_int_equal(next_record(&p, &text), RECORD_DATA);
		assert_span(text, "answer");
	}
	peer_stop(&e, &p);
}

/* RFC 8446, 5.1: a message may come in several records, and nothing else in between. */
static void
a_key_update_in_pieces(void **state)
{
	static const char update[] = "\x18\0\0\1\0";
	struct end e;
	struct peer p;

	end_and_peer(&e, &p, (struct record_start){ 0 });
	for (int i = 0; i < 5; i++)
		send_record(&p, RECORD_HANDSHAKE, span_of(&update[i], 1));
	assert_true(record_keys_update(&p.out));
	send_data(&p, 0, 10);
	turn_until(e.received == 10);
	send_record(&p, RECORD_HANDSHAKE, DATA("\x18\0\0\1"));
	send_data(&p, 10, 10);
	expect_alert(&e, &p, 2, SSL_AD_UNEXPECTED_MESSAGE);
	assert_int_equal(e.received, 10);
	peer_stop(&e, &p);
}

static void
key_updates_without_data(void **state)
{
	struct end e;
	struct peer p;

	end_and_peer(&e, &p, (struct record_start){ 0 });
	for (int i = 0; i < 33; i++) {
		send_record(&p, RECORD_HANDSHAKE, DATA("\x18\0\0\1\1"));
		assert_true(record_keys_update(&p.out));
	}
	expect_alert(&e, &p, 2, SSL_AD_UNEXPECTED_MESSAGE);
	peer_stop(&e, &p);
}

/* What is kept counts as written; that the peer takes of it all the same is to be seen, or it would pass for gone. */
static void
a_peer_that_takes_little_of_what_is_kept(void **state)
{
	struct end e;
	struct peer p;
	uint64_t written, sent;

	end_and_peer(&e, &p, (struct record_start){ 0 });
	while (conn_out_empty(&e.conn)) {
		conn_queue(&e.conn, span_of(stream_at(0), 3000));
		turns(1);
	}
	written = e.conn.bytes_out;
	assert_int_equal(written % 3000, 0);
	sent = conn_sent(&e.conn);
	turns(3);
	assert_int_equal(conn_sent(&e.conn), sent);
	for (size_t n = 0; n < written && conn_sent(&e.conn) == sent; n += 100) {
		assert_true(recv(p.fd, p.text, 100, 0) > 0);
		turns(1);
	}
	assert_true(conn_sent(&e.conn) > sent);
	assert_int_equal(e.conn.bytes_out, written);
	peer_stop(&e, &p);
}

/* RFC 8446, 5.5: no key seals more than it may. */
static void
a_worn_key_is_replaced(void **state)
{
	struct record_start start = { .records_out = (UINT64_C(1) << 24) - 1 };
	struct end e;
	struct peer p;
	struct span text;

	end_and_peer(&e, &p, start);
	conn_queue(&e.conn, DATA("last"));
	assert_int_equal(next_record(&p, &text), RECORD_DATA);
	assert_span(text, "last");
	conn_queue(&e.conn, DATA("first"));
	assert_int_equal(next_record(&p, &text), RECORD_HANDSHAKE);
	assert_true(record_keys_update(&p.in));
	assert_int_equal(next_record(&p, &text), RECORD_DATA);
	assert_span(text, "first");
	peer_stop(&e, &p);
}

static void
the_peer_says_goodbye(void **state)
{
	struct end e;
	struct peer p;
	struct span text;

	end_and_peer(&e, &p, (struct record_start){ 0 });
	send_record(&p, RECORD_ALERT, DATA("\1\x5a")); /* user_canceled */
	send_data(&p, 0, 10);
	send_record(&p, RECORD_ALERT, DATA("\1\0"));
	send_data(&p, 10, 10); /* RFC 8446, 6.1: ignored */
	turn_until(e.eof);
	assert_int_equal(e.received, 10);
	conn_queue(&e.conn, DATA("last words"));
	conn_shutdown_write(&e.conn);
	assert_int_equal(next_record(&p, &text), RECORD_DATA);
	assert_span(text, "last words");
	assert_int_equal(next_record(&p, &text), RECORD_ALERT);
	assert_true(span_eq(text, DATA("\1\0")));
	turn_until(e.conn.shut_done);
	assert_int_equal(recv(p.fd, p.text, 1, 0), 0);
	peer_stop(&e, &p);
}

/* As many peers do. */
static void
the_peer_leaves_without_a_word(void **state)
{
	struct end e;
	struct peer p;

	end_and_peer(&e, &p, (struct record_start){ 0 });
	send_data(&p, 0, 10);
	send_raw(&p, DATA("\x17\3"));
	shutdown(p.fd, SHUT_WR);
	turn_until(e.eof);
	assert_int_equal(e.received, 10);
	assert_int_equal(e.errors, 0);
	peer_stop(&e, &p);
}

static void
an_alert_of_the_peers_is_told(void **state)
{
	struct end e;
	struct peer p;

	end_and_peer(&e, &p, (struct record_start){ 0 });
	send_data(&p, 0, 10);
	send_record(&p, RECORD_ALERT, DATA("\2\x30"));
	turn_until(e.freed);
	assert_int_equal(e.errors, 1);
	assert_int_equal(e.received, 10);
	/* Nothing is said to one that has said this. */
	assert_int_equal(recv(p.fd, p.text, 1, 0), 0);
	peer_stop(&e, &p);
}

/* What breaks the protocol is answered with the alert for it, and what came before it counts. */
static const struct {
	const char *what;
	unsigned type; /* 0: text is sent as it is */
	struct span text;
	int alert;
} broken[] = {
	{ "an alert in the clear", 0, SPAN_INIT("\x15\3\3\0\2\2\x28"), SSL_AD_UNEXPECTED_MESSAGE },
	{ "ChangeCipherSpec", 0, SPAN_INIT("\x14\3\3\0\1\1"), SSL_AD_UNEXPECTED_MESSAGE },
	{ "a handshake in the clear", 0, SPAN_INIT("\x16\3\3\0\4\1\0\0\0"),
	    SSL_AD_UNEXPECTED_MESSAGE },
	{ "HTTP", 0, SPAN_INIT("GET / HTTP/1.1\r\n\r\n"), SSL_AD_UNEXPECTED_MESSAGE },
	{ "a head that is too much", 0, SPAN_INIT("\x17\3\3\x41\1"), SSL_AD_RECORD_OVERFLOW },
	{ "no room for a tag", 0, SPAN_INIT("\x17\3\3\0\x10................"),
	    SSL_AD_BAD_RECORD_MAC },
	{ "rubbish", 0, SPAN_INIT("\x17\3\3\0\x14...................."), SSL_AD_BAD_RECORD_MAC },
	{ "nothing but zeros", 255, SPAN_INIT("\0\0\0"), SSL_AD_UNEXPECTED_MESSAGE },
	{ "ChangeCipherSpec, sealed", RECORD_CHANGE_CIPHER_SPEC, SPAN_INIT("\1"),
	    SSL_AD_UNEXPECTED_MESSAGE },
	{ "an unknown type", 99, SPAN_INIT("x"), SSL_AD_UNEXPECTED_MESSAGE },
	{ "ClientHello", RECORD_HANDSHAKE, SPAN_INIT("\1\0\0\1\0"), SSL_AD_UNEXPECTED_MESSAGE },
	{ "an empty handshake", RECORD_HANDSHAKE, SPAN_INIT(""), SSL_AD_UNEXPECTED_MESSAGE },
	{ "nearly a KeyUpdate", RECORD_HANDSHAKE, SPAN_INIT("\x18\0\0\2"),
	    SSL_AD_UNEXPECTED_MESSAGE },
	{ "KeyUpdate and more", RECORD_HANDSHAKE, SPAN_INIT("\x18\0\0\1\0\x18"),
	    SSL_AD_UNEXPECTED_MESSAGE },
	{ "a long KeyUpdate", RECORD_HANDSHAKE, SPAN_INIT("\x18\0\0\2\0\0"),
	    SSL_AD_UNEXPECTED_MESSAGE },
	{ "a KeyUpdate of no kind", RECORD_HANDSHAKE, SPAN_INIT("\x18\0\0\1\2"),
	    SSL_AD_ILLEGAL_PARAMETER },
	{ "an empty alert", RECORD_ALERT, SPAN_INIT(""), SSL_AD_DECODE_ERROR },
	{ "half an alert", RECORD_ALERT, SPAN_INIT("\1"), SSL_AD_DECODE_ERROR },
	{ "two alerts", RECORD_ALERT, SPAN_INIT("\1\0\1\0"), SSL_AD_DECODE_ERROR },
};

static void
what_breaks_the_protocol(void **state)
{
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct end e;
		struct peer p;

		print_message("%s\n", broken[i].what);
		end_and_peer(&e, &p, (struct record_start){ 0 });
		send_data(&p, 0, 10);
		if (broken[i].type == 0)
			send_raw(&p, broken[i].text);
		else
			send_record(&p, broken[i].type == 255 ? 0 : broken[i].type, broken[i].text);
		expect_alert(&e, &p, 2, broken[i].alert);
		assert_int_equal(e.received, 10);
		assert_int_equal(e.errors, 1);
		peer_stop(&e, &p);
	}
}

/* However it is cut into reads, more than the reader has room for is kept for it. */
static void
readers_with_little_room(void **state)
{
	char bytes[7], text[60];
	struct end e;
	struct peer p;
	size_t got = 0;

	end_and_peer(&e, &p, (struct record_start){ 0 });
	e.reads = false;
	memcpy(text, stream_at(0), sizeof(text));
	for (size_t i = 0; i < 3; i++)
		send_record(&p, RECORD_DATA, span_of(text + 20 * i, 20));
	send_record(&p, RECORD_ALERT, DATA("\1\0"));
	turn_until(conn_may_read(&e.conn));
	while (got < 60) {
		ssize_t n;

		assert_true(conn_may_read(&e.conn));
		n = conn_read(&e.conn, bytes, sizeof(bytes));
		assert_true(n > 0);
		assert_memory_equal(bytes, text + got, (size_t)n);
		got += (size_t)n;
	}
	assert_true(conn_may_read(&e.conn));
	assert_int_equal(conn_read(&e.conn, bytes, sizeof(bytes)), CONN_EOF);
	peer_stop(&e, &p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_ways_at_once),
		TEST(what_is_queued_while_nothing_goes_out),
		TEST(the_end_comes_behind_the_last_byte),
		TEST(records_in_all_pieces),
		TEST(padded_and_empty_records),
		TEST(keys_change_when_the_peer_says_so),
		TEST(a_key_update_in_pieces),
		TEST(key_updates_without_data),
		TEST(a_worn_key_is_replaced),
		TEST(a_peer_that_takes_little_of_what_is_kept),
		TEST(the_peer_says_goodbye),
		TEST(the_peer_leaves_without_a_word),
		TEST(an_alert_of_the_peers_is_told),
		TEST(what_breaks_the_protocol),
		TEST(readers_with_little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
