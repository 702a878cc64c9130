/* SPDX-License-Identifier: ISC */
/* Tests of whose turn it is. */
#include "proxy/upstream/upstream_group.h"
#include "tests/unit/proxy/proxy_world.h"

#define MINUTE 60000

static struct proxy_world *world;
static struct upstream_group *group;

static void
group_of(const char *servers)
{
	char *http = mem_printf("upstream app { %s }", servers);

	world = proxy_world_new(http);
	group = upstream_groups_get(world->generation->upstreams,
	    world->loaded->snapshot->upstreams[0]);
	free(http);
}

/* The peer's last octet as a letter: 10.0.0.1 is a. */
static char
letter(const struct peer *p)
{
	return p ? (char)('a' - 1 + (ntohl(p->address.u.in.sin_addr.s_addr) & 255)) : '-';
}

static const char *
turns_of(int count, int64_t now_ms)
{
	static char out[256];

	for (int i = 0; i < count; i++) {
		struct peer_set tried = { 0 };

		out[i] = letter(balance_pick(group, &tried, now_ms));
	}
	out[count] = '\0';
	return out;
}

/* All that one request can try, in order. */
static const char *
tries_of(int64_t now_ms)
{
	static char out[256];
	struct peer_set tried = { 0 };
	struct peer *p;
	size_t n = 0;

	while (n < sizeof(out) - 1 && (p = balance_pick(group, &tried, now_ms)))
		out[n++] = letter(p);
	out[n] = '\0';
	return out;
}

/* balance_pick until it is that one's turn. */
static struct peer *
peer_named(char name, int64_t now_ms)
{
	for (int i = 0; i < 100; i++) {
		struct peer_set tried = { 0 };
		struct peer *p = balance_pick(group, &tried, now_ms);

		if (letter(p) == name)
			return p;
	}
	fail_msg("%c is not picked", name);
	return NULL;
}

static void
done(void)
{
	proxy_world_free(world);
}

static void
test_equal_weights_take_turns(void **state)
{
	group_of("server 10.0.0.1; server 10.0.0.2; server 10.0.0.3;");
	assert_string_equal(turns_of(9, 1), "abcabcabc");
	done();
}

/* nginx's own example of smoothness: never many of the heavy one in a row where it can be avoided. */
static void
test_weights_are_smooth(void **state)
{
	group_of("server 10.0.0.1 weight=5; server 10.0.0.2; server 10.0.0.3;");
	assert_string_equal(turns_of(14, 1), "aabacaaaabacaa");
	done();
}

static void
test_down_is_never_asked(void **state)
{
	group_of("server 10.0.0.1; server 10.0.0.2 down; server 10.0.0.3 backup;");
	assert_string_equal(turns_of(4, 1), "aaaa");
	assert_string_equal(tries_of(1), "ac");
	done();
}

static void
test_each_is_tried_once_then_the_backups(void **state)
{
	group_of(
	    "server 10.0.0.1; server 10.0.0.2; server 10.0.0.3 backup; server 10.0.0.4 backup;");
	assert_string_equal(tries_of(1), "abcd");
	assert_int_equal(upstream_group_peer_count(group), 4);
	done();
}

static void
test_what_was_forgotten_may_be_asked_again(void **state)
{
	struct peer_set tried = { 0 };
	struct peer *p;

	group_of("server 10.0.0.1;");
	p = balance_pick(group, &tried, 1);
	assert_int_equal(letter(p), 'a');
	assert_null(balance_pick(group, &tried, 1));
	balance_forget(p, &tried);
	assert_ptr_equal(balance_pick(group, &tried, 1), p);
	done();
}

static void
test_one_that_failed_rests(void **state)
{
	int64_t now = MINUTE;

	group_of("server 10.0.0.1 max_fails=2 fail_timeout=10s; server 10.0.0.2;");
	balance_report(peer_named('a', now), false, now);
	assert_int_equal(peer_named('a', now)->state->fails, 1);
	balance_report(peer_named('a', now), false, now);
	assert_string_equal(turns_of(4, now + 10000), "bbbb");
	assert_string_equal(tries_of(now + 10000), "b");
	/* After its rest it is tried; failing again sends it back at once. */
	now += 10001;
	balance_report(peer_named('a', now), false, now);
	assert_string_equal(turns_of(4, now + 10000), "bbbb");
	/* A success after the rest clears the record. */
	now += 10001;
	balance_report(peer_named('a', now), true, now);
	balance_report(peer_named('a', now), false, now);
	peer_named('a', now);
	done();
}

/* Failures count within fail_timeout only. */
static void
test_failures_far_apart_do_not_add_up(void **state)
{
	int64_t now = MINUTE;

	group_of("server 10.0.0.1 max_fails=2 fail_timeout=10s; server 10.0.0.2;");
	for (int i = 0; i < 5; i++) {
		struct peer *p = peer_named('a', now);

		balance_report(p, false, now);
		now += MINUTE;
		p = peer_named('a', now);
		balance_report(p, true, now);
		assert_int_equal(p->state->fails, 0);
		now += MINUTE;
	}
	done();
}

static void
test_no_limit_of_failures(void **state)
{
	group_of("server 10.0.0.1 max_fails=0; server 10.0.0.2;");
	for (int i = 0; i < 10; i++)
		balance_report(peer_named('a', MINUTE), false, MINUTE);
	assert_string_equal(turns_of(4, MINUTE), "baba");
	done();
}

static void
test_the_only_one_never_rests(void **state)
{
	group_of("server 10.0.0.1 max_fails=1 fail_timeout=1h;");
	for (int i = 0; i < 3; i++)
		balance_report(peer_named('a', MINUTE), false, MINUTE);
	assert_string_equal(turns_of(2, MINUTE), "aa");
	done();
}

static void
test_nobody_is_left_when_all_rest(void **state)
{
	group_of("server 10.0.0.1; server 10.0.0.2;");
	balance_report(peer_named('a', MINUTE), false, MINUTE);
	balance_report(peer_named('b', MINUTE), false, MINUTE);
	assert_string_equal(tries_of(MINUTE + 1), "");
	/* Then each is tried with one request, whose outcome the others wait for. */
	assert_string_equal(turns_of(4, MINUTE + 10001), "ba--");
	done();
}

/* Of the next so many requests, all of which succeed. */
static int
share_of(char name, int requests, int64_t now_ms)
{
	int n = 0;

	for (int i = 0; i < requests; i++) {
		struct peer_set tried = { 0 };
		struct peer *p = balance_pick(group, &tried, now_ms);

		n += letter(p) == name;
		balance_report(p, true, now_ms);
	}
	return n;
}

/* One that failed comes back with little and gains its weight again request by request. */
static void
test_weight_is_regained(void **state)
{
	int64_t now = MINUTE;

	group_of(
	    "server 10.0.0.1 weight=10 max_fails=1 fail_timeout=1s; server 10.0.0.2 weight=10;");
	balance_report(peer_named('a', now), false, now);
	now += 1001;
	assert_in_range(share_of('a', 10, now), 1, 4);
	share_of('a', 20, now);
	assert_int_equal(share_of('a', 20, now), 10);
	done();
}

/* Beyond 64 nothing is remembered, and nothing breaks. */
static void
test_a_crowd(void **state)
{
	struct buf servers;
	struct peer_set tried = { 0 };
	bool seen[101] = { false };

	buf_init(&servers, 1 << 16);
	for (int i = 1; i <= 100; i++)
		buf_printf(&servers, "server 10.0.1.%d;", i);
	group_of(buf_str(&servers));
	for (int i = 0; i < 100; i++) {
		struct peer *p = balance_pick(group, &tried, 1);

		assert_non_null(p);
		seen[ntohl(p->address.u.in.sin_addr.s_addr) & 255] = true;
		balance_report(p, false, 1);
		balance_forget(p, &tried);
	}
	for (int i = 1; i <= 100; i++)
		assert_true(seen[i]);
	buf_release(&servers);
	done();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_weights_take_turns),
		cmocka_unit_test(test_weights_are_smooth),
		cmocka_unit_test(test_down_is_never_asked),
		cmocka_unit_test(test_each_is_tried_once_then_the_backups),
		cmocka_unit_test(test_what_was_forgotten_may_be_asked_again),
		cmocka_unit_test(test_one_that_failed_rests),
		cmocka_unit_test(test_failures_far_apart_do_not_add_up),
		cmocka_unit_test(test_no_limit_of_failures),
		cmocka_unit_test(test_the_only_one_never_rests),
		cmocka_unit_test(test_nobody_is_left_when_all_rest),
		cmocka_unit_test(test_weight_is_regained),
		cmocka_unit_test(test_a_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
