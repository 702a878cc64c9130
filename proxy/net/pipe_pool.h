/* SPDX-License-Identifier: ISC */
/*
 * pipe_pool: pipes for splice(2), borrowed while bytes are in flight, returned empty.
 *
 * A connection that is quiet holds none; a few are kept for the next borrower.
 */
#ifndef PROXY_NET_PIPE_POOL_H
#define PROXY_NET_PIPE_POOL_H

#include <stddef.h>

struct pipe_pool;

struct pipe {
	int read_fd, write_fd;
	size_t size; /* bytes it takes at most */
	size_t held; /* bytes in it: the borrower's to keep */
	struct pipe *next;
};

struct pipe_pool *pipe_pool_new(void);
/* No pipe has a descriptor from fd_max on; 0 = no bound. */
void pipe_pool_bound(struct pipe_pool *pool, int fd_max);
/* All were returned. Takes NULL. */
void pipe_pool_free(struct pipe_pool *pool);
/* NULL: there is none to give; bytes have to be copied then. */
struct pipe *pipe_pool_borrow(struct pipe_pool *pool);
/* Takes NULL. One that still holds bytes is closed with them. */
void pipe_pool_return(struct pipe_pool *pool, struct pipe *p);

#endif
