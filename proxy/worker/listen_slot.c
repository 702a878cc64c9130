/* SPDX-License-Identifier: ISC */
/* listen_slot: see listen_slot.h. */
#include "proxy/worker/listen_slot.h"

#include "base/mem.h"
#include "proxy/http/client_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections taken from one socket in one turn, so that the others get theirs. */
#define ACCEPTS_A_TURN 64

#define slot_from_watch(w) ((struct listen_slot *)((char *)(w)-offsetof(struct listen_slot, watch)))

static struct log
slot_log(const struct listen_slot *s)
{
	return generation_error_log(s->generation, s->generation->snapshot->main.error_log);
}

/* True when accepting makes no sense for now. */
static bool
out_of_descriptors(const struct listen_slot *s, int errnum)
{
	struct log log = slot_log(s);

	if (errnum != EMFILE && errnum != ENFILE && errnum != ENOBUFS && errnum != ENOMEM)
		return false;
	log_msg(&log, LOG_LEVEL_CRIT,
	    "accept4() failed (%d: %s): accepting goes on when a connection ends", errnum,
	    strerrordesc_np(errnum));
	return true;
}

static void
on_event(struct watch *watch, uint32_t events)
{
	struct listen_slot *s = slot_from_watch(watch);

	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		int fd = accept4(watch->fd, (struct sockaddr *)&peer, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			if (out_of_descriptors(s, errno))
				listen_slots_pause(s->worker);
			return;
		}
		client_conn_accept_take(s, fd, (struct sockaddr *)&peer, len);
		if (watch->fd < 0)
			return;
	}
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

struct listen_slot *
listen_slot_add_take(struct worker *w, uint32_t resource_id, int fd)
{
	struct listen_slot *s = mem_zalloc(sizeof(*s));

	s->refs = 1;
	s->worker = w;
	s->resource_id = resource_id;
	s->watch.fd = -1;
	s->watch.on_event = on_event;
	s->fd = fd;
	s->next = w->slots;
	w->slots = s;
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
	if (!s->worker->accepting_paused && slot_watch(s) < 0)
		return -1;
	generation_ref(g);
	generation_unref(s->generation);
	s->generation = g;
	s->listener = l;
	return 0;
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
	for (struct listen_slot *s = w->slots; s; s = s->next) {
		if (s->generation && slot_watch(s) < 0)
			w->accepting_paused = true; /* the next connection to end tries again */
	}
}
