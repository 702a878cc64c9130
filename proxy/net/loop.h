/* SPDX-License-Identifier: ISC */
/*
 * loop: one epoll loop, its clock, its timers, and work put off to the end of the turn.
 *
 *	turn: epoll_wait -> events -> expired timers -> deferred work (flushes, frees)
 *
 * Nothing whose handler may be on the stack is freed before the end of the turn: owners
 * unlink at once and free in deferred work. Watches are edge-triggered and registered once.
 */
#ifndef PROXY_NET_LOOP_H
#define PROXY_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* A descriptor being watched; embedded in its owner. */
struct watch {
	int fd; /* -1 = not watched */
	void (*on_event)(struct watch *w, uint32_t events);
};

/* Embedded in its owner; inactive when all zero. */
struct timer {
	struct timer *next, **prev; /* wheel slot; prev NULL = not queued */
	int64_t deadline_ms;        /* loop clock; 0 = not set */
	int64_t slot_ms;            /* when the wheel will look at it: never after deadline */
	void (*on_expire)(struct timer *t);
};

/* Work for the end of the turn; embedded in its owner, queued at most once. */
struct deferred {
	struct deferred *next; /* in a ring; NULL = not queued */
	void (*run)(struct deferred *d);
};

/* NULL with errno when the kernel refuses. */
struct loop *loop_new(void);
void loop_free(struct loop *l);

/* events: EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET | EPOLLEXCLUSIVE. 0 or -1 with errno. */
int loop_watch(struct loop *l, struct watch *w, int fd, uint32_t events);
/* Watch for other events from now on; those that are there already are told. */
void loop_watch_change(struct loop *l, struct watch *w, uint32_t events);
/* Stop watching; its pending events of this turn are not delivered. Does not close. */
void loop_unwatch(struct loop *l, struct watch *w);
/* The same for a descriptor that the caller closes next, which is what takes it out of the kernel's set. */
void loop_unwatch_closing(struct loop *l, struct watch *w);

/*
 * (Re)arm. Moving a deadline later costs nothing: the wheel finds out when it looks. Granularity 16 ms,
 * never early.
 */
void timer_set(struct loop *l, struct timer *t, int64_t delay_ms);
void timer_clear(struct timer *t);
static inline bool
timer_active(const struct timer *t)
{
	return t->deadline_ms != 0;
}

/* Run at the end of this turn (or of the next, when queued by deferred work of the same item). */
void loop_defer(struct loop *l, struct deferred *d);
/* Take back; does nothing when not queued. */
void loop_undefer(struct loop *l, struct deferred *d);
static inline bool
deferred_queued(const struct deferred *d)
{
	return d->next != NULL;
}

/* Monotonic milliseconds, read once a turn. */
int64_t loop_now_ms(const struct loop *l);
/* Wall clock milliseconds, read once a turn. */
int64_t loop_wall_ms(const struct loop *l);
/* "Sun, 06 Nov 1994 08:49:37 GMT", formatted once a second. */
const char *loop_http_date(struct loop *l);

/* One turn; waits until an event or timer, at most max_wait_ms (-1: no bound). */
void loop_turn(struct loop *l, int64_t max_wait_ms);

#endif
