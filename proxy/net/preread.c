/* SPDX-License-Identifier: ISC */
/* preread: see preread.h. */
#include "proxy/net/preread.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define preread_from(ptr, member) \
	((struct preread *)((char *)(ptr)-offsetof(struct preread, member)))

static void
end(struct preread *p, enum preread_end how)
{
	preread_stop(p);
	p->done(p, how);
}

/* False: wait for more. */
static bool
look(struct preread *p, char *bytes, bool peer_closed, enum preread_end *how)
{
	ssize_t n;

	do
		n = recv(p->fd, bytes, p->max, MSG_PEEK);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		*how = n == 0 ? PREREAD_EOF : PREREAD_ERROR;
		return true;
	}
	switch (p->parse(p, bytes, (size_t)n)) {
	case PARSE_OK:
		*how = PREREAD_OK;
		return true;
	case PARSE_BAD:
		*how = PREREAD_BAD;
		return true;
	case PARSE_MORE:
		break;
	}
	*how = (size_t)n == p->max ? PREREAD_FULL : PREREAD_EOF;
	return (size_t)n == p->max || peer_closed;
}

/* True: it is over, and done was called. */
static bool
look_now(struct preread *p, bool peer_closed)
{
	struct chunk *k = bufpool_borrow(p->pool, p->max);
	enum preread_end how;
	bool over = look(p, k->data, peer_closed, &how);
	int saved = errno;

	bufpool_return(p->pool, k);
	errno = saved;
	if (over)
		end(p, how);
	return over;
}

static void
on_event(struct watch *watch, uint32_t events)
{
	look_now(preread_from(watch, watch), events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
}

/* Mostly it has arrived by now, and nobody has to wait. */
static void
first_look(struct deferred *d)
{
	struct preread *p = preread_from(d, first);

	if (look_now(p, false))
		return;
	if (loop_watch(p->loop, &p->watch, p->fd, EPOLLIN | EPOLLRDHUP | EPOLLET) < 0) {
		p->watch.fd = -1;
		end(p, PREREAD_ERROR);
	}
}

static void
on_expire(struct timer *t)
{
	end(preread_from(t, timer), PREREAD_TIMEOUT);
}

void
preread_start(struct preread *p, struct loop *loop, struct bufpool *pool, int fd, size_t max,
    int64_t timeout_ms)
{
	p->loop = loop;
	p->pool = pool;
	p->fd = fd;
	p->max = max;
	p->first.run = first_look;
	p->watch.on_event = on_event;
	p->timer.on_expire = on_expire;
	timer_set(loop, &p->timer, timeout_ms);
	loop_defer(loop, &p->first);
}

void
preread_stop(struct preread *p)
{
	if (!p->loop)
		return;
	timer_clear(&p->timer);
	loop_undefer(p->loop, &p->first);
	loop_unwatch(p->loop, &p->watch);
}

int
preread_skip(int fd, struct bufpool *pool, size_t n)
{
	struct chunk *k = bufpool_borrow(pool, n);
	ssize_t got = recv(fd, k->data, n, 0);

	bufpool_return(pool, k);
	return got == (ssize_t)n ? 0 : -1;
}
