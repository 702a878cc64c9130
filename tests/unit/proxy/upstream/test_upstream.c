/* SPDX-License-Identifier: ISC */
/* Tests of groups over reloads: what stays the same, what ends, and when. */
#include "proxy/upstream/upstream_group.h"
#include "tests/unit/proxy/proxy_world.h"

static void
nothing(struct conn *c)
{
}

static const struct connect_options plain;

static const struct conn_ops ops = {
	.on_readable = nothing,
	.on_writable = nothing,
	.on_error = nothing,
};

static struct upstream_group *
group_at(const struct proxy_world *w, size_t i)
{
	return upstream_groups_get(w->generation->upstreams, w->loaded->snapshot->upstreams[i]);
}

static struct upstream_conn *
connected(struct proxy_world *w, struct upstream_group *g, int *backend)
{
	struct upstream_conn *uc = upstream_connect(&w->worker, g->peers, &plain, &ops, NULL);

	assert_non_null(uc);
	*backend = proxy_world_accept(w);
	for (int i = 0; i < 1000 && uc->conn.connecting; i++)
		world_turns(w, 1);
	return uc;
}

/* The next generation takes over and the one before goes. */
static void
reload(struct proxy_world *w, const char *http)
{
	struct loaded *l = world_load(w, http);
	struct generation *g = world_generation(w, l, w->generation);

	world_generation_free(w->generation, w->loaded);
	w->generation = w->worker.generation = g;
	w->loaded = l;
}

static void
test_the_same_definition_is_the_same_group(void **state)
{
	struct proxy_world *w =
	    proxy_world_new("upstream a { server BACKEND; } upstream b { server BACKEND; }");
	struct upstream_group *a = group_at(w, 0), *b = group_at(w, 1);
	struct upstream_conn *uc;
	int fd;

	assert_ptr_not_equal(a, b);
	assert_span(upstream_group_name(a), "a");
	a->peers[0].state->fails = 7;
	uc = connected(w, a, &fd);
	idle_pool_put(uc);
	reload(w, "upstream a { server BACKEND; } upstream b { server BACKEND; }");
	assert_ptr_equal(group_at(w, 0), a);
	assert_ptr_equal(group_at(w, 1), b);
	/* Elsewhere in the file, or with others before it. */
	reload(w,
	    "upstream n { server BACKEND; } upstream b { server BACKEND; } upstream a { server BACKEND; }");
	assert_ptr_equal(group_at(w, 2), a);
	assert_ptr_equal(group_at(w, 1), b);
	assert_int_equal(a->generations, 1);
	assert_int_equal(a->peers[0].state->fails, 7);
	assert_int_equal(a->idle_count, 1);
	assert_true(is_open(fd));
	close(fd);
	proxy_world_free(w);
}

static void
test_another_definition_is_another_group(void **state)
{
	static const char *const others[] = {
		"upstream a { server BACKEND weight=2; }",
		"upstream a { server BACKEND max_fails=2; }",
		"upstream a { server BACKEND fail_timeout=9s; }",
		"upstream a { server BACKEND; server BACKEND backup; }",
		"upstream a { server BACKEND; server 10.0.0.1 down; }",
		"upstream a { server BACKEND; keepalive 5; }",
		"upstream a { server BACKEND; keepalive_requests 5; }",
		"upstream a { server BACKEND; keepalive_timeout 5s; }",
		"upstream b { server BACKEND; }",
		"server { listen 127.0.0.1:1; location / { proxy_pass http://BACKEND; } }",
	};

	for (size_t i = 0; i < COUNT(others); i++) {
		struct proxy_world *w = proxy_world_new("upstream a { server BACKEND; }");
		struct upstream_group *a = upstream_group_ref(group_at(w, 0));
		int fd;

		idle_pool_put(connected(w, a, &fd));
		assert_true(is_open(fd));
		reload(w, others[i]);
		if (group_at(w, 0) == a)
			fail_msg("the same: %s", others[i]);
		/* Nobody will ask for them again. */
		assert_int_equal(a->generations, 0);
		assert_int_equal(a->idle_count, 0);
		world_turns(w, 1);
		upstream_group_unref(a);
		assert_int_equal(take(fd, NULL, 0), 0);
		close(fd);
		proxy_world_free(w);
	}
}

/* A request that is still under way holds its group, and gives its connection up at the end. */
static void
test_a_group_that_vanished_ends_with_its_last_request(void **state)
{
	struct proxy_world *w = proxy_world_new("upstream a { server BACKEND; }");
	struct upstream_group *a = group_at(w, 0);
	struct upstream_conn *one, *two;
	int fd[2];

	one = connected(w, a, &fd[0]);
	two = connected(w, a, &fd[1]);
	reload(w, "upstream b { server BACKEND; }");
	assert_int_equal(a->refs, 2);
	assert_int_equal(a->generations, 0);
	assert_true(is_open(fd[0]) && is_open(fd[1]));
	idle_pool_put(one);
	assert_int_equal(a->refs, 1);
	assert_int_equal(a->idle_count, 0);
	upstream_conn_close(two); /* and the group with it */
	world_turns(w, 1);
	assert_int_equal(take(fd[0], NULL, 0), 0);
	assert_int_equal(take(fd[1], NULL, 0), 0);
	close(fd[0]);
	close(fd[1]);
	proxy_world_free(w);
}

/* Old generations live on with their requests: idle connections stay as long as anyone names the group. */
static void
test_a_group_of_two_generations(void **state)
{
	struct proxy_world *w = proxy_world_new("upstream a { server BACKEND; }");
	struct loaded *l =
	    world_load(w, "upstream x { server BACKEND; } upstream a { server BACKEND; }");
	struct upstream_group *a = group_at(w, 0);
	struct generation *next = world_generation(w, l, w->generation);
	int fd;

	assert_int_equal(a->generations, 2);
	idle_pool_put(connected(w, a, &fd));
	world_generation_free(next, l);
	assert_int_equal(a->generations, 1);
	assert_int_equal(a->idle_count, 1);
	assert_true(is_open(fd));
	close(fd);
	proxy_world_free(w);
}

static char *
many(int from, int to)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	for (int i = from; i < to; i++)
		buf_printf(&text, "upstream u%d { server 10.0.0.1; }\n", i);
	return buf_detach(&text, NULL);
}

static void
test_many_groups_all_in_another_place(void **state)
{
	char *before = many(0, 500), *after = many(1, 501);
	struct proxy_world *w = proxy_world_new(before);
	struct upstream_group *first = group_at(w, 1), *last = group_at(w, 499);

	reload(w, after);
	assert_ptr_equal(group_at(w, 0), first);
	assert_ptr_equal(group_at(w, 498), last);
	for (size_t i = 0; i < 500; i++)
		assert_int_equal(group_at(w, i)->generations, 1);
	proxy_world_free(w);
	free(before);
	free(after);
}

static void
test_a_name_that_did_not_resolve_has_no_peers(void **state)
{
	struct proxy_world *w =
	    proxy_world_new("upstream a { server nowhere.example; server two.example; }"
			    "upstream b { server nowhere.example; }");
	struct peer_set tried = { 0 };

	assert_int_equal(upstream_group_peer_count(group_at(w, 0)), 2);
	assert_int_equal(upstream_group_peer_count(group_at(w, 1)), 0);
	assert_null(balance_pick(group_at(w, 1), &tried, 1));
	proxy_world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_definition_is_the_same_group),
		cmocka_unit_test(test_another_definition_is_another_group),
		cmocka_unit_test(test_a_group_that_vanished_ends_with_its_last_request),
		cmocka_unit_test(test_a_group_of_two_generations),
		cmocka_unit_test(test_many_groups_all_in_another_place),
		cmocka_unit_test(test_a_name_that_did_not_resolve_has_no_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
