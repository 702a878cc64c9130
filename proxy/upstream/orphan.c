/* SPDX-License-Identifier: ISC */
/* orphan: see orphan.h. The connection's own idle timer serves as the clock. */
#include "proxy/upstream/orphan.h"

#include "proxy/upstream/upstream_group.h"
#include "proxy/worker/worker_state.h"

/* Reads in one go, so that a fast upstream does not hold up all others. */
#define READS_AT_ONCE 4

static void
orphan_end(struct upstream_conn *uc)
{
	timer_clear(&uc->idle);
	upstream_conn_close(uc);
}

static void
orphan_readable(struct conn *c)
{
	struct upstream_conn *uc = c->owner;
	char sink[BUFPOOL_LARGE];
	ssize_t n = CONN_AGAIN;
	uint64_t before = c->bytes_in;

	for (int i = 0; i < READS_AT_ONCE && conn_may_read(c); i++) {
		n = conn_read(c, sink, sizeof(sink));
		if (n <= 0)
			break;
	}
	if (n == CONN_EOF && !c->write_failed && !conn_out_empty(c)) {
		conn_want_drain(c); /* it has said all, but not heard all */
		return;
	}
	if (n == CONN_EOF || n == CONN_ERROR) {
		orphan_end(uc);
		return;
	}
	/* Once: of some answers there is no end. */
	if (c->bytes_in > before && uc->orphan_ms) {
		timer_set(uc->worker->loop, &uc->idle, uc->orphan_ms);
		uc->orphan_ms = 0;
	}
	if (conn_may_read(c))
		conn_want_drain(c); /* back here at the end of the turn */
}

static void
orphan_error(struct conn *c)
{
	orphan_end(c->owner);
}

static const struct conn_ops orphan_ops = {
	.on_readable = orphan_readable,
	.on_writable = orphan_readable,
	.on_error = orphan_error,
};

static void
orphan_expired(struct timer *t)
{
	orphan_end((struct upstream_conn *)((char *)t - offsetof(struct upstream_conn, idle)));
}

void
orphan_start_take(struct upstream_conn *uc, int64_t timeout_ms)
{
	uc->orphan_ms = timeout_ms;
	uc->conn.ops = &orphan_ops;
	uc->conn.owner = uc;
	uc->idle.on_expire = orphan_expired;
	timer_set(uc->worker->loop, &uc->idle, timeout_ms);
	if (conn_may_read(&uc->conn))
		conn_want_drain(&uc->conn);
}
