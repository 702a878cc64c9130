/* SPDX-License-Identifier: ISC */
/* Tests of connections to upstreams: made, parked, taken again, and thrown away when they are not what they were. */
#include "proxy/net/conn_tcp.h"
#include "proxy/upstream/upstream_group.h"
#include "tests/unit/proxy/proxy_world.h"

static struct proxy_world *world;
static struct peer *peer;
static int writables, readables, errors;

static void
on_readable(struct conn *c)
{
	readables++;
}

static void
on_writable(struct conn *c)
{
	writables++;
}

static void
on_error(struct conn *c)
{
	errors++;
}

static const struct connect_options plain;

static const struct conn_ops ops = {
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_error = on_error,
};

static void
start(const char *settings)
{
	char *http = mem_printf("upstream app { server BACKEND; %s }", settings);

	world = proxy_world_new(http);
	peer =
	    upstream_groups_get(world->generation->upstreams, world->loaded->snapshot->upstreams[0])
		->peers;
	writables = readables = errors = 0;
	free(http);
}

static unsigned
idle_count(void)
{
	return peer->group->idle_count;
}

static struct upstream_conn *
connected(int *backend)
{
	struct upstream_conn *uc = upstream_connect(&world->worker, peer, &plain, &ops, NULL);

	assert_non_null(uc);
	/* Nothing is sent that would tell the peer. */
	conn_release_ack(&uc->conn);
	*backend = proxy_world_accept(world);
	for (int i = 0; i < 1000 && uc->conn.connecting; i++)
		world_turns(world, 1);
	assert_false(uc->conn.connecting);
	return uc;
}

/* Bytes that the backend sent have reached the socket. */
static void
wait_arrived(const struct upstream_conn *uc, size_t n)
{
	static char bytes[100000];

	for (int i = 0; i < 1000; i++) {
		struct pollfd p = { .fd = uc->conn.watch.fd, .events = POLLIN };

		if (recv(p.fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT) >= (ssize_t)n)
			return;
		poll(&p, 1, 10);
	}
	fail_msg("%zu bytes did not arrive", n);
}

static void
wait_gone(int backend)
{
	char byte;

	for (int i = 0; i < 1000; i++) {
		struct pollfd p = { .fd = backend, .events = POLLIN };

		world_turns(world, 1);
		if (poll(&p, 1, 10) == 1 && recv(backend, &byte, 1, MSG_DONTWAIT) <= 0)
			return;
	}
	fail_msg("the connection is still open");
}

static void
test_parked_and_taken_newest_first(void **state)
{
	struct upstream_conn *one, *two;
	int a, b, owner = 0;

	start("");
	one = connected(&a);
	two = connected(&b);
	assert_null(idle_pool_take(peer, &plain, &ops, NULL));
	assert_int_equal(peer->group->refs, 3);
	idle_pool_put(one);
	idle_pool_put(two);
	assert_int_equal(idle_count(), 2);
	assert_int_equal(peer->group->refs, 1);
	assert_ptr_equal(idle_pool_take(peer, &plain, &ops, &owner), two);
	assert_ptr_equal(two->conn.owner, &owner);
	assert_ptr_equal(idle_pool_take(peer, &plain, &ops, NULL), one);
	assert_null(idle_pool_take(peer, &plain, &ops, NULL));
	assert_int_equal(peer->group->refs, 3);
	upstream_conn_close(one);
	upstream_conn_close(two);
	wait_gone(a);
	wait_gone(b);
	close(a);
	close(b);
	proxy_world_free(world);
}

static void
test_no_more_than_keepalive_are_kept_and_the_oldest_goes(void **state)
{
	struct upstream_conn *uc[3];
	int fd[3];

	start("keepalive 2;");
	for (int i = 0; i < 3; i++)
		uc[i] = connected(&fd[i]);
	for (int i = 0; i < 3; i++)
		idle_pool_put(uc[i]);
	assert_int_equal(idle_count(), 3);
	world_pass(world, 150);
	assert_int_equal(idle_count(), 2);
	wait_gone(fd[0]);
	assert_true(is_open(fd[1]) && is_open(fd[2]));
	world_pass(world, 1000);
	assert_int_equal(idle_count(), 2);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	proxy_world_free(world);
}

/* As long as now and then all but one are in use, only that one is too many. */
static void
test_those_that_are_needed_again_soon_stay(void **state)
{
	struct upstream_conn *uc[4];
	int fd[4];

	start("keepalive 1;");
	for (int i = 0; i < 4; i++)
		uc[i] = connected(&fd[i]);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 4; i++)
			idle_pool_put(uc[i]);
		world_pass(world, 30);
		assert_int_equal(idle_count(), 4);
		for (int i = 0; i < 4; i++)
			uc[i] = idle_pool_take(peer, &plain, &ops, NULL);
		world_pass(world, 30);
	}
	for (int i = 0; i < 4; i++)
		assert_true(is_open(fd[i]));
	for (int i = 0; i < 4; i++)
		idle_pool_put(uc[i]);
	/* Two of four are used: one of the others is kept, one is spare. */
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 2; i++)
			uc[i] = idle_pool_take(peer, &plain, &ops, NULL);
		world_pass(world, 30);
		for (int i = 0; i < 2; i++)
			idle_pool_put(uc[i]);
	}
	assert_int_equal(idle_count(), 3);
	world_pass(world, 300);
	assert_int_equal(idle_count(), 1);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	proxy_world_free(world);
}

static void
test_none_are_kept_without_keepalive_or_beyond_its_requests(void **state)
{
	static const char *const settings[] = { "keepalive 0;", "keepalive_requests 5;" };

	for (size_t i = 0; i < COUNT(settings); i++) {
		struct upstream_conn *uc;
		int fd;

		start(settings[i]);
		uc = connected(&fd);
		uc->requests = 5;
		idle_pool_put(uc);
		assert_int_equal(idle_count(), 0);
		wait_gone(fd);
		close(fd);
		proxy_world_free(world);
	}
}

static void
test_idle_for_too_long(void **state)
{
	struct upstream_conn *uc;
	int fd;

	start("keepalive_timeout 10s;");
	uc = connected(&fd);
	idle_pool_put(uc);
	world_pass(world, 9000);
	assert_ptr_equal(idle_pool_take(peer, &plain, &ops, NULL), uc);
	/* In use it has all the time there is. */
	world_pass(world, 60000);
	assert_true(is_open(fd));
	idle_pool_put(uc);
	world_pass(world, 9000);
	assert_int_equal(idle_count(), 1);
	world_pass(world, 1100);
	assert_int_equal(idle_count(), 0);
	wait_gone(fd);
	close(fd);
	proxy_world_free(world);
}

static void
test_the_peer_ends_or_says_something_while_it_is_idle(void **state)
{
	for (int says = 0; says < 2; says++) {
		int fd;

		start("");
		idle_pool_put(connected(&fd));
		if (says)
			put(fd, "HTTP/1.1 408 Too late\r\n\r\n");
		else
			shutdown(fd, SHUT_WR);
		for (int i = 0; i < 1000 && idle_count() > 0; i++) {
			poll(NULL, 0, 1);
			world_turns(world, 1);
		}
		assert_int_equal(idle_count(), 0);
		assert_int_equal(readables + errors, 0);
		wait_gone(fd);
		close(fd);
		proxy_world_free(world);
	}
}

/* What is behind the response is nobody's: no event will tell of it any more. */
static void
test_unread_bytes_are_not_parked(void **state)
{
	char bytes[10];
	struct upstream_conn *uc;
	int fd;

	start("");
	uc = connected(&fd);
	put(fd, "0123456789surplus");
	wait_arrived(uc, 17);
	world_turns(world, 2);
	assert_int_equal(conn_read(&uc->conn, bytes, 10), 10);
	idle_pool_put(uc);
	assert_int_equal(idle_count(), 0);
	wait_gone(fd);
	close(fd);
	proxy_world_free(world);
}

/* A read that filled its buffer exactly leaves the connection looking readable; it is as good as any. */
static void
test_a_full_read_is_no_reason(void **state)
{
	char bytes[10];
	struct upstream_conn *uc;
	int fd;

	start("");
	uc = connected(&fd);
	put(fd, "0123456789");
	wait_arrived(uc, 10);
	world_turns(world, 2);
	assert_int_equal(conn_read(&uc->conn, bytes, 10), 10);
	assert_true(conn_may_read(&uc->conn));
	idle_pool_put(uc);
	assert_int_equal(idle_count(), 1);
	world_turns(world, 3);
	assert_ptr_equal(idle_pool_take(peer, &plain, &ops, NULL), uc);
	upstream_conn_close(uc);
	close(fd);
	proxy_world_free(world);
}

static void
test_unsent_bytes_are_not_parked(void **state)
{
	struct upstream_conn *uc;
	int fd;

	start("");
	uc = connected(&fd);
	conn_queue(&uc->conn, SPAN("half a request"));
	idle_pool_put(uc);
	assert_int_equal(idle_count(), 0);
	wait_gone(fd);
	close(fd);
	proxy_world_free(world);
}

/* The write failed before any event told of the reset. */
static void
test_a_broken_one_is_not_parked(void **state)
{
	struct upstream_conn *uc;
	int fd;

	start("");
	uc = connected(&fd);
	uc->conn.write_failed = 1;
	idle_pool_put(uc);
	assert_int_equal(idle_count(), 0);
	wait_gone(fd);
	close(fd);
	proxy_world_free(world);
}

static void
test_descriptors_are_held_back(void **state)
{
	start("");
	world->worker.connect_fd_max = 3;
	assert_null(upstream_connect(&world->worker, peer, &plain, &ops, NULL));
	assert_int_equal(errno, EMFILE);
	assert_int_equal(peer->group->refs, 1);
	proxy_world_free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parked_and_taken_newest_first),
		cmocka_unit_test(test_no_more_than_keepalive_are_kept_and_the_oldest_goes),
		cmocka_unit_test(test_those_that_are_needed_again_soon_stay),
		cmocka_unit_test(test_none_are_kept_without_keepalive_or_beyond_its_requests),
		cmocka_unit_test(test_idle_for_too_long),
		cmocka_unit_test(test_the_peer_ends_or_says_something_while_it_is_idle),
		cmocka_unit_test(test_unread_bytes_are_not_parked),
		cmocka_unit_test(test_a_full_read_is_no_reason),
		cmocka_unit_test(test_unsent_bytes_are_not_parked),
		cmocka_unit_test(test_a_broken_one_is_not_parked),
		cmocka_unit_test(test_descriptors_are_held_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
