/* SPDX-License-Identifier: ISC */
/* shared_zone: see shared_zone.h. Session secrets lie in some: no core dump shows them. */
#include "proxy/worker/shared_zone.h"

#include "base/mem.h"

#include <stdlib.h>
#include <sys/mman.h>

static struct shared_zone *
map(int fd, size_t size, int flags)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	struct shared_zone *z;

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_DONTDUMP);
	z = mem_zalloc(sizeof(*z));
	*z = (struct shared_zone){ .refs = 1, .memory = memory, .size = size };
	return z;
}

struct shared_zone *
shared_zone_map(int fd, size_t size)
{
	return map(fd, size, MAP_SHARED);
}

struct shared_zone *
shared_zone_private(size_t size)
{
	return map(-1, size, MAP_PRIVATE | MAP_ANONYMOUS);
}

struct shared_zone *
shared_zone_ref(struct shared_zone *z)
{
	z->refs++;
	return z;
}

void
shared_zone_unref(struct shared_zone *z)
{
	if (!z || --z->refs > 0)
		return;
	munmap(z->memory, z->size);
	free(z);
}
