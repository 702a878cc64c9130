/* SPDX-License-Identifier: ISC */
/* pipe_pool: see pipe_pool.h. */
#include "proxy/net/pipe_pool.h"

#include "base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define KEPT_MAX 32
/*
 * Wanted: a bulk transfer moves so much with one pair of calls. The kernel gives less to a user
 * who has many.
 */
#define SIZE_WANTED (256 * 1024)

struct pipe_pool {
	struct pipe *kept;
	unsigned count;
};

struct pipe_pool *
pipe_pool_new(void)
{
	return mem_zalloc(sizeof(struct pipe_pool));
}

static struct pipe *
pipe_open(void)
{
	struct pipe *p;
	int fds[2], size;

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return NULL;
	size = fcntl(fds[1], F_SETPIPE_SZ, SIZE_WANTED);
	if (size <= 0)
		size = fcntl(fds[1], F_GETPIPE_SZ);
	p = mem_zalloc(sizeof(*p));
	p->read_fd = fds[0];
	p->write_fd = fds[1];
	p->size = size > 0 ? (size_t)size : 4096;
	return p;
}

static void
pipe_close(struct pipe *p)
{
	close(p->read_fd);
	close(p->write_fd);
	free(p);
}

void
pipe_pool_free(struct pipe_pool *pool)
{
	if (!pool)
		return;
	while (pool->kept) {
		struct pipe *p = pool->kept;

		pool->kept = p->next;
		pipe_close(p);
	}
	free(pool);
}

struct pipe *
pipe_pool_borrow(struct pipe_pool *pool)
{
	struct pipe *p = pool->kept;

	if (!p)
		return pipe_open();
	pool->kept = p->next;
	pool->count--;
	p->next = NULL;
	return p;
}

void
pipe_pool_return(struct pipe_pool *pool, struct pipe *p)
{
	if (!p)
		return;
	if (p->held > 0 || pool->count == KEPT_MAX) {
		pipe_close(p);
		return;
	}
	p->next = pool->kept;
	pool->kept = p;
	pool->count++;
}
