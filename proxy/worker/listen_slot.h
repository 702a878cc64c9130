/* SPDX-License-Identifier: ISC */
/*
 * listen_slot: a listening socket in a worker, and the generation its connections are served from.
 *
 * A slot lives as long as its resource id is in the newest generation, or connections accepted on it exist. When a reload
 * takes its listener away it stops accepting, and what is open on it is served to its end from the last generation that
 * knew it.
 */
#ifndef PROXY_WORKER_LISTEN_SLOT_H
#define PROXY_WORKER_LISTEN_SLOT_H

#include "proxy/net/loop.h"
#include "proxy/worker/worker_state.h"

struct listen_slot {
	unsigned refs; /* the worker's list, and each connection */
	struct worker *worker;
	uint32_t resource_id;
	int fd;                          /* owned */
	unsigned accepts;                /* connections taken in the next turn, at most */
	struct watch watch;              /* its fd is -1 while accepting is paused */
	struct generation *generation;   /* counted: newest that has it */
	const struct listener *listener; /* in that generation */
	bool current;                    /* the adoption under way names it */
	bool gone;                       /* not in the worker's newest generation */
	struct listen_slot *next;
};

/* The slot with this id, made (fd taken) if there is none. */
struct listen_slot *listen_slot_add_take(struct worker *w, uint32_t resource_id, int fd);
struct listen_slot *listen_slot_find(struct worker *w, uint32_t resource_id);
/* One for a listener of g that accepts no more, held: for what was on its way there. */
struct listen_slot *listen_slot_new_gone(struct generation *g, const struct listener *l);
/* Serve from g, where the slot's listener is l, and accept. 0 or -1 with errno. */
int listen_slot_adopt(struct listen_slot *s, struct generation *g, const struct listener *l);
/* No more accepting; the slot ends with its last connection. */
void listen_slot_retire(struct listen_slot *s);
struct listen_slot *listen_slot_ref(struct listen_slot *s);
void listen_slot_unref(struct listen_slot *s);

/*
 * Descriptors are for what is under way first: a reload needs some, then upstreams, then new clients. By the limit on
 * their number as it is now.
 */
void listen_slots_share_descriptors(struct worker *w);
/* Stop and go on accepting, all slots: when descriptors or worker_connections run out. */
void listen_slots_pause(struct worker *w);
void listen_slots_resume(struct worker *w);

#endif
