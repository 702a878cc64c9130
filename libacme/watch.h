/* SPDX-License-Identifier: ISC */
/*
 * watch: descriptors that the acme_http loop waits for besides its transfers: programs that run, sockets that listen,
 * questions to name servers.
 */
#ifndef LIBACME_WATCH_H
#define LIBACME_WATCH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is waited for; borrowed by whoever made it, until watch_end. */
struct watch {
	int fd; /* -1: the deadline only */
	short events;
	bool background;     /* does not keep the loop turning: a listener */
	int64_t deadline_ms; /* clock_mono_ms; 0 = none; once told, it is set to 0 */
	/*
	 * revents: poll's; 0 = the deadline is over, or (once, unless in the background) the loop has been told to stop. May begin
	 * and end watches.
	 */
	void (*ready)(void *arg, short revents);
	void *arg;

	/* Private. */
	struct watch *next;
	bool told;
};

struct watch_set {
	struct watch *first;
	struct pollfd *fds; /* as last asked for */
	size_t count;
};

void watch_set_release(struct watch_set *set);

/* w stays where it is until watch_end; watch_end may be called at any time, and w be freed with it. */
void watch_begin(struct watch_set *set, struct watch *w);
/* Quiet if it was not begun. */
void watch_end(struct watch_set *set, struct watch *w);

/* Does one keep the loop turning? */
bool watch_keeps(const struct watch_set *set);
/* The soonest deadline, or -1. */
int64_t watch_deadline_ms(const struct watch_set *set);
/* For poll: set->fds, set->count. */
void watch_prepare(struct watch_set *set);
/* Tell those that poll found, those whose deadline is over, and all when stopped. */
void watch_tell(struct watch_set *set, int64_t now_ms, bool stopped);

#endif
