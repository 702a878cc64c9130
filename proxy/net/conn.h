/* SPDX-License-Identifier: ISC */
/*
 * conn: one stream socket, plain or TLS, client's or upstream's: bytes in, bytes out, one close.
 *
 *	reading:  owner calls conn_read() when on_readable fired, until CONN_AGAIN
 *	writing:  conn_write() / conn_queue() put bytes out; what the socket does not take is kept in
 *	          borrowed chunks up to a limit; on_writable fires when the queue has drained
 *	flushing: queued bytes go out once, at the end of the turn, in as few records and writes as fit
 *
 * Registered with epoll once, edge-triggered, and for being writable only once it was not; readiness is remembered here,
 * so a read that came up short is not tried again before the kernel says so. conn_close() is the only way out: it lets go of the socket at once and frees at
 * the end of the turn. No callback comes after it but on_free.
 */
#ifndef PROXY_NET_CONN_H
#define PROXY_NET_CONN_H

#include "base/span.h"
#include "proxy/net/bufpool.h"
#include "proxy/net/loop.h"

#include <openssl/ssl.h>

#include <stdbool.h>
#include <sys/types.h>

struct client; /* worker/client.h */
struct conn;
struct record_layer; /* tls/record_layer.h */

/* A connection's TLS on its way to another owner. */
struct conn_tls {
	/* As in struct conn. */
	SSL *ssl;
	struct record_layer *records;
	struct chunk *sealed_in;
};

static inline bool
conn_tls_is_up(const struct conn_tls *tls)
{
	return tls->ssl || tls->records;
}

struct conn_ops {
	void (*on_readable)(struct conn *c);
	/* The output queue is empty again after conn_write took less than offered, or the connect() is done. */
	void (*on_writable)(struct conn *c);
	/* The socket failed (reset, TLS error): c->reason says why. The owner must conn_close(). */
	void (*on_error)(struct conn *c);
	/* The TLS handshake is done, or (accept_plain) there is none: conn_is_tls is false then. NULL = not wanted. Data may follow by on_readable in the same turn. */
	void (*on_handshake)(struct conn *c);
	/* Whom we, as a server, shake hands with. NULL = nobody, or no more: whoever takes over needs not know. */
	struct client *(*client)(const struct conn *c);
};

/* What conn_read returns besides a count > 0. */
enum { CONN_EOF = 0, CONN_AGAIN = -1, CONN_ERROR = -2 };

struct conn {
	struct watch watch;
	struct loop *loop;
	struct bufpool *pool;
	const struct conn_ops *ops;
	void *owner;
	/* TLS: OpenSSL's, or ours once the handshake is done. Both NULL = plain. Owned. */
	SSL *ssl;
	struct record_layer *records;
	const char *reason; /* static text; why it failed */
	int saved_errno;    /* behind reason; 0 = none */
	uint32_t room;      /* TLS: of the socket's memory, as last seen less what we took since */
	struct chunk *out, *out_last; /* queued output */
	size_t out_bytes;
	uint64_t bytes_in, bytes_out; /* on the wire side of TLS: application bytes */
	struct deferred turn_end;     /* to flush, or to be freed once it is closed */
	unsigned readable : 1, writable : 1, connecting : 1, handshaking : 1;
	/* Owner's word: mostly heads, so queueing begins with a small buffer. */
	unsigned says_little : 1;
	unsigned want_drain : 1;                             /* owner waits for on_writable */
	unsigned read_wants_write : 1, write_wants_read : 1; /* TLS */
	/* The kernel has seen the peer's FIN or reset; data may still be unread. */
	unsigned peer_closed : 1;
	unsigned hung_up : 1; /* reset, or ended both ways: nothing sent will arrive */
	unsigned failed : 1, error_told : 1, closed : 1;
	/* Owner's wish: what the peer said before it hung up still counts. */
	unsigned read_after_write_error : 1;
	unsigned write_failed : 1; /* sends are dropped, reading goes on to its end */
	unsigned shut_write : 1, shut_done : 1;
	unsigned unpushed : 1; /* sent with MSG_MORE: the kernel may keep it for a while */
	unsigned tls_more : 1; /* the BIO's share of that */
	/* Owner's word: it closes when the queue has drained, so the end can go out with it. */
	unsigned end_follows : 1;
	unsigned watches_out : 1; /* the kernel tells when it is writable again */
	/* TCP_NODELAY is wanted, and of no use before there is a second write. */
	unsigned nodelay_later : 1;
	unsigned nodelay : 1; /* owner's note: it is on */
	/* The handshake's last ACK goes out with the first bytes (conn_release_ack). */
	unsigned ack_held : 1;
	unsigned tls_pending : 1; /* bytes are waiting inside the SSL object, or in unread */
	/* Owner's wish: a client that does not begin with TLS is told so, in its words. */
	unsigned accept_plain : 1;
	/* Owner's wish: what a client sends before its handshake is done may be read then. */
	unsigned early_data : 1;
	unsigned in_early : 1;    /* and there may be more of it */
	unsigned record_made : 1; /* TLS: its bytes are offered again until it is sent */
	struct chunk *unread;     /* no longer sealed, if it ever was: read first; NULL = nothing */
	struct chunk *sealed_in;  /* TLS: received and not opened; NULL = nothing */
	void (*on_free)(struct conn
		*c); /* last word at the end of the turn: the owner frees itself (c is embedded) */
};

/* Output kept for a slow peer before conn_write takes no more. */
#define CONN_OUT_MAX 65536

/* Start on a connected, or still connecting, non-blocking socket (taken). 0 or -1 with errno (fd closed). */
int conn_start(struct conn *c, struct loop *loop, struct bufpool *pool, int fd, bool connecting,
    const struct conn_ops *ops, void *owner);
/* From now on everything goes through ssl (taken), which has its role set; the handshake is driven by reads. */
void conn_set_tls_take(struct conn *c, SSL *ssl);

/* The same on a connected socket where we speak first: the handshake begins at the end of the turn. */
void conn_begin_tls_take(struct conn *c, SSL *ssl);

/*
 * Give the descriptor and the TLS (*tls, all NULL without) away; nothing is queued. What is left is freed at the end of the
 * turn, as after conn_close.
 */
int conn_detach(struct conn *c, struct conn_tls *tls);
/* The same as conn_set_tls_take for a TLS that is up already. */
void conn_resume_tls_take(struct conn *c, const struct conn_tls *tls);
/* That found no owner. */
void conn_tls_free(const struct conn_tls *tls, struct bufpool *pool);

/* The transport has not taken all, and will not before the kernel says so. For those that write to it. */
void conn_wait_writable(struct conn *c);

static inline bool
conn_is_tls(const struct conn *c)
{
	return c->ssl || c->records;
}

/* Could conn_read yield something now? False saves the call. */
static inline bool
conn_may_read(const struct conn *c)
{
	return c->readable || c->tls_pending || (c->read_wants_write && c->writable);
}

/* > 0 bytes, CONN_EOF (orderly end), CONN_AGAIN (wait for on_readable), CONN_ERROR. */
ssize_t conn_read(struct conn *c, void *p, size_t n);

/*
 * Offer bytes; returns how many were taken: sent or queued. Fewer than offered: wait for on_writable. Bytes are
 * sent at the end of the turn with whatever else is queued by then, or at once when enough has gathered.
 */
size_t conn_write(struct conn *c, struct span bytes);
/*
 * The same from an open file, by sendfile(2), behind what is queued; gather: what is queued leaves in one packet with
 * the file's beginning. -1 with errno when the file cannot be read (0: it has ended before). CONN_NO_FILE: this
 * transport or file cannot do that; nothing was sent.
 */
#define CONN_NO_FILE (-2)
ssize_t conn_write_file(struct conn *c, int fd, uint64_t offset, size_t n, bool gather);
/* Take all of it whatever the limit; for heads and framing, whose size the caller bounds. */
void conn_queue(struct conn *c, struct span bytes);
/* n bytes of room inside the queue to format into; conn_queue_commit() then says how many were used. */
char *conn_queue_reserve(struct conn *c, size_t n);
void conn_queue_commit(struct conn *c, size_t n);
static inline bool
conn_out_empty(const struct conn *c)
{
	return c->out_bytes == 0;
}
/* Has another value whenever the peer has taken something, which bytes_out has not while records are kept. */
uint64_t conn_sent(const struct conn *c);
/*
 * Ask for on_writable once the queue is empty, though nothing was refused; after conn_shutdown_write, once the end of
 * stream is sent too.
 */
void conn_want_drain(struct conn *c);
/* Send end of stream once the queue is empty (close_notify, then FIN). */
void conn_shutdown_write(struct conn *c);

/* Drop the connection (queued output is discarded); frees at the end of the turn. */
void conn_close(struct conn *c);

#endif
