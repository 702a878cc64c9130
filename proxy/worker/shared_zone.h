/* SPDX-License-Identifier: ISC */
/*
 * shared_zone: a worker's view of memory that is shared by all workers, or of memory of the same kind that is its own.
 */
#ifndef PROXY_WORKER_SHARED_ZONE_H
#define PROXY_WORKER_SHARED_ZONE_H

#include <stddef.h>

struct shared_zone {
	unsigned refs;
	void *memory; /* page-aligned; zeroed when it was made */
	size_t size;
};

/* The memory behind fd (borrowed), which the monitor made. NULL with errno. */
struct shared_zone *shared_zone_map(int fd, size_t size);
/* Memory of this worker alone. NULL with errno. */
struct shared_zone *shared_zone_private(size_t size);
struct shared_zone *shared_zone_ref(struct shared_zone *z);
/* Takes NULL; unmaps with the last. */
void shared_zone_unref(struct shared_zone *z);

#endif
