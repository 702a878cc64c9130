/* SPDX-License-Identifier: ISC */
/* Tests of exchanges with an upstream that take luck, or hours, to see from outside. */
#include "proxy/upstream/upstream_exchange.h"
#include "tests/unit/proxy/proxy_world.h"

static const char proxied[] =
    "server { listen 127.0.0.1:1; location / { proxy_pass http://BACKEND; proxy_request_buffering off; } }";

/* One exchange, after which the connection to the backend is in the pool. */
static int
backend_kept(struct proxy_world *w, int client)
{
	int backend;

	put(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	backend = proxy_world_accept(w);
	expect(w, backend, "\r\n\r\n");
	put(backend, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
	expect(w, client, "one");
	world_turns(w, 2);
	return backend;
}

/* A connection is taken from the pool in the very turn that would have told of what came on it. */
static void
test_what_came_before_the_request_is_not_its_answer(void **state)
{
	struct proxy_world *w = proxy_world_new(proxied);
	int client = proxy_world_connect(w), backend = backend_kept(w, client), fresh;

	put(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	put(backend, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
	poll(NULL, 0, 20);
	fresh = proxy_world_accept(w);
	expect(w, fresh, "POST / HTTP/1.1");
	assert_int_equal(take(client, NULL, 0), -1);
	put(fresh, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
	expect(w, client, "good");
	close(client);
	close(backend);
	close(fresh);
	proxy_world_free(w);
}

/* Its end in the same turn: nothing was sent, so even what must not be repeated is asked elsewhere. */
static void
test_a_kept_connection_that_ends_as_it_is_taken(void **state)
{
	struct proxy_world *w = proxy_world_new(proxied);
	int client = proxy_world_connect(w), backend = backend_kept(w, client), fresh;

	put(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	close(backend);
	poll(NULL, 0, 20);
	fresh = proxy_world_accept(w);
	expect(w, fresh, "POST / HTTP/1.1");
	put(fresh, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
	expect(w, client, "good");
	close(client);
	close(fresh);
	proxy_world_free(w);
}

static struct upstream_http *
exchange_of(struct proxy_world *w)
{
	return w->worker.clients->http1.request->handler_state;
}

/* What is queued takes longer to drain than proxy_send_timeout, yet some of it is taken all the time. */
static void
test_a_backend_that_reads_slowly_is_not_timed_out(void **state)
{
	static const char bytes[60000];
	char dir[UNIT_DIR_MAX], *http;
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client, backend, size = 4096;
	struct proxy_world *w;
	size_t total = 0, sent = 0;

	unit_make_dir(dir);
	snprintf(where.sun_path, sizeof(where.sun_path), "%s/s", dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&where, sizeof(where)), 0);
	assert_int_equal(listen(listener, 5), 0);
	http = mem_printf(
	    "server { listen 127.0.0.1:1; location / {"
	    " proxy_pass http://unix:%s/s:; proxy_request_buffering off; proxy_send_timeout 10s; } }",
	    dir);
	w = proxy_world_new(http);
	client = proxy_world_connect(w);
	put(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
	world_turns(w, 2);
	backend = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(backend >= 0);
	setsockopt(exchange_of(w)->uc->conn.watch.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while (total < sizeof(bytes)) {
		ssize_t n;

		/* The client is never what is waited for. */
		for (int i = 0; i < 100; i++) {
			n = send(client, bytes + sent, sizeof(bytes) - sent, MSG_DONTWAIT);
			sent += n > 0 ? (size_t)n : 0;
			world_turns(w, 1);
		}
		n = take(backend, NULL, 0);
		assert_int_not_equal(n, 0);
		total += n > 0 ? (size_t)n : 0;
		world_pass(w, 5000);
	}
	put(backend, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
	expect(w, client, "one");
	close(client);
	close(backend);
	close(listener);
	proxy_world_free(w);
	unit_remove_dir(dir);
	free(http);
}

static void
test_a_backend_that_stops_reading_is_timed_out(void **state)
{
	struct proxy_world *w = proxy_world_new(
	    "server { listen 127.0.0.1:1; client_max_body_size 0;"
	    " location / { proxy_pass http://BACKEND; proxy_request_buffering off; proxy_send_timeout 10s; } }");
	static const char bytes[4096];
	int client = proxy_world_connect(w), backend;

	put(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
	backend = proxy_world_accept(w);
	for (int i = 0, quiet = 0; i < 100000 && quiet < 20; i++) {
		ssize_t n = send(client, bytes, sizeof(bytes), MSG_DONTWAIT);

		quiet = n > 0 ? 0 : quiet + 1;
		world_turns(w, 2);
	}
	world_pass(w, 9000);
	assert_int_equal(take(client, NULL, 0), -1);
	world_pass(w, 11000);
	expect(w, client, "HTTP/1.1 504 ");
	close(client);
	close(backend);
	proxy_world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_came_before_the_request_is_not_its_answer),
		cmocka_unit_test(test_a_kept_connection_that_ends_as_it_is_taken),
		cmocka_unit_test(test_a_backend_that_reads_slowly_is_not_timed_out),
		cmocka_unit_test(test_a_backend_that_stops_reading_is_timed_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
