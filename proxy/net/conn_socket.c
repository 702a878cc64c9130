/* SPDX-License-Identifier: ISC */
/* conn_socket: see conn_socket.h. */
#include "proxy/net/conn_socket.h"

#include <errno.h>
#include <sys/socket.h>

ssize_t
conn_socket_recv(struct conn *c, void *p, size_t n)
{
	ssize_t r;

	if (!c->readable)
		return CONN_AGAIN;
	do
		r = recv(c->watch.fd, p, n, 0);
	while (r < 0 && errno == EINTR);
	if (r > 0) {
		/* A short read has emptied the socket, unless its end is what comes next. */
		if ((size_t)r < n && !c->peer_closed)
			c->readable = 0;
		return r;
	}
	if (r == 0)
		return CONN_EOF;
	if (errno == EAGAIN) {
		c->readable = 0;
		return CONN_AGAIN;
	}
	c->saved_errno = errno;
	return CONN_ERROR;
}

ssize_t
conn_socket_send(struct conn *c, const void *p, size_t n, int flags)
{
	ssize_t r;

	if (!c->writable)
		return CONN_AGAIN;
	do
		r = send(c->watch.fd, p, n, MSG_NOSIGNAL | flags);
	while (r < 0 && errno == EINTR);
	if (r >= 0) {
		if ((size_t)r < n)
			conn_wait_writable(c);
		return r;
	}
	if (errno == EAGAIN) {
		conn_wait_writable(c);
		return CONN_AGAIN;
	}
	c->saved_errno = errno;
	return CONN_ERROR;
}
