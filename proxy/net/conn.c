/* SPDX-License-Identifier: ISC */
/*
 * conn: see conn.h.
 *
 * Bytes that OpenSSL did not take must be offered again unchanged (the record is encrypted already), so they always go
 * through the queue, in one piece, and the queue is what is retried.
 */
#include "proxy/net/conn.h"

#include "proxy/net/conn_socket.h"
#include "proxy/net/conn_tcp.h"
#include "proxy/tls/record_layer.h"
#include "proxy/tls/tls_io.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

/* Output gathered before it is sent without waiting for the end of the turn: one full record. */
#define FLUSH_AT BUFPOOL_LARGE

#define conn_from(ptr, member) ((struct conn *)((char *)(ptr)-offsetof(struct conn, member)))

/* Nothing is put off for a connection that is closed: it is freed before its turn would come. */
static void
flush_later(struct conn *c)
{
	if (!c->closed)
		loop_defer(c->loop, &c->turn_end);
}

static void
tell_error(struct conn *c)
{
	if (c->closed || (c->error_told && !c->write_failed))
		return;
	c->error_told = 1;
	c->ops->on_error(c);
}

void
conn_wait_writable(struct conn *c)
{
	c->writable = 0;
	if (c->watches_out)
		return;
	c->watches_out = 1;
	loop_watch_change(c->loop, &c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static ssize_t
plain_read(struct conn *c, void *p, size_t n)
{
	ssize_t r = conn_socket_recv(c, p, n);

	if (r == CONN_ERROR) {
		c->failed = 1;
		c->reason = "recv() failed";
	}
	return r;
}

static ssize_t
read_unread(struct conn *c, void *p, size_t n)
{
	n = bufpool_take(c->pool, &c->unread, p, n);
	c->bytes_in += n;
	if (!c->unread)
		tls_io_note_pending(c);
	return (ssize_t)n;
}

ssize_t
conn_read(struct conn *c, void *p, size_t n)
{
	ssize_t r;

	if (c->failed || c->closed)
		return CONN_ERROR;
	if (c->connecting || c->handshaking || !conn_may_read(c))
		return CONN_AGAIN;
	if (c->unread)
		return read_unread(c, p, n);
	r = conn_is_tls(c) ? tls_io_read(c, p, n) : plain_read(c, p, n);
	if (r > 0)
		c->bytes_in += (uint64_t)r;
	if (c->failed)
		flush_later(c);
	return r;
}

/* flags: of send(2). Bytes the transport took; 0 = it takes none now, or has failed. */
static size_t
raw_write(struct conn *c, const char *p, size_t n, int flags)
{
	ssize_t r;

	if (!c->writable || c->failed || c->write_failed)
		return 0;
	if (conn_is_tls(c)) {
		r = tls_io_write(c, p, n, flags);
		return r > 0 ? (size_t)r : 0;
	}
	conn_before_write(c);
	r = conn_socket_send(c, p, n, flags);
	if (r >= 0) {
		conn_release_ack(c);
		return (size_t)r;
	}
	if (r == CONN_AGAIN)
		return 0;
	c->reason = "send() failed";
	if (c->read_after_write_error)
		c->write_failed = 1;
	else
		c->failed = 1;
	return 0;
}

static void
drop_queue(struct conn *c)
{
	while (c->out) {
		struct chunk *k = c->out;

		c->out = k->next;
		bufpool_return(c->pool, k);
	}
	c->out_last = NULL;
	c->out_bytes = 0;
}

/* Send what is queued as far as the socket takes it. No callbacks. flags: of the last send(2). */
static void
flush_queue(struct conn *c, int flags)
{
	if (c->records && !c->out && !c->failed && !c->write_failed && c->out_bytes > 0)
		c->unpushed = record_layer_push(c, flags) == 1 && flags != 0;
	while (c->out && !c->failed && !c->write_failed) {
		struct chunk *k = c->out;
		int now = k->next ? flags | MSG_MORE : flags;
		size_t n = raw_write(c, k->data + k->start, chunk_filled(k), now);

		if (n == 0)
			break;
		c->unpushed = now != 0;
		c->bytes_out += n;
		c->out_bytes -= n;
		k->start += (unsigned)n;
		if (k->start < k->end)
			continue;
		c->out = k->next;
		bufpool_return(c->pool, k);
	}
	if (c->write_failed)
		drop_queue(c);
	if (!c->out)
		c->out_last = NULL;
	else if (!c->writable && !c->out->next) /* it may stay for long */
		c->out = c->out_last = bufpool_fit(c->pool, c->out, 0);
}

static void
shutdown_now(struct conn *c)
{
	if (conn_is_tls(c) && tls_io_shutdown(c, MSG_MORE) == CONN_AGAIN)
		return;
	c->shut_done = 1;
	c->unpushed = 0;
	shutdown(c->watch.fd, SHUT_WR);
}

/* Flush, then tell the owner what follows from it. The owner may close in each callback. */
static void
flush_and_tell(struct conn *c)
{
	if (!c->failed && !c->connecting && !c->handshaking) {
		bool ends = c->shut_write && !c->shut_done;

		flush_queue(c, ends || c->end_follows ? MSG_MORE : 0);
		if (!c->failed && conn_out_empty(c) && ends)
			shutdown_now(c);
		if (!c->failed && conn_out_empty(c) && c->want_drain &&
		    c->shut_write == c->shut_done) {
			c->want_drain = 0;
			c->ops->on_writable(c);
		}
		if (!c->closed && c->unpushed)
			conn_push(c);
		if (!c->closed && c->write_failed && !c->error_told) {
			c->error_told = 1;
			c->readable = 1;
			c->ops->on_readable(c);
		}
	}
	if (!c->closed && c->failed)
		tell_error(c);
}

/* true when the connection can be used. One that failed is always reported as such, too. */
static bool
finish_connect(struct conn *c)
{
	int errnum = 0;
	socklen_t len = sizeof(errnum);

	if (c->hung_up && getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
		errnum = errno;
	if (errnum) {
		c->failed = 1;
		c->saved_errno = errnum;
		c->reason = "connect() failed";
		return false;
	}
	c->connecting = 0;
	c->want_drain = 1;
	return true;
}

static bool
finish_handshake(struct conn *c)
{
	int r = tls_io_handshake(c);

	if (r == CONN_PLAIN) {
		SSL_free(c->ssl);
		c->ssl = NULL;
		c->tls_pending = 1;
	} else if (r != 1) {
		return false;
	}
	c->handshaking = 0;
	if (c->ops->on_handshake)
		c->ops->on_handshake(c);
	return !c->closed;
}

/* A client's first step, with no event to wait for. */
static bool
begins_handshake(const struct conn *c)
{
	return c->handshaking && !c->connecting && !c->failed && !SSL_is_server(c->ssl);
}

static void
on_turn_end(struct deferred *d)
{
	struct conn *c = conn_from(d, turn_end);

	if (c->closed) {
		c->on_free(c);
		return;
	}
	if (begins_handshake(c) && !finish_handshake(c) && (c->closed || !c->failed))
		return;
	flush_and_tell(c);
}

static void
on_event(struct watch *w, uint32_t events)
{
	struct conn *c = conn_from(w, watch);
	bool was_unwritable = !c->writable;

	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->peer_closed = 1;
	if (events & (EPOLLHUP | EPOLLERR))
		c->hung_up = 1;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->readable = 1;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		c->writable = 1;
	if (c->connecting) {
		if (!c->writable)
			return;
		if (!finish_connect(c)) {
			tell_error(c);
			return;
		}
	}
	if (c->handshaking && !finish_handshake(c)) {
		if (!c->closed && c->failed)
			tell_error(c);
		return;
	}
	if ((c->writable && was_unwritable) || (c->write_wants_read && c->readable)) {
		c->write_wants_read = 0;
		flush_and_tell(c);
		if (c->closed)
			return;
	}
	if (conn_may_read(c))
		c->ops->on_readable(c);
	if (!c->closed && c->failed)
		tell_error(c);
}

int
conn_start(struct conn *c, struct loop *loop, struct bufpool *pool, int fd, bool connecting,
    const struct conn_ops *ops, void *owner)
{
	c->loop = loop;
	c->pool = pool;
	c->ops = ops;
	c->owner = owner;
	c->turn_end.run = on_turn_end;
	c->watch.on_event = on_event;
	c->connecting = connecting;
	c->writable = !connecting;
	c->watches_out = connecting;
	if (loop_watch(loop, &c->watch, fd,
		EPOLLIN | EPOLLRDHUP | EPOLLET | (connecting ? EPOLLOUT : 0U)) < 0) {
		int saved = errno;

		close(fd);
		c->watch.fd = -1;
		errno = saved;
		return -1;
	}
	return 0;
}

void
conn_set_tls_take(struct conn *c, SSL *ssl)
{
	c->ssl = ssl;
	c->handshaking = 1;
	tls_io_attach(c);
}

void
conn_begin_tls_take(struct conn *c, SSL *ssl)
{
	conn_set_tls_take(c, ssl);
	flush_later(c);
}

void
conn_resume_tls_take(struct conn *c, const struct conn_tls *tls)
{
	c->ssl = tls->ssl;
	c->records = tls->records;
	c->sealed_in = tls->sealed_in;
	if (c->ssl)
		tls_io_attach(c);
	tls_io_note_pending(c);
	/* Of bytes that are inside already no event tells, but this one comes at once. */
	if (c->tls_pending)
		conn_wait_writable(c);
}

void
conn_tls_free(const struct conn_tls *tls, struct bufpool *pool)
{
	SSL_free(tls->ssl);
	record_layer_free(tls->records, pool);
	bufpool_return(pool, tls->sealed_in);
}

static void
forget_tls(struct conn *c)
{
	c->ssl = NULL;
	c->records = NULL;
	c->sealed_in = NULL;
}

int
conn_detach(struct conn *c, struct conn_tls *tls)
{
	int fd = c->watch.fd;

	c->closed = 1;
	loop_undefer(c->loop, &c->turn_end);
	loop_unwatch(c->loop, &c->watch);
	*tls = (struct conn_tls){ c->ssl, c->records, c->sealed_in };
	forget_tls(c);
	loop_defer(c->loop, &c->turn_end);
	return fd;
}

char *
conn_queue_reserve(struct conn *c, size_t n)
{
	struct chunk *k = c->out_last;

	if (!k || chunk_room(k) < n) {
		size_t usual = c->says_little && !k ? BUFPOOL_SMALL : BUFPOOL_LARGE;

		k = bufpool_borrow(c->pool, n > usual ? n : usual);
		if (c->out_last)
			c->out_last->next = k;
		else
			c->out = k;
		c->out_last = k;
	}
	return k->data + k->end;
}

void
conn_queue_commit(struct conn *c, size_t n)
{
	c->out_last->end += (unsigned)n;
	c->out_bytes += n;
	if (c->closed)
		drop_queue(c);
	flush_later(c);
}

void
conn_queue(struct conn *c, struct span bytes)
{
	while (bytes.n > 0) {
		char *room = conn_queue_reserve(c, 1);
		size_t n = chunk_room(c->out_last);

		if (n > bytes.n)
			n = bytes.n;
		memcpy(room, bytes.p, n);
		conn_queue_commit(c, n);
		bytes = span_after(bytes, n);
	}
}

static bool
can_send_now(const struct conn *c)
{
	return c->writable && !c->failed && !c->write_failed && !c->connecting && !c->handshaking;
}

/* Straight from the caller's memory, a record or more at a time, while the socket takes it; pushed at the end of the turn. */
static size_t
write_direct(struct conn *c, struct span bytes)
{
	size_t taken = 0;

	while (bytes.n - taken >= FLUSH_AT && can_send_now(c)) {
		size_t offer = c->ssl ? FLUSH_AT : bytes.n - taken;
		size_t n = raw_write(c, bytes.p + taken, offer, MSG_MORE);

		if (n == 0) {
			/* The record is made: these bytes are ours now, and stay in one piece until it is sent. */
			if (c->record_made && !c->failed) {
				memcpy(conn_queue_reserve(c, offer), bytes.p + taken, offer);
				conn_queue_commit(c, offer);
				taken += offer;
			}
			break;
		}
		c->bytes_out += n;
		c->unpushed = 1;
		taken += n;
	}
	if (c->unpushed)
		flush_later(c);
	return taken;
}

size_t
conn_write(struct conn *c, struct span bytes)
{
	size_t taken = 0, room;

	if (c->failed || c->closed || c->write_failed)
		return bytes.n;
	if (conn_out_empty(c))
		taken = write_direct(c, bytes);
	if (c->failed || c->write_failed) {
		flush_later(c);
		return bytes.n;
	}
	if (conn_is_tls(c) && taken < bytes.n && can_send_now(c))
		(void)tls_io_is_full(c, bytes.n - taken);
	room = c->out_bytes < CONN_OUT_MAX ? CONN_OUT_MAX - c->out_bytes : 0;
	/*
	 * Once the socket is full, what is not in a record yet is best left where it is; and a record's worth is enough to
	 * have at hand when it drains.
	 */
	if (!c->writable && (!c->record_made || c->out_bytes >= FLUSH_AT))
		room = 0;
	if (room > bytes.n - taken)
		room = bytes.n - taken;
	if (room > 0) {
		conn_queue(c, span_of(bytes.p + taken, room));
		taken += room;
		if (c->out_bytes >= FLUSH_AT && can_send_now(c))
			flush_queue(c, 0);
	}
	if (taken < bytes.n)
		c->want_drain = 1;
	return taken;
}

/* Is it the file that failed, in a way that reading it would get around? */
static bool
is_no_file(int errnum)
{
	return errnum == EINVAL || errnum == ENOSYS || errnum == EOVERFLOW || errnum == ENOTSUP;
}

ssize_t
conn_write_file(struct conn *c, int fd, uint64_t offset, size_t n, bool gather)
{
	off_t at = (off_t)offset;
	ssize_t r = -1;

	if (conn_is_tls(c) || c->connecting)
		return CONN_NO_FILE;
	if (c->failed || c->closed || c->write_failed)
		return (ssize_t)n;
	flush_queue(c, gather ? MSG_MORE : 0);
	if (c->failed || c->write_failed) {
		flush_later(c);
		return (ssize_t)n;
	}
	if (!c->out && c->writable) {
		do
			r = sendfile(c->watch.fd, fd, &at, n);
		while (r < 0 && errno == EINTR);
		if (r == 0) {
			errno = 0;
			return -1;
		}
		if (r < 0 && is_no_file(errno))
			return CONN_NO_FILE;
		if (r < 0 && errno == EIO)
			return -1;
		if (r < 0 && errno == EAGAIN) {
			conn_wait_writable(c);
		} else if (r < 0) {
			c->saved_errno = errno;
			c->reason = "sendfile() failed";
			c->failed = 1;
			flush_later(c);
			return (ssize_t)n;
		}
	}
	if (r > 0)
		c->bytes_out += (uint64_t)r;
	if (r < (ssize_t)n)
		c->want_drain = 1;
	return r > 0 ? r : 0;
}

uint64_t
conn_sent(const struct conn *c)
{
	return c->bytes_out - (c->records ? record_layer_kept(c->records) : 0);
}

void
conn_want_drain(struct conn *c)
{
	c->want_drain = 1;
	flush_later(c);
}

void
conn_shutdown_write(struct conn *c)
{
	c->shut_write = 1;
	flush_later(c);
}

void
conn_close(struct conn *c)
{
	const struct conn_tls tls = { c->ssl, c->records, c->sealed_in };

	if (c->closed)
		return;
	c->closed = 1;
	loop_undefer(c->loop, &c->turn_end);
	/* Not to throw the session away: it was sound, whoever hung up. */
	if (c->ssl && !c->failed && !c->handshaking)
		SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	conn_tls_free(&tls, c->pool);
	forget_tls(c);
	drop_queue(c);
	bufpool_return(c->pool, c->unread);
	c->unread = NULL;
	if (c->watch.fd >= 0) {
		int fd = c->watch.fd;

		loop_unwatch_closing(c->loop, &c->watch);
		close(fd);
	}
	loop_defer(c->loop, &c->turn_end);
}
