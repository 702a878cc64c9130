/* SPDX-License-Identifier: ISC */
/* pipe_pool: see pipe_pool.h. */
#include "proxy/net/pipe_pool.h"

#include "base/mem.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define KEPT_MAX 32
/*
 * Wanted: a bulk transfer moves so much with one pair of calls. The kernel gives less to a user
 * who has many.
 */
#define SIZE_WANTED (256 * 1024)

/* To find out that descriptors are short costs three calls: not with each borrower. */
#define TRIES_SKIPPED 64

struct pipe_pool {
	struct pipe *kept;
	unsigned count;
	int fd_max; /* 0 = no bound */
	unsigned skip;
};

struct pipe_pool *
pipe_pool_new(void)
{
	return mem_zalloc(sizeof(struct pipe_pool));
}

void
pipe_pool_bound(struct pipe_pool *pool, int fd_max)
{
	pool->fd_max = fd_max;
}

/* Does the pool's bound forbid this pipe? */
static bool
is_beyond(const struct pipe_pool *pool, int read_fd, int write_fd)
{
	return pool->fd_max && (read_fd >= pool->fd_max || write_fd >= pool->fd_max);
}

static struct pipe *
pipe_open(const struct pipe_pool *pool)
{
	struct pipe *p;
	int fds[2], size;

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return NULL;
	if (is_beyond(pool, fds[0], fds[1])) {
		close(fds[0]);
		close(fds[1]);
		return NULL;
	}
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

	if (!p && pool->skip > 0) {
		pool->skip--;
		return NULL;
	}
	if (!p) {
		p = pipe_open(pool);
		if (!p)
			pool->skip = TRIES_SKIPPED;
		return p;
	}
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
	if (p->held > 0 || pool->count == KEPT_MAX || is_beyond(pool, p->read_fd, p->write_fd)) {
		pipe_close(p);
		return;
	}
	p->next = pool->kept;
	pool->kept = p;
	pool->count++;
}
