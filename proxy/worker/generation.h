/* SPDX-License-Identifier: ISC */
/*
 * generation: a bundle taken into service: prepare all of it, then commit, or nothing.
 *
 *	bundle fd -> map -> snapshot -> TLS contexts, upstream groups, log sinks (from resources)  | may fail: old one serves on
 *	          -> listeners watched, newest swapped, vanished listeners retired                  | commit
 */
#ifndef PROXY_WORKER_GENERATION_H
#define PROXY_WORKER_GENERATION_H

#include "base/err.h"
#include "proxy/worker/log_sink.h"
#include "proxy/worker/worker_state.h"

/* A descriptor the monitor has sent: a listening socket until a slot takes it, a log file in its sink. */
struct worker_resource {
	uint32_t id;
	int fd;                   /* -1 once it was taken */
	struct log_sink *sink;    /* NULL until a generation names it as a log */
	struct shared_zone *zone; /* NULL until a generation names it as a zone */
	bool named;               /* by the newest generation */
	struct worker_resource *next;
};

/* fd (taken) is from now on what id stands for. */
void worker_resource_set_take(struct worker *w, uint32_t id, int fd);
void worker_resources_free(struct worker *w);

/*
 * Load the bundle (fd is borrowed). before_commit (may be NULL) is called with the snapshot once all is
 * prepared; -1 refuses. -1 with e: nothing has changed.
 */
int generation_adopt(struct worker *w, uint64_t number, int bundle_fd,
    int (*before_commit)(struct worker *w, const struct snapshot *s, struct err *e), struct err *e)
    __attribute__((warn_unused_result));

#endif
