/* SPDX-License-Identifier: ISC */
/*
 * resource: descriptors the monitor opens for its workers: listening sockets, log files and shared memory.
 *
 * Known by kind and name across generations: an edition that needs one that is there takes a reference, so that
 * a reload keeps sockets and files; the last reference closes. Ids are never used twice.
 */
#ifndef PROXY_MONITOR_RESOURCE_H
#define PROXY_MONITOR_RESOURCE_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum resource_kind { RESOURCE_LISTENER, RESOURCE_LOG, RESOURCE_ZONE };

struct resource {
	uint32_t id; /* 1.. */
	enum resource_kind kind;
	char *name; /* what it is found by */
	int fd;     /* owned */
	int *more;  /* owned: for the second worker and on, each its own (reuseport) */
	unsigned more_count;
	char *unlink; /* a socket file to remove with it, or NULL */
	unsigned refs;
	struct resource *next;
};

struct resource_table {
	int *inherited; /* owned: listening sockets of the binary before us, not claimed yet */
	size_t inherited_count;
	bool keep_socket_files; /* somebody else listens on them */
	struct resource *first;
	uint32_t last_id;
};

/* With one more reference; NULL if there is none. */
struct resource *resource_find(struct resource_table *t, enum resource_kind kind, struct span name);
/* With one reference. Takes fd. */
struct resource *resource_add(struct resource_table *t, enum resource_kind kind, struct span name,
    int fd_take);
/* What a worker gets. */
int resource_fd(const struct resource *r, unsigned worker_number);
/* One more for the workers (taken). */
void resource_add_fd(struct resource *r, int fd_take);
/* Close those of workers from this number on. */
void resource_trim(struct resource *r, unsigned workers);
/* A listening socket from outside (taken): for whoever asks for its address. */
void resource_inherit_take(struct resource_table *t, int fd);
/* The inherited socket that is bound to this address, given away; -1: none. */
int resource_claim_detach(struct resource_table *t, const struct sockaddr *sa);
/* Close what nobody claimed. */
void resource_forget_inherited(struct resource_table *t);
void resource_unref(struct resource_table *t, struct resource *r);

#endif
