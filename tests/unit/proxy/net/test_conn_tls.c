/* SPDX-License-Identifier: ISC */
/* Tests of connections with TLS over a socket pair whose buffers hold less than a record. */
#include "proxy/tls/tls_io.h"
#include "tests/unit/proxy/net/conn_end.h"

#include <openssl/err.h>

static SSL_CTX *server_ctx, *client_ctx;

static int
make_contexts(void **state)
{
	EVP_PKEY *key = made_key("ec:P-256");
	X509 *cert = made_cert(key, "unit.example", (struct made_options){ 0 });
	SSL_CTX **both[] = { &server_ctx, &client_ctx };

	for (size_t i = 0; i < COUNT(both); i++) {
		*both[i] = SSL_CTX_new(TLS_method());
		/* As tls_settings has it. */
		SSL_CTX_set_mode(*both[i], SSL_MODE_ENABLE_PARTIAL_WRITE |
					       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					       SSL_MODE_RELEASE_BUFFERS);
		SSL_CTX_set_read_ahead(*both[i], 1);
		SSL_CTX_set_session_cache_mode(*both[i], SSL_SESS_CACHE_OFF);
	}
	assert_int_equal(SSL_CTX_use_certificate(server_ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server_ctx, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return 0;
}

static int
free_contexts(void **state)
{
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	return 0;
}

static void
end_start_tls(struct end *e, int fd, bool server)
{
	SSL *ssl = SSL_new(server ? server_ctx : client_ctx);

	small_buffers(fd);
	end_start(e, fd, false);
	if (server) {
		SSL_set_accept_state(ssl);
		conn_set_tls_take(&e->conn, ssl);
	} else {
		SSL_set_connect_state(ssl);
		conn_begin_tls_take(&e->conn, ssl);
	}
}

static void
pair_start(struct end *server, struct end *client)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	end_start_tls(server, pair[0], true);
	end_start_tls(client, pair[1], false);
}

static void
pair_shake_hands(struct end *server, struct end *client)
{
	pair_start(server, client);
	turn_until(server->handshakes && client->handshakes);
	assert_int_equal(server->handshakes, 1);
	assert_false(server->conn.handshaking || client->conn.handshaking);
}

static void
pair_stop(struct end *server, struct end *client)
{
	end_stop(server);
	end_stop(client);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
test_both_ways_at_once(void **state)
{
	static const size_t pieces[] = { 100, 5000, 16383, 16384, 16385, 50000, STREAM_AHEAD };

	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct end server, client;

		pair_start(&server, &client);
		server.to_send = 700001;
		client.to_send = 600007;
		server.piece = pieces[i];
		client.piece = pieces[COUNT(pieces) - 1 - i];
		turn_until(server.received == client.to_send && client.received == server.to_send);
		turns(1);
		assert_true(conn_out_empty(&server.conn) && conn_out_empty(&client.conn));
		assert_int_equal(server.conn.bytes_out, server.to_send);
		assert_int_equal(server.conn.bytes_in, client.to_send);
		assert_true(server.queue_peak <= CONN_OUT_MAX && client.queue_peak <= CONN_OUT_MAX);
		pair_stop(&server, &client);
	}
}

/* What a refused write has turned into a record is offered again unchanged, whatever was queued behind it meanwhile. */
static void
test_a_blocked_record_survives_what_is_queued_behind_it(void **state)
{
	struct end server, client;
	size_t total = 0;

	pair_shake_hands(&server, &client);
	client.reads = false;
	for (int i = 0; i < 50; i++) {
		size_t n = (size_t)(i * 397 % 9000) + 1;

		conn_queue(&server.conn, span_of(stream_at(total), n));
		total += n;
		turns(1);
	}
	assert_false(conn_out_empty(&server.conn));
	client.reads = true;
	end_readable(&client.conn);
	turn_until(client.received == total);
	assert_int_equal(server.errors, 0);
	pair_stop(&server, &client);
}

static void
test_the_end_is_announced_behind_the_last_byte(void **state)
{
	struct end server, client;

	pair_shake_hands(&server, &client);
	client.reads = false;
	server.to_send = 300000;
	server.shut_when_sent = true;
	end_pump(&server);
	turns(5);
	assert_false(server.conn.shut_done);
	client.reads = true;
	end_readable(&client.conn);
	turn_until(client.eof || client.error);
	assert_true(client.eof);
	assert_int_equal(client.received, 300000);
	/* The client may go on: what it sends now is still read. */
	client.to_send = 50000;
	end_pump(&client);
	turn_until(server.received == 50000);
	pair_stop(&server, &client);
}

/* However often it is tried while the socket takes nothing, the announcement is not given up. */
static void
test_a_blocked_announcement_is_not_given_up(void **state)
{
	struct end server, client;

	pair_shake_hands(&server, &client);
	client.reads = false;
	while (send(server.conn.watch.fd, stream_at(0), 100, MSG_DONTWAIT) > 0)
		;
	conn_shutdown_write(&server.conn);
	for (int i = 0; i < 4; i++) {
		conn_want_drain(&server.conn);
		turns(1);
		assert_false(server.conn.shut_done);
		assert_int_equal(server.writables, 0);
	}
	pair_stop(&server, &client);
}

static void
test_a_stream_without_its_announced_end_is_an_error(void **state)
{
	struct end server, client;

	pair_shake_hands(&server, &client);
	server.to_send = 1000;
	end_pump(&server);
	turn_until(client.received == 1000);
	conn_close(&server.conn);
	turn_until(client.error || client.eof);
	assert_true(client.error);
	pair_stop(&server, &client);
}

static void
test_rubbish_instead_of_a_handshake(void **state)
{
	struct end server;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	end_start_tls(&server, pair[0], true);
	assert_true(write(pair[1], "GET / HTTP/1.1\r\n\r\n", 18) == 18);
	turn_until(server.error);
	assert_int_equal(server.errors, 1);
	assert_int_equal(server.handshakes, 0);
	close(pair[1]);
	end_stop(&server);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
test_gone_in_the_handshake(void **state)
{
	struct end server;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	end_start_tls(&server, pair[0], true);
	turns(1);
	assert_true(write(pair[1], "\x16\x03\x01", 3) == 3);
	turns(1);
	assert_int_equal(server.errors, 0);
	close(pair[1]);
	turn_until(server.error);
	end_stop(&server);
}

/* RFC 8446, 4.6.3: the answer to a key update has to be written though we only read, and cannot be just now. */
static void
test_a_key_update_while_writing_is_blocked(void **state)
{
	struct end server, client;

	pair_shake_hands(&server, &client);
	if (SSL_version(server.conn.ssl) != TLS1_3_VERSION)
		fail_msg("not TLS 1.3");
	client.reads = false;
	server.to_send = 400000;
	end_pump(&server);
	turns(5);
	assert_false(server.conn.writable);
	assert_int_equal(SSL_key_update(client.conn.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	client.to_send = 100000;
	end_pump(&client);
	turns(10);
	assert_int_equal(server.errors, 0);
	client.reads = true;
	end_readable(&client.conn);
	turn_until(server.received == client.to_send && client.received == server.to_send);
	pair_stop(&server, &client);
}

/* Records inside the SSL object make no event: conn_may_read knows of them. */
static void
test_bytes_inside_tls_are_not_forgotten(void **state)
{
	struct end server, client;
	char bytes[64];
	size_t got = 0;

	pair_shake_hands(&server, &client);
	client.reads = false;
	for (size_t i = 0; i < 3; i++) {
		conn_queue(&server.conn, span_of(stream_at(i * 20), 20));
		turns(1);
	}
	turn_until(conn_may_read(&client.conn));
	while (got < 60) {
		ssize_t n;

		assert_true(conn_may_read(&client.conn));
		n = conn_read(&client.conn, bytes, 7);
		assert_true(n > 0);
		assert_memory_equal(bytes, stream_at(got), (size_t)n);
		got += (size_t)n;
	}
	while (conn_may_read(&client.conn))
		assert_int_equal(conn_read(&client.conn, bytes, 7), CONN_AGAIN);
	pair_stop(&server, &client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_ways_at_once),
		TEST(test_a_blocked_record_survives_what_is_queued_behind_it),
		TEST(test_the_end_is_announced_behind_the_last_byte),
		TEST(test_a_blocked_announcement_is_not_given_up),
		TEST(test_a_stream_without_its_announced_end_is_an_error),
		TEST(test_rubbish_instead_of_a_handshake),
		TEST(test_gone_in_the_handshake),
		TEST(test_a_key_update_while_writing_is_blocked),
		TEST(test_bytes_inside_tls_are_not_forgotten),
	};

	return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}
