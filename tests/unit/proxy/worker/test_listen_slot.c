/* SPDX-License-Identifier: ISC */
/* Tests of accepting when descriptors run out. */
#include "tests/unit/proxy/proxy_world.h"

#include <sys/resource.h>

static const char served[] = "server { listen 127.0.0.1:1; location / { return 200 ok; } }";

static struct rlimit usual;

static int
remember_limit(void **state)
{
	return getrlimit(RLIMIT_NOFILE, &usual);
}

static int
restore_limit(void **state)
{
	return setrlimit(RLIMIT_NOFILE, &usual);
}

static void
limit_to(rlim_t n)
{
	struct rlimit limit = usual;

	limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The world's listening socket as one of the worker's own; a descriptor less is left to the world. */
static struct listen_slot *
slot_on_backend(struct proxy_world *w)
{
	struct listen_slot *s =
	    listen_slot_add_take(&w->worker, 2, fcntl(w->backend, F_DUPFD_CLOEXEC, 0));

	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(listen_slot_adopt(s, w->generation, &w->loaded->snapshot->listeners[0]),
	    0);
	return s;
}

static int
connect_to(struct proxy_world *w)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&w->backend_address,
			     sizeof(w->backend_address)),
	    0);
	return fd;
}

/* Not only the end of a client of ours makes room: there may be none. */
static void
test_accepting_is_tried_again_without_any_client(void **state)
{
	struct proxy_world *w = proxy_world_new(served);
	struct listen_slot *s = slot_on_backend(w);
	int client = connect_to(w), next = dup(client);

	close(next);
	limit_to((rlim_t)next);
	world_turns(w, 2);
	assert_true(w->worker.accepting_paused);
	assert_int_equal(s->watch.fd, -1);
	/* Still nothing: it pauses again. */
	world_pass(w, 600);
	world_turns(w, 1);
	assert_true(w->worker.accepting_paused);
	assert_int_equal(w->worker.counters->accepted, 0);
	limit_to(usual.rlim_cur);
	world_pass(w, 600);
	world_turns(w, 1);
	assert_false(w->worker.accepting_paused);
	assert_int_equal(w->worker.counters->accepted, 1);
	put(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(w, client, "ok");
	close(client);
	listen_slot_retire(s);
	proxy_world_free(w);
}

static void
test_some_descriptors_are_left_for_what_is_under_way(void **state)
{
	struct proxy_world *w = proxy_world_new(served);
	struct listen_slot *s = slot_on_backend(w);
	int clients[20], n = 0;

	limit_to(64);
	listen_slots_share_descriptors(&w->worker);
	assert_int_equal(w->worker.connect_fd_max, 56);
	assert_int_equal(w->worker.accept_fd_max, 48);
	limit_to(1000);
	listen_slots_share_descriptors(&w->worker);
	assert_int_equal(w->worker.connect_fd_max, 984);
	assert_int_equal(w->worker.accept_fd_max, 968);

	w->worker.accept_fd_max = s->fd + 3;
	while (n < 20 && !w->worker.accepting_paused) {
		clients[n++] = connect_to(w);
		world_turns(w, 2);
	}
	assert_in_range(n, 1, 4);
	assert_int_equal(w->worker.counters->accepted, n);
	/* One leaves, the next may come. */
	clients[n++] = connect_to(w);
	world_turns(w, 2);
	assert_int_equal(w->worker.counters->accepted, n - 1);
	close(clients[0]);
	poll(NULL, 0, 20);
	world_turns(w, 4);
	assert_int_equal(w->worker.counters->accepted, n);
	for (int i = 1; i < n; i++)
		close(clients[i]);
	listen_slot_retire(s);
	proxy_world_free(w);
}

static void
test_one_retired_while_paused(void **state)
{
	struct proxy_world *w = proxy_world_new(served);
	struct listen_slot *s = slot_on_backend(w);

	listen_slots_pause(&w->worker);
	listen_slot_retire(s);
	listen_slots_resume(&w->worker);
	/* And one that came while paused is watched from the end of the pause on. */
	listen_slots_pause(&w->worker);
	s = slot_on_backend(w);
	assert_int_equal(s->watch.fd, -1);
	listen_slots_resume(&w->worker);
	assert_true(s->watch.fd >= 0);
	listen_slot_retire(s);
	proxy_world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, remember_limit, restore_limit)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_accepting_is_tried_again_without_any_client),
		TEST(test_some_descriptors_are_left_for_what_is_under_way),
		TEST(test_one_retired_while_paused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
