/* SPDX-License-Identifier: ISC */
/* listen_slot: see listen_slot.h. */
#include "proxy/worker/listen_slot.h"

#include "base/mem.h"
#include "proxy/net/pipe_pool.h"
#include "proxy/worker/arrival.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Connections taken from one socket in one turn, so that the others get theirs. One is where it begins: to ask for another
 * costs a call, which the next turn saves if there is one.
 */
#define ACCEPTS_A_TURN 64
/* Descriptors may come free without a client's end: files, idle upstreams, other processes' (nginx: accept_mutex_delay). */
#define RETRY_MS 500
/* Descriptors held back at each of two steps, at most; and of all that there are, one in so many. */
#define RESERVE_MAX 16
#define RESERVE_SHARE 8

#define slot_from_watch(w) ((struct listen_slot *)((char *)(w)-offsetof(struct listen_slot, watch)))

static struct log
slot_log(const struct listen_slot *s)
{
	return generation_error_log(s->generation, s->generation->snapshot->main.error_log);
}

static void
on_retry(struct timer *t)
{
	listen_slots_resume((struct worker *)((char *)t - offsetof(struct worker, accept_retry)));
}

/* Out of descriptors or memory, or nearly so. */
static void
pause_and_tell(struct listen_slot *s, int errnum)
{
	struct worker *w = s->worker;
	struct log log = slot_log(s);
	int64_t now_ms = loop_now_ms(w->loop);

	listen_slots_pause(w);
	w->accept_retry.on_expire = on_retry;
	timer_set(w->loop, &w->accept_retry, RETRY_MS);
	if (w->pause_told_ms && now_ms - w->pause_told_ms < 1000)
		return;
	w->pause_told_ms = now_ms;
	log_msg(&log, LOG_LEVEL_CRIT, "accepting pauses until a connection ends (%d: %s)", errnum,
	    strerrordesc_np(errnum));
}

void
listen_slots_share_descriptors(struct worker *w)
{
	struct rlimit limit;
	rlim_t reserve;

	w->accept_fd_max = w->connect_fd_max = 0;
	pipe_pool_bound(w->pipes, 0);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT_MAX)
		return;
	reserve = limit.rlim_cur / RESERVE_SHARE;
	if (reserve > RESERVE_MAX)
		reserve = RESERVE_MAX;
	w->connect_fd_max = (int)(limit.rlim_cur - reserve);
	w->accept_fd_max = (int)(limit.rlim_cur - 2 * reserve);
	/* Bytes can be copied as well. */
	pipe_pool_bound(w->pipes, w->accept_fd_max / 2);
}

static bool
is_shortage(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

static void
on_event(struct watch *watch, uint32_t events)
{
	struct listen_slot *s = slot_from_watch(watch);

	(void)events;
	for (unsigned i = 0; i < s->accepts; i++) {
		struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
		socklen_t len = sizeof(peer);
		int fd = accept4(watch->fd, (struct sockaddr *)&peer, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			if (is_shortage(errno))
				pause_and_tell(s, errno);
			s->accepts = 1;
			return;
		}
		arrival_take(s, fd, (struct sockaddr *)&peer, len);
		if (watch->fd >= 0 && s->worker->accept_fd_max && fd >= s->worker->accept_fd_max)
			pause_and_tell(s, EMFILE);
		if (watch->fd < 0)
			return;
	}
	if (s->accepts < ACCEPTS_A_TURN)
		s->accepts *= 2;
}

struct listen_slot *
listen_slot_find(struct worker *w, uint32_t resource_id)
{
	for (struct listen_slot *s = w->slots; s; s = s->next) {
		if (s->resource_id == resource_id)
			return s;
	}
	return NULL;
}

static struct listen_slot *
slot_new(struct worker *w, int fd)
{
	struct listen_slot *s = mem_zalloc(sizeof(*s));

	s->refs = 1;
	s->accepts = 1;
	s->worker = w;
	s->watch.fd = -1;
	s->watch.on_event = on_event;
	s->fd = fd;
	return s;
}

struct listen_slot *
listen_slot_add_take(struct worker *w, uint32_t resource_id, int fd)
{
	struct listen_slot *s = slot_new(w, fd);

	s->resource_id = resource_id;
	s->next = w->slots;
	w->slots = s;
	return s;
}

struct listen_slot *
listen_slot_new_gone(struct generation *g, const struct listener *l)
{
	struct listen_slot *s = slot_new(g->worker, -1);

	s->generation = generation_ref(g);
	s->listener = l;
	s->gone = true;
	return s;
}

static int
slot_watch(struct listen_slot *s)
{
	if (s->watch.fd >= 0)
		return 0;
	return loop_watch(s->worker->loop, &s->watch, s->fd, EPOLLIN | EPOLLEXCLUSIVE);
}

int
listen_slot_adopt(struct listen_slot *s, struct generation *g, const struct listener *l)
{
	generation_ref(g);
	generation_unref(s->generation);
	s->generation = g;
	s->listener = l;
	return s->worker->accepting_paused ? 0 : slot_watch(s);
}

void
listen_slot_retire(struct listen_slot *s)
{
	for (struct listen_slot **p = &s->worker->slots; *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			break;
		}
	}
	loop_unwatch(s->worker->loop, &s->watch);
	close(s->fd);
	s->fd = -1;
	s->gone = true;
	listen_slot_unref(s);
}

struct listen_slot *
listen_slot_ref(struct listen_slot *s)
{
	s->refs++;
	return s;
}

void
listen_slot_unref(struct listen_slot *s)
{
	if (--s->refs > 0)
		return;
	generation_unref(s->generation);
	free(s);
}

void
listen_slots_pause(struct worker *w)
{
	w->accepting_paused = true;
	for (struct listen_slot *s = w->slots; s; s = s->next)
		loop_unwatch(w->loop, &s->watch);
}

void
listen_slots_resume(struct worker *w)
{
	w->accepting_paused = false;
	timer_clear(&w->accept_retry);
	for (struct listen_slot *s = w->slots; s; s = s->next) {
		if (slot_watch(s) < 0)
			w->accepting_paused = true; /* the next connection to end tries again */
	}
}
