/* SPDX-License-Identifier: ISC */
/*
 * loop: see loop.h.
 *
 * Timers live in one hashed wheel of 16 ms ticks. A timer further away than the wheel's span waits in the
 * farthest slot and is put back when that slot comes round; so is one whose deadline was moved later meanwhile.
 * A bitmap of occupied slots tells how long to sleep.
 */
#include "proxy/net/loop.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TICK_MS 16
#define SLOTS 1024
#define EVENTS_A_TURN 256
/* Deferred work may queue more; after so many rounds the rest waits for the next turn. */
#define DEFER_ROUNDS 8

struct loop {
	int epoll_fd;
	int64_t now_ms, wall_ms;
	int64_t tick; /* last one whose slot was emptied */
	struct timer *slots[SLOTS];
	uint64_t occupied[SLOTS / 64];
	struct deferred *last_deferred; /* its next is the first; NULL = none */
	struct epoll_event events[EVENTS_A_TURN];
	int event, event_count; /* being delivered */
	int64_t date_second;
	char date[CLOCK_HTTP_LEN + 1];
};

static void
read_clocks(struct loop *l)
{
	l->now_ms = clock_mono_ms();
	l->wall_ms = clock_wall_ms();
}

struct loop *
loop_new(void)
{
	struct loop *l = mem_zalloc(sizeof(*l));

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		free(l);
		return NULL;
	}
	read_clocks(l);
	l->tick = l->now_ms / TICK_MS;
	l->date_second = -1;
	return l;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->epoll_fd);
	free(l);
}

int
loop_watch(struct loop *l, struct watch *w, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -1;
	w->fd = fd;
	return 0;
}

void
loop_watch_change(struct loop *l, struct watch *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev);
}

void
loop_unwatch_closing(struct loop *l, struct watch *w)
{
	if (w->fd < 0)
		return;
	for (int i = l->event + 1; i < l->event_count; i++) {
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
	}
	w->fd = -1;
}

void
loop_unwatch(struct loop *l, struct watch *w)
{
	if (w->fd < 0)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	loop_unwatch_closing(l, w);
}

static void
timer_queue(struct loop *l, struct timer *t)
{
	int64_t tick = (t->deadline_ms + TICK_MS - 1) / TICK_MS;
	unsigned slot;

	if (tick <= l->tick)
		tick = l->tick + 1;
	if (tick >= l->tick + SLOTS)
		tick = l->tick + SLOTS - 1;
	slot = (unsigned)(tick % SLOTS);
	t->slot_ms = tick * TICK_MS;
	t->next = l->slots[slot];
	if (t->next)
		t->next->prev = &t->next;
	t->prev = &l->slots[slot];
	l->slots[slot] = t;
	l->occupied[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static void
timer_unlink(struct timer *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->prev = NULL;
	t->next = NULL;
}

void
timer_set(struct loop *l, struct timer *t, int64_t delay_ms)
{
	t->deadline_ms = l->now_ms + (delay_ms > 0 ? delay_ms : 0);
	if (t->deadline_ms == 0)
		t->deadline_ms = 1;
	if (t->prev) {
		if (t->slot_ms <= t->deadline_ms)
			return;
		timer_unlink(t);
	}
	timer_queue(l, t);
}

void
timer_clear(struct timer *t)
{
	t->deadline_ms = 0;
	if (t->prev)
		timer_unlink(t);
}

static void
slot_run(struct loop *l, unsigned slot)
{
	struct timer *list = l->slots[slot];
	struct timer *t;

	l->slots[slot] = NULL;
	l->occupied[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	if (list)
		list->prev = &list;
	while ((t = list)) {
		timer_unlink(t);
		if (t->deadline_ms > l->now_ms) {
			timer_queue(l, t);
		} else {
			t->deadline_ms = 0;
			t->on_expire(t);
		}
	}
}

static void
timers_run(struct loop *l)
{
	int64_t now_tick = l->now_ms / TICK_MS;
	int64_t from = l->tick + 1;

	if (now_tick < from)
		return;
	if (now_tick - from >= SLOTS)
		from = now_tick - SLOTS + 1;
	/* Callbacks queue relative to where the wheel stands now, never into a slot being emptied. */
	l->tick = now_tick;
	for (int64_t tick = from; tick <= now_tick; tick++) {
		unsigned slot = (unsigned)(tick % SLOTS);

		if (l->occupied[slot / 64] & (UINT64_C(1) << (slot % 64)))
			slot_run(l, slot);
	}
}

/* Milliseconds until the wheel has something to look at; -1 = nothing at all. */
static int64_t
timers_wait(const struct loop *l)
{
	for (int64_t tick = l->tick + 1; tick < l->tick + SLOTS;) {
		unsigned slot = (unsigned)(tick % SLOTS);
		uint64_t bits = l->occupied[slot / 64] >> (slot % 64);

		if (bits) {
			int64_t at = (tick + __builtin_ctzll(bits)) * TICK_MS;

			return at > l->now_ms ? at - l->now_ms : 0;
		}
		tick += 64 - slot % 64;
	}
	return -1;
}

void
loop_defer(struct loop *l, struct deferred *d)
{
	struct deferred *last = l->last_deferred;

	if (deferred_queued(d))
		return;
	d->next = last ? last->next : d;
	if (last)
		last->next = d;
	l->last_deferred = d;
}

void
loop_undefer(struct loop *l, struct deferred *d)
{
	struct deferred *before = l->last_deferred;

	if (!deferred_queued(d))
		return;
	while (before->next != d)
		before = before->next;
	before->next = d->next;
	if (l->last_deferred == d)
		l->last_deferred = before == d ? NULL : before;
	d->next = NULL;
}

static void
deferred_run(struct loop *l)
{
	struct deferred mark = { .next = NULL };

	for (int round = 0; round < DEFER_ROUNDS && l->last_deferred; round++) {
		/* Work queued from here on stands behind the mark and belongs to the next round. */
		loop_defer(l, &mark);
		for (;;) {
			struct deferred *d = l->last_deferred->next;

			loop_undefer(l, d);
			if (d == &mark)
				break;
			d->run(d);
		}
	}
}

int64_t
loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

int64_t
loop_wall_ms(const struct loop *l)
{
	return l->wall_ms;
}

const char *
loop_http_date(struct loop *l)
{
	int64_t second = l->wall_ms / 1000;

	if (second != l->date_second) {
		l->date_second = second;
		clock_format_http(second, l->date);
	}
	return l->date;
}

void
loop_turn(struct loop *l, int64_t max_wait_ms)
{
	int64_t wait_ms = l->last_deferred ? 0 : timers_wait(l);
	int n;

	if (wait_ms < 0 || (max_wait_ms >= 0 && max_wait_ms < wait_ms))
		wait_ms = max_wait_ms;
	if (wait_ms > 60000)
		wait_ms = 60000;
	n = epoll_wait(l->epoll_fd, l->events, EVENTS_A_TURN, (int)wait_ms);
	read_clocks(l);
	l->event_count = n > 0 ? n : 0;
	for (l->event = 0; l->event < l->event_count; l->event++) {
		struct watch *w = l->events[l->event].data.ptr;

		if (w)
			w->on_event(w, l->events[l->event].events);
	}
	l->event_count = 0;
	timers_run(l);
	deferred_run(l);
}
