/* SPDX-License-Identifier: ISC */
/* conn_splice: see conn_splice.h. */
#include "proxy/net/conn_splice.h"

#include "proxy/net/conn_tcp.h"

#include <errno.h>
#include <fcntl.h>

/* The owner is told at the end of the turn. */
static void
note_failure(struct conn *c)
{
	c->saved_errno = errno;
	c->reason = "splice() failed";
	loop_defer(c->loop, &c->turn_end);
}

ssize_t
conn_splice_in(struct conn *c, struct pipe *p, size_t n)
{
	ssize_t r;

	if (c->failed || c->closed)
		return CONN_ERROR;
	if (!c->readable)
		return CONN_AGAIN;
	do
		r = splice(c->watch.fd, NULL, p->write_fd, NULL, n,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (r < 0 && errno == EINTR);
	if (r > 0) {
		p->held += (size_t)r;
		c->bytes_in += (uint64_t)r;
		return r;
	}
	if (r == 0)
		return CONN_EOF;
	if (errno == EAGAIN) {
		/* The socket is empty, or the pipe is full: only an empty pipe tells. */
		if (p->held == 0)
			c->readable = 0;
		return CONN_AGAIN;
	}
	note_failure(c);
	c->failed = 1;
	return CONN_ERROR;
}

bool
conn_splice_out(struct conn *c, struct pipe *p)
{
	while (p->held > 0) {
		ssize_t r;

		if (c->failed || c->closed || c->write_failed)
			return true;
		/* What was queued goes first. */
		if (c->out || !c->writable) {
			c->want_drain = 1;
			return false;
		}
		conn_before_write(c);
		r = splice(p->read_fd, NULL, c->watch.fd, NULL, p->held,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (r > 0) {
			p->held -= (size_t)r;
			c->bytes_out += (uint64_t)r;
			conn_release_ack(c);
		} else if (r < 0 && errno == EAGAIN) {
			conn_wait_writable(c);
		} else if (r == 0 || errno != EINTR) {
			note_failure(c);
			if (c->read_after_write_error)
				c->write_failed = 1;
			else
				c->failed = 1;
		}
	}
	return true;
}
