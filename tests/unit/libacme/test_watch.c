/* SPDX-License-Identifier: ISC */
/* watch: who is told what, and that anybody may end anybody meanwhile. */
#include "base/mem.h"
#include "libacme/watch.h"
#include "tests/unit/unit.h"

#include <poll.h>

struct seen {
	struct watch_set *set;
	struct watch watch;
	struct watch *ends; /* to be ended when told */
	unsigned told;
	short revents;
};

static void
on_ready(void *arg, short revents)
{
	struct seen *s = arg;

	s->told++;
	s->revents = revents;
	if (s->ends)
		watch_end(s->set, s->ends);
}

static void
begin(struct watch_set *set, struct seen *s, int fd)
{
	s->set = set;
	s->watch.fd = fd;
	s->watch.events = POLLIN;
	s->watch.ready = on_ready;
	s->watch.arg = s;
	watch_begin(set, &s->watch);
}

static void
poll_and_tell(struct watch_set *set, int64_t now_ms, bool stopped)
{
	watch_prepare(set);
	poll(set->fds, set->count, 0);
	watch_tell(set, now_ms, stopped);
}

static void
descriptors_and_deadlines(void **state)
{
	struct watch_set set = { .first = NULL };
	struct seen a = { .told = 0 }, b = { .told = 0 };
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	begin(&set, &a, fds[0]);
	b.watch.deadline_ms = 100;
	begin(&set, &b, -1);
	assert_int_equal(watch_deadline_ms(&set), 100);
	poll_and_tell(&set, 99, false);
	assert_int_equal(a.told + b.told, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	poll_and_tell(&set, 99, false);
	assert_int_equal(a.told, 1);
	assert_int_equal(a.revents, POLLIN);
	poll_and_tell(&set, 100, false);
	assert_int_equal(b.told, 1);
	assert_int_equal(b.revents, 0);
	assert_int_equal(watch_deadline_ms(&set), -1);
	watch_end(&set, &a.watch);
	watch_end(&set, &b.watch);
	assert_false(watch_keeps(&set));
	watch_set_release(&set);
	close(fds[0]);
	close(fds[1]);
}

static void
a_stop_is_told_once_and_not_in_the_background(void **state)
{
	struct watch_set set = { .first = NULL };
	struct seen a = { .told = 0 }, b = { .watch = { .background = true } };

	begin(&set, &b, -1);
	assert_false(watch_keeps(&set));
	begin(&set, &a, -1);
	assert_true(watch_keeps(&set));
	poll_and_tell(&set, 1, true);
	poll_and_tell(&set, 2, true);
	assert_int_equal(a.told, 1);
	assert_int_equal(b.told, 0);
	watch_end(&set, &a.watch);
	watch_end(&set, &b.watch);
	watch_set_release(&set);
}

static void
one_ends_the_other(void **state)
{
	struct watch_set set = { .first = NULL };
	struct seen a = { .told = 0 }, b = { .told = 0 };

	a.ends = &b.watch;
	b.ends = &a.watch;
	begin(&set, &a, -1);
	begin(&set, &b, -1);
	a.watch.deadline_ms = b.watch.deadline_ms = 1;
	poll_and_tell(&set, 1, false);
	assert_int_equal(a.told + b.told, 1);
	watch_end(&set, &a.watch);
	watch_end(&set, &b.watch);
	watch_set_release(&set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_and_deadlines),
		cmocka_unit_test(a_stop_is_told_once_and_not_in_the_background),
		cmocka_unit_test(one_ends_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
