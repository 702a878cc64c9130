/* SPDX-License-Identifier: ISC */
/* Tests of the loop: order within a turn, timers on a clock of ours, work put off to the end. */
#include "base/clock.h"
#include "proxy/net/loop.h"
#include "tests/unit/unit.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define TICK_MS 16

static struct {
	int64_t ms;
} now;

static int64_t
fake_mono_us(void *arg)
{
	return now.ms * 1000;
}

static int64_t
fake_wall_ms(void *arg)
{
	return now.ms;
}

static int
with_fake_clock(void **state)
{
	static const struct clock_source source = { .mono_us = fake_mono_us,
		.wall_ms = fake_wall_ms };

	now.ms = 1000000;
	clock_set_source(&source);
	*state = loop_new();
	return *state ? 0 : -1;
}

static int
with_real_clock(void **state)
{
	loop_free(*state);
	clock_set_source(NULL);
	return 0;
}

/* ---- what happened, in order ----------------------------------------------------------------- */

static char story[256];

static void
tell(char c)
{
	size_t n = strlen(story);

	assert_true(n + 1 < sizeof(story));
	story[n] = c;
	story[n + 1] = '\0';
}

struct actor {
	struct loop *loop;
	struct watch watch;
	struct timer timer;
	struct deferred deferred;
	struct actor *other;
	char name;
	int fd, peer, fired;
	int64_t fired_ms;
};

#define actor_from(ptr, member) ((struct actor *)((char *)(ptr)-offsetof(struct actor, member)))

static void
on_event(struct watch *w, uint32_t events)
{
	char byte;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(w->fd, &byte, 1), 1);
	tell('e');
}

static void
on_expire(struct timer *t)
{
	struct actor *a = actor_from(t, timer);

	assert_false(timer_active(t));
	a->fired++;
	a->fired_ms = now.ms;
	tell(a->name);
}

static void
on_deferred(struct deferred *d)
{
	tell(actor_from(d, deferred)->name);
}

static void
actor_init(struct actor *a, struct loop *loop, char name)
{
	*a = (struct actor){ .loop = loop,
		.watch = { .fd = -1, .on_event = on_event },
		.timer.on_expire = on_expire,
		.deferred.run = on_deferred,
		.name = name };
	story[0] = '\0';
}

static void
actor_watch(struct actor *a)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	a->fd = pair[0];
	a->peer = pair[1];
	assert_int_equal(loop_watch(a->loop, &a->watch, a->fd, EPOLLIN | EPOLLET), 0);
	assert_int_equal(write(a->peer, "x", 1), 1);
}

static void
actor_unwatch(struct actor *a)
{
	loop_unwatch(a->loop, &a->watch);
	close(a->fd);
	close(a->peer);
}

/* ---- order ------------------------------------------------------------------------------------ */

static void
test_events_then_timers_then_deferred(void **state)
{
	struct loop *l = *state;
	struct actor a, d;

	actor_init(&a, l, 't');
	actor_init(&d, l, 'd');
	loop_defer(l, &d.deferred);
	timer_set(l, &a.timer, 5);
	actor_watch(&a);
	now.ms += 2 * TICK_MS;
	loop_turn(l, 0);
	assert_string_equal(story, "etd");
	actor_unwatch(&a);
}

static void
stop_the_other(struct watch *w, uint32_t events)
{
	struct actor *a = actor_from(w, watch);

	tell('e');
	loop_unwatch(a->loop, &a->other->watch);
	assert_int_equal(a->other->watch.fd, -1);
}

static void
test_unwatch_takes_back_a_pending_event(void **state)
{
	struct loop *l = *state;
	struct actor a, b;

	actor_init(&a, l, 'a');
	actor_init(&b, l, 'b');
	a.other = &b;
	b.other = &a;
	a.watch.on_event = b.watch.on_event = stop_the_other;
	actor_watch(&a);
	actor_watch(&b);
	loop_turn(l, 0);
	assert_string_equal(story, "e");
	loop_turn(l, 0);
	assert_string_equal(story, "e");
	actor_unwatch(&a);
	actor_unwatch(&b);
}

static void
close_the_other(struct watch *w, uint32_t events)
{
	struct actor *a = actor_from(w, watch);

	tell('e');
	loop_unwatch_closing(a->loop, &a->other->watch);
	close(a->other->fd);
	a->other->fd = -1;
}

static void
test_a_closing_descriptor_is_silent_too(void **state)
{
	struct loop *l = *state;
	struct actor a, b;

	actor_init(&a, l, 'a');
	actor_init(&b, l, 'b');
	a.other = &b;
	b.other = &a;
	a.watch.on_event = b.watch.on_event = close_the_other;
	actor_watch(&a);
	actor_watch(&b);
	loop_turn(l, 0);
	loop_turn(l, 0);
	assert_string_equal(story, "e");
	actor_unwatch(&a);
	actor_unwatch(&b);
}

/* ---- timers ------------------------------------------------------------------------------------- */

static void
pass(struct loop *l, int64_t ms)
{
	now.ms += ms;
	loop_turn(l, 0);
}

static void
test_a_timer_is_never_early_and_a_tick_late_at_most(void **state)
{
	struct loop *l = *state;

	for (int64_t delay = 1; delay < 100; delay += 7) {
		struct actor a;

		actor_init(&a, l, 't');
		timer_set(l, &a.timer, delay);
		assert_true(timer_active(&a.timer));
		pass(l, delay - 1);
		assert_int_equal(a.fired, 0);
		pass(l, 1 + TICK_MS);
		assert_int_equal(a.fired, 1);
		pass(l, 100000);
		assert_int_equal(a.fired, 1);
	}
}

static void
test_zero_and_negative_delays_fire_on_the_next_tick(void **state)
{
	struct loop *l = *state;
	struct actor a, b;

	actor_init(&a, l, 'a');
	actor_init(&b, l, 'b');
	timer_set(l, &a.timer, 0);
	timer_set(l, &b.timer, -5);
	assert_true(timer_active(&a.timer) && timer_active(&b.timer));
	pass(l, 2 * TICK_MS);
	assert_int_equal(a.fired + b.fired, 2);
}

static void
test_a_timer_moves_both_ways(void **state)
{
	struct loop *l = *state;
	struct actor a;

	actor_init(&a, l, 't');
	timer_set(l, &a.timer, 100);
	timer_set(l, &a.timer, 1000);
	pass(l, 900);
	assert_int_equal(a.fired, 0);
	timer_set(l, &a.timer, 50);
	pass(l, 50 + TICK_MS);
	assert_int_equal(a.fired, 1);
	timer_set(l, &a.timer, 30);
	timer_clear(&a.timer);
	timer_clear(&a.timer);
	assert_false(timer_active(&a.timer));
	pass(l, 1000);
	assert_int_equal(a.fired, 1);
}

static void
test_a_timer_further_away_than_the_wheel_reaches(void **state)
{
	struct loop *l = *state;
	struct actor a;

	actor_init(&a, l, 't');
	timer_set(l, &a.timer, 100000);
	for (int i = 0; i < 99; i++)
		pass(l, 1000);
	assert_int_equal(a.fired, 0);
	pass(l, 1000 + TICK_MS);
	assert_int_equal(a.fired, 1);
}

static void
test_a_leap_over_the_whole_wheel_misses_none(void **state)
{
	struct loop *l = *state;
	struct actor a[20];

	for (int i = 0; i < 20; i++) {
		actor_init(&a[i], l, 't');
		timer_set(l, &a[i].timer, 1000 * i);
	}
	pass(l, 3600 * 1000);
	for (int i = 0; i < 20; i++)
		assert_int_equal(a[i].fired, 1);
}

static void
clear_the_other(struct timer *t)
{
	struct actor *a = actor_from(t, timer);

	on_expire(t);
	timer_clear(&a->other->timer);
}

static void
test_one_timer_clears_another_due_in_the_same_slot(void **state)
{
	struct loop *l = *state;
	struct actor a, b;

	actor_init(&a, l, 'x');
	actor_init(&b, l, 'x');
	a.other = &b;
	b.other = &a;
	a.timer.on_expire = b.timer.on_expire = clear_the_other;
	timer_set(l, &a.timer, 20);
	timer_set(l, &b.timer, 20);
	pass(l, 100);
	assert_string_equal(story, "x");
}

static void
rearm(struct timer *t)
{
	on_expire(t);
	timer_set(actor_from(t, timer)->loop, t, 0);
}

static void
test_a_timer_armed_again_by_itself_waits_for_the_next_tick(void **state)
{
	struct loop *l = *state;
	struct actor a;

	actor_init(&a, l, 't');
	a.timer.on_expire = rearm;
	timer_set(l, &a.timer, 0);
	for (int i = 1; i <= 5; i++) {
		pass(l, TICK_MS);
		loop_turn(l, 0);
		assert_int_equal(a.fired, i);
	}
	timer_clear(&a.timer);
}

/* Thousands of timers set, moved and cleared at random, against a plain list of deadlines. */
static void
test_many_timers_at_random(void **state)
{
	enum { MANY = 500 };
	static struct actor a[MANY];
	struct loop *l = *state;
	int64_t deadline[MANY] = { 0 };
	uint64_t seed = 42;

	for (int i = 0; i < MANY; i++)
		actor_init(&a[i], l, 't');
	for (int step = 0; step < 4000; step++) {
		int i;

		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		i = (int)(seed >> 33) % MANY;
		if (seed >> 60 == 0) {
			timer_clear(&a[i].timer);
			deadline[i] = 0;
		} else {
			int64_t delay = (int64_t)(seed >> 40) % (step % 7 ? 2000 : 60000);

			timer_set(l, &a[i].timer, delay);
			deadline[i] = now.ms + delay;
		}
		story[0] = '\0';
		if (step % 3 == 0)
			now.ms += (int64_t)(seed >> 50) % 40;
		for (int k = 0; k < MANY; k++)
			a[k].fired = 0;
		loop_turn(l, 0);
		for (int k = 0; k < MANY; k++) {
			if (a[k].fired) {
				assert_int_equal(a[k].fired, 1);
				assert_true(deadline[k] && deadline[k] <= now.ms);
				deadline[k] = 0;
			} else if (deadline[k]) {
				assert_true(timer_active(&a[k].timer));
				assert_true(now.ms < deadline[k] + 2 * TICK_MS);
			}
		}
	}
	for (int i = 0; i < MANY; i++)
		timer_clear(&a[i].timer);
}

/* ---- deferred ------------------------------------------------------------------------------------- */

static void
test_deferred_work_runs_once_in_order(void **state)
{
	struct loop *l = *state;
	struct actor a, b, c;

	actor_init(&a, l, 'a');
	actor_init(&b, l, 'b');
	actor_init(&c, l, 'c');
	loop_defer(l, &a.deferred);
	loop_defer(l, &b.deferred);
	loop_defer(l, &c.deferred);
	loop_defer(l, &a.deferred);
	loop_turn(l, 0);
	loop_turn(l, 0);
	assert_string_equal(story, "abc");
}

static void
test_taken_back_first_middle_and_last(void **state)
{
	struct loop *l = *state;
	struct actor a[5];

	for (int i = 0; i < 5; i++) {
		actor_init(&a[i], l, (char)('a' + i));
		loop_defer(l, &a[i].deferred);
	}
	loop_undefer(l, &a[0].deferred);
	loop_undefer(l, &a[2].deferred);
	loop_undefer(l, &a[4].deferred);
	loop_undefer(l, &a[4].deferred);
	loop_defer(l, &a[2].deferred);
	loop_turn(l, 0);
	assert_string_equal(story, "bdc");
}

static void
take_back_the_other(struct deferred *d)
{
	struct actor *a = actor_from(d, deferred);

	tell(a->name);
	loop_undefer(a->loop, &a->other->deferred);
	loop_defer(a->loop, &a->other->deferred);
	loop_undefer(a->loop, &a->other->deferred);
}

static void
test_taken_back_while_the_list_runs(void **state)
{
	struct loop *l = *state;
	struct actor a, b, c;

	actor_init(&a, l, 'a');
	actor_init(&b, l, 'b');
	actor_init(&c, l, 'c');
	a.other = &b;
	a.deferred.run = take_back_the_other;
	loop_defer(l, &a.deferred);
	loop_defer(l, &b.deferred);
	loop_turn(l, 0);
	loop_defer(l, &c.deferred);
	loop_turn(l, 0);
	assert_string_equal(story, "ac");
}

static void
defer_again(struct deferred *d)
{
	struct actor *a = actor_from(d, deferred);

	a->fired++;
	loop_defer(a->loop, d);
}

/* It gets more rounds, but not all of the worker: and what is left does not wait for an event. */
static void
test_work_that_defers_itself_does_not_hold_up_the_loop(void **state)
{
	struct loop *l = *state;
	struct actor a;
	int before;

	actor_init(&a, l, 'a');
	a.deferred.run = defer_again;
	loop_defer(l, &a.deferred);
	loop_turn(l, 0);
	before = a.fired;
	assert_in_range(before, 2, 100);
	loop_turn(l, -1);
	assert_true(a.fired > before);
	loop_undefer(l, &a.deferred);
}

/* ---- clocks ----------------------------------------------------------------------------------------- */

static void
test_clocks_are_read_once_a_turn(void **state)
{
	struct loop *l = *state;
	int64_t then = loop_now_ms(l);

	now.ms = INT64_C(784111777) * 1000;
	assert_int_equal(loop_now_ms(l), then);
	loop_turn(l, 0);
	assert_int_equal(loop_now_ms(l), now.ms);
	assert_int_equal(loop_wall_ms(l), now.ms);
	assert_string_equal(loop_http_date(l), "Sun, 06 Nov 1994 08:49:37 GMT");
	pass(l, 1000);
	assert_string_equal(loop_http_date(l), "Sun, 06 Nov 1994 08:49:38 GMT");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_fake_clock, with_real_clock)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_events_then_timers_then_deferred),
		TEST(test_unwatch_takes_back_a_pending_event),
		TEST(test_a_closing_descriptor_is_silent_too),
		TEST(test_a_timer_is_never_early_and_a_tick_late_at_most),
		TEST(test_zero_and_negative_delays_fire_on_the_next_tick),
		TEST(test_a_timer_moves_both_ways),
		TEST(test_a_timer_further_away_than_the_wheel_reaches),
		TEST(test_a_leap_over_the_whole_wheel_misses_none),
		TEST(test_one_timer_clears_another_due_in_the_same_slot),
		TEST(test_a_timer_armed_again_by_itself_waits_for_the_next_tick),
		TEST(test_many_timers_at_random),
		TEST(test_deferred_work_runs_once_in_order),
		TEST(test_taken_back_first_middle_and_last),
		TEST(test_taken_back_while_the_list_runs),
		TEST(test_work_that_defers_itself_does_not_hold_up_the_loop),
		TEST(test_clocks_are_read_once_a_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
