/* SPDX-License-Identifier: ISC */
/* Tests of HTTP/1 connections on a clock of ours: who is waited for, how long, and who is to blame. */
#include "proxy/http/error_page.h"
#include "tests/unit/proxy/proxy_world.h"

#define LONG_TEXT 200000

/* A server that returns LONG_TEXT bytes. */
static struct proxy_world *
world_with_long_text(const char *settings)
{
	char *text = mem_alloc(LONG_TEXT + 1), *http;
	struct proxy_world *w;

	memset(text, 'x', LONG_TEXT);
	text[LONG_TEXT] = '\0';
	http = mem_printf("server { listen 127.0.0.1:1; %s location / { return 200 \"%s\"; } }",
	    settings, text);
	w = proxy_world_new(http);
	free(http);
	free(text);
	return w;
}

/* Take what there is each so many milliseconds until all has come or the connection ends. */
static size_t
read_slowly(struct proxy_world *w, int fd, int64_t each_ms)
{
	size_t total = 0;

	while (total < LONG_TEXT) {
		ssize_t n = take(fd, NULL, 0);

		if (n == 0)
			break;
		if (n > 0)
			total += (size_t)n;
		world_pass(w, each_ms);
	}
	return total;
}

static void
test_a_slow_reader_has_send_timeout_for_each_part(void **state)
{
	struct proxy_world *w = world_with_long_text("send_timeout 10s;");
	int client = proxy_world_connect(w);

	put(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	world_turns(w, 3);
	assert_true(read_slowly(w, client, 5000) > LONG_TEXT);
	assert_true(is_open(client));
	close(client);
	proxy_world_free(w);
}

/* Also of what is left when the request is over and the connection about to close. */
static void
test_a_slow_reader_of_a_last_response(void **state)
{
	struct proxy_world *w = world_with_long_text("send_timeout 10s;");
	int client = proxy_world_connect(w);

	put(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	world_turns(w, 3);
	assert_true(read_slowly(w, client, 5000) > LONG_TEXT);
	world_turns(w, 2);
	assert_int_equal(take(client, NULL, 0), 0);
	close(client);
	proxy_world_free(w);
}

static void
test_a_reader_that_stops_has_send_timeout(void **state)
{
	struct proxy_world *w = world_with_long_text("send_timeout 10s;");
	int client = proxy_world_connect(w);

	put(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	world_pass(w, 9000);
	assert_int_equal(w->worker.counters->connections, 1);
	world_pass(w, 11100);
	assert_int_equal(w->worker.counters->connections, 0);
	close(client);
	proxy_world_free(w);
}

static const char proxied[] =
    "server { listen 127.0.0.1:1; client_max_body_size 0;"
    " location / { proxy_pass http://BACKEND; proxy_request_buffering off; proxy_send_timeout 1h; proxy_read_timeout 1h; } }";

static size_t
fill(int fd)
{
	static const char bytes[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		total += (size_t)n;
	return total;
}

/* The time-out of a client that was waited for must not go on when it has sent and the backend is what is slow. */
static void
test_a_client_is_not_timed_out_while_the_backend_blocks(void **state)
{
	struct proxy_world *w = proxy_world_new(proxied);
	int client = proxy_world_connect(w), backend;

	put(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
	backend = proxy_world_accept(w);
	expect(w, backend, "\r\n\r\n");
	world_turns(w, 3);
	for (int i = 0; i < 100000 && fill(client) > 0; i++)
		world_turns(w, 2);
	assert_int_equal(fill(client), 0);
	world_pass(w, 600000);
	assert_int_equal(w->worker.counters->connections, 1);
	assert_true(is_open(client));
	/* And when it is the client again, it is. */
	for (int i = 0; i < 10000 && (take(backend, NULL, 0) > 0 || i < 10); i++)
		world_turns(w, 1);
	world_pass(w, 61000);
	expect(w, client, "HTTP/1.1 408 ");
	close(client);
	close(backend);
	proxy_world_free(w);
}

/* Nobody asks the client for more, so nobody would read its end. */
static void
test_a_client_that_hangs_up_while_the_backend_blocks(void **state)
{
	struct proxy_world *w = proxy_world_new(proxied);
	int client = proxy_world_connect(w), backend;

	put(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
	backend = proxy_world_accept(w);
	for (int i = 0, quiet = 0; i < 100000 && quiet < 20; i++) {
		quiet = fill(client) > 0 ? 0 : quiet + 1;
		world_turns(w, 2);
	}
	assert_int_equal(w->worker.counters->connections, 1);
	close(client);
	world_turns(w, 2);
	assert_int_equal(w->worker.counters->connections, 0);
	close(backend);
	proxy_world_free(w);
}

static void
test_an_answer_of_our_own_ends_the_exchange_at_once(void **state)
{
	struct proxy_world *w = proxy_world_new(
	    "server { listen 127.0.0.1:1; client_body_timeout 5s;"
	    " location / { proxy_pass http://BACKEND; proxy_request_buffering off; } }");
	int client = proxy_world_connect(w), backend;

	put(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello");
	backend = proxy_world_accept(w);
	expect(w, backend, "hello");
	world_pass(w, 5200);
	expect(w, client, "HTTP/1.1 408 ");
	assert_int_equal(take(backend, NULL, 0), 0);
	/* The backend's late answer finds nobody. */
	send(backend, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38, MSG_NOSIGNAL);
	world_turns(w, 3);
	close(client);
	close(backend);
	proxy_world_free(w);
}

static void
test_a_chunked_body_that_grows_too_large(void **state)
{
	struct proxy_world *w = proxy_world_new(
	    "server { listen 127.0.0.1:1; client_max_body_size 10;"
	    " location / { proxy_pass http://BACKEND; proxy_request_buffering off; } }");
	int client = proxy_world_connect(w), backend;

	put(client,
	    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n");
	backend = proxy_world_accept(w);
	expect(w, backend, "12345678");
	put(client, "8\r\n12345678\r\n");
	expect(w, client, "HTTP/1.1 413 ");
	world_turns(w, 2);
	close(client);
	close(backend);
	proxy_world_free(w);
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void
test_lingering_has_an_end(void **state)
{
	struct proxy_world *w = proxy_world_new(
	    "server { listen 127.0.0.1:1; client_max_body_size 10; location / { return 200; } }");
	int client = proxy_world_connect(w);

	put(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
	for (int i = 0; i < 29; i++) {
		put(client, "more");
		world_pass(w, 1000);
		assert_int_equal(w->worker.counters->connections, 1);
	}
	put(client, "more");
	world_pass(w, 2000);
	send(client, "more", 4, MSG_NOSIGNAL);
	world_pass(w, 3000);
	assert_int_equal(w->worker.counters->connections, 0);
	close(client);
	proxy_world_free(w);
}

static void
test_idle_connections_end_by_the_clock(void **state)
{
	struct proxy_world *w =
	    proxy_world_new("client_header_timeout 20s; keepalive_timeout 40s;"
			    "server { listen 127.0.0.1:1; location / { return 200 ok; } }");
	int fresh = proxy_world_connect(w), kept = proxy_world_connect(w),
	    begun = proxy_world_connect(w);

	put(kept, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(w, kept, "ok");
	put(begun, "GET / HTTP");
	world_pass(w, 19000);
	assert_true(is_open(fresh) && is_open(kept) && is_open(begun));
	world_pass(w, 1200);
	assert_int_equal(take(fresh, NULL, 0), 0);
	expect(w, begun, "HTTP/1.1 408 ");
	assert_true(is_open(kept));
	world_pass(w, 20000);
	assert_int_equal(take(kept, NULL, 0), 0);
	close(fresh);
	close(kept);
	close(begun);
	proxy_world_free(w);
}

static void
test_draining_closes_idle_ones_and_finishes_the_others(void **state)
{
	struct proxy_world *w = proxy_world_new(proxied);
	int idle = proxy_world_connect(w), busy = proxy_world_connect(w),
	    fresh = proxy_world_connect(w), silent = proxy_world_connect(w), backend;

	put(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	backend = proxy_world_accept(w);
	expect(w, backend, "\r\n\r\n");
	put(backend, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
	expect(w, idle, "ok");
	world_turns(w, 2);
	while (take(idle, NULL, 0) > 0)
		;
	close(backend);
	put(busy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	backend = proxy_world_accept(w);
	expect(w, backend, "\r\n\r\n");
	w->worker.draining = true;
	client_conns_retire(&w->worker, false);
	world_turns(w, 1);
	assert_int_equal(take(idle, NULL, 0), 0);
	assert_int_equal(w->worker.counters->connections, 3);
	/* Who has only just come may say one thing, and soon. */
	put(fresh, "nonsense\r\n\r\n");
	expect(w, fresh, "HTTP/1.1 400 ");
	close(fresh);
	world_pass(w, 1100);
	assert_int_equal(take(silent, NULL, 0), 0);
	put(backend, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	expect(w, busy, "Connection: close");
	world_turns(w, 2);
	assert_int_equal(w->worker.counters->connections, 0);
	close(idle);
	close(busy);
	close(silent);
	close(backend);
	proxy_world_free(w);
}

/* Whatever the configuration allows. */
static void
test_no_head_outgrows_its_counters(void **state)
{
	assert_int_equal(http1_head_too_large(NULL, span_of("", (size_t)HTTP1_HEAD_MAX + 1)),
	    STATUS_HEADER_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slow_reader_has_send_timeout_for_each_part),
		cmocka_unit_test(test_a_slow_reader_of_a_last_response),
		cmocka_unit_test(test_a_reader_that_stops_has_send_timeout),
		cmocka_unit_test(test_a_client_is_not_timed_out_while_the_backend_blocks),
		cmocka_unit_test(test_a_client_that_hangs_up_while_the_backend_blocks),
		cmocka_unit_test(test_an_answer_of_our_own_ends_the_exchange_at_once),
		cmocka_unit_test(test_a_chunked_body_that_grows_too_large),
		cmocka_unit_test(test_lingering_has_an_end),
		cmocka_unit_test(test_idle_connections_end_by_the_clock),
		cmocka_unit_test(test_draining_closes_idle_ones_and_finishes_the_others),
		cmocka_unit_test(test_no_head_outgrows_its_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
