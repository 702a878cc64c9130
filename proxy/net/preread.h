/* SPDX-License-Identifier: ISC */
/*
 * preread: look at the first bytes of a connection and leave them where they are.
 *
 * The kernel keeps them (MSG_PEEK), so whoever serves the connection then reads it from its
 * beginning: a relay with splice(2), a TLS handshake, another listener. A connection that is
 * waited for holds no buffer.
 */
#ifndef PROXY_NET_PREREAD_H
#define PROXY_NET_PREREAD_H

#include "proxy/net/bufpool.h"
#include "proxy/net/loop.h"
#include "proxy/net/parse.h"

enum preread_end {
	PREREAD_OK,
	PREREAD_BAD,   /* what the parser said */
	PREREAD_FULL,  /* max bytes, and the parser wants more */
	PREREAD_EOF,   /* the peer has said all it will */
	PREREAD_ERROR, /* errno says why */
	PREREAD_TIMEOUT,
};

/* Embedded in its owner. */
struct preread {
	struct watch watch; /* once it has to be waited for */
	struct deferred first;
	int fd;
	struct timer timer;
	struct loop *loop;
	struct bufpool *pool;
	size_t max;
	/* All that has arrived, at most max bytes; may change them. Never called with none. */
	enum parse_result (*parse)(struct preread *p, char *bytes, size_t n);
	/* Called once, after preread_stop: the socket is no longer watched. */
	void (*done)(struct preread *p, enum preread_end end);
};

/*
 * parse and done are set, watch.fd is -1. fd is borrowed. done is called from the loop, never from here.
 */
void preread_start(struct preread *p, struct loop *loop, struct bufpool *pool, int fd, size_t max,
    int64_t timeout_ms);
/* Look no more; does nothing the second time. */
void preread_stop(struct preread *p);

/* Take n bytes that were seen off the socket; -1: they are not there. */
int preread_skip(int fd, struct bufpool *pool, size_t n);

#endif
