/* SPDX-License-Identifier: ISC */
/*
 * relay: two connections, each the other's audience, until one of them or both have said all.
 *
 *	client --up-->   upstream
 *	client <--down-- upstream
 *
 * Little is copied; what turns out to be much goes through a pipe by splice(2), where neither side
 * is TLS. A way that is quiet holds neither buffer nor pipe, and a side is read only as far as the
 * other takes it. Bytes come out as they went in.
 */
#ifndef PROXY_STREAM_RELAY_H
#define PROXY_STREAM_RELAY_H

#include "proxy/net/conn_splice.h"

enum relay_end {
	RELAY_DONE,    /* what was said has been delivered */
	RELAY_FAILED,  /* from->reason */
	RELAY_TIMEOUT, /* nothing moved either way for timeout_ms */
};

struct relay_way {
	struct conn *from, *to;
	uint64_t rate; /* bytes a second; 0 = no bound */
	uint64_t moved;
	int64_t first_ms;    /* loop clock, when the first of them came; 0 = none did */
	struct chunk *chunk; /* bytes read that `to` has not taken */
	struct pipe *pipe;
	bool eof;   /* `from` has said all */
	bool ended; /* and `to` has it */
};

/* Embedded in its owner. */
struct relay {
	struct relay_way up, down;
	struct pipe_pool *pipes;
	int64_t timeout_ms, started_ms;
	size_t buffer_size; /* what is copied at a time */
	/* One side's end is passed on, and the other may go on. Else it ends both, once delivered. */
	bool half_close;
	struct timer idle, rate;
	struct deferred more;
	/*
	 * Called once; nothing is touched after. by: who ended or failed; NULL on a timeout. The owner closes both.
	 */
	void (*ended)(struct relay *r, enum relay_end end, struct conn *by);
};

/*
 * Take over both connections, which are open and stay the owner's. Set before: pipes, timeout_ms,
 * buffer_size, half_close, ended, rates.
 */
void relay_start(struct relay *r, struct conn *client, struct conn *upstream);
/* Let go of everything but the connections; does nothing the second time, or before relay_start. */
void relay_stop(struct relay *r);

#endif
