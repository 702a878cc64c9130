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
		n = recv(p->watch.fd, bytes, p->max, MSG_PEEK);
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

static void
on_event(struct watch *watch, uint32_t events)
{
	struct preread *p = preread_from(watch, watch);
	struct chunk *k = bufpool_borrow(p->pool, p->max);
	enum preread_end how;
	bool over = look(p, k->data, events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR), &how);
	int saved = errno;

	bufpool_return(p->pool, k);
	errno = saved;
	if (over)
		end(p, how);
}

static void
on_expire(struct timer *t)
{
	end(preread_from(t, timer), PREREAD_TIMEOUT);
}

int
preread_start(struct preread *p, struct loop *loop, struct bufpool *pool, int fd, size_t max,
    int64_t timeout_ms)
{
	p->loop = loop;
	p->pool = pool;
	p->max = max;
	p->watch.on_event = on_event;
	p->timer.on_expire = on_expire;
	if (loop_watch(loop, &p->watch, fd, EPOLLIN | EPOLLRDHUP | EPOLLET) < 0) {
		p->watch.fd = -1;
		return -1;
	}
	timer_set(loop, &p->timer, timeout_ms);
	return 0;
}

void
preread_stop(struct preread *p)
{
	timer_clear(&p->timer);
	if (p->loop && p->watch.fd >= 0)
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
