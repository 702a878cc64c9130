/* SPDX-License-Identifier: ISC */
/*
 * idle_pool: connections to upstreams: made, parked between requests, closed.
 *
 * An idle connection that becomes readable has nothing to say that we asked for: it is closed. What nobody asked for
 * must never be read as the answer to the next request.
 *
 * Connections beyond the number to keep are not closed at once: under load the next requests, a moment later, would
 * only make them anew. Those that nobody needed for SPARE_MS are.
 */
#include "base/mem.h"
#include "proxy/tls/upstream_tls.h"
#include "proxy/upstream/upstream_group.h"
#include "proxy/worker/worker_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPARE_MS 100

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static void
idle_unlink(struct upstream_conn *uc)
{
	struct upstream_group *g = uc->peer->group;

	*uc->prev = uc->next;
	if (uc->next)
		uc->next->prev = uc->prev;
	uc->prev = NULL;
	uc->next = NULL;
	timer_clear(&uc->idle);
	g->idle_count--;
	if (g->idle_count < g->idle_least)
		g->idle_least = g->idle_count;
}

/* The group is referenced by connections in use only: closing an idle one must not touch it after. */
static void
idle_close(struct upstream_conn *uc)
{
	idle_unlink(uc);
	uc->peer->users--;
	uc->peer = NULL;
	conn_close(&uc->conn);
}

/* Bytes, the end, a failure: anything but silence. A socket that was read full may look readable and is not. */
static bool
is_talking(struct conn *c)
{
	char byte;

	return conn_may_read(c) && conn_read(c, &byte, 1) != CONN_AGAIN;
}

static void
idle_readable(struct conn *c)
{
	if (is_talking(c))
		idle_close(c->owner);
}

static void
idle_error(struct conn *c)
{
	idle_close(c->owner);
}

static void
idle_writable(struct conn *c)
{
	(void)c;
}

static const struct conn_ops idle_ops = {
	.on_readable = idle_readable,
	.on_writable = idle_writable,
	.on_error = idle_error,
};

static void
idle_expired(struct timer *t)
{
	idle_close(from_member(t, struct upstream_conn, idle));
}

static void
free_conn(struct conn *c)
{
	struct upstream_conn *uc = from_member(c, struct upstream_conn, conn);

	free(uc->bound);
	free(uc->header);
	free(uc);
}

static bool
same_bind(const struct address *a, const struct address *b)
{
	if (!a || !b)
		return a == b;
	return a->len == b->len && memcmp(&a->u, &b->u, a->len) == 0;
}

/* Whose connection it is was said at its beginning. */
static bool
same_header(const struct upstream_conn *uc, struct span header)
{
	return span_eq(span_of(uc->header, uc->header_length), header);
}

static bool
same_tls(const SSL *ssl, const struct connect_options *how)
{
	if (!ssl || !how->tls)
		return !ssl && !how->tls;
	return upstream_tls_fits(ssl, how->tls, how->tls_name);
}

struct upstream_conn *
idle_pool_take(struct peer *p, const struct connect_options *how, const struct conn_ops *ops,
    void *owner)
{
	for (struct upstream_conn *uc = p->group->idle; uc; uc = uc->next) {
		if (uc->peer != p || !same_bind(uc->bound, how->bind) ||
		    !same_header(uc, how->header) || !same_tls(uc->conn.ssl, how))
			continue;
		idle_unlink(uc);
		upstream_group_ref(p->group);
		uc->conn.ops = ops;
		uc->conn.owner = owner;
		return uc;
	}
	return NULL;
}

/* TLS writes past conn, and its handshake at once and more than once. */
static int
prepare_socket(int fd, const struct address *to, const struct connect_options *how)
{
	int one = 1, zero = 0;

	if (to->u.sa.sa_family == AF_UNIX)
		return 0;
	if (how->tls && !how->nagle)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!how->tls)
		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof(zero));
	if (how->keepalive_probes)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (!how->bind)
		return 0;
	/* With no port of its own, the kernel picks one only when it knows the other end too. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, &how->bind->u.sa, how->bind->len);
}

struct upstream_conn *
upstream_connect(struct worker *w, struct peer *p, const struct connect_options *how,
    const struct conn_ops *ops, void *owner)
{
	const struct address *a = &p->address;
	int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct upstream_conn *uc;
	bool connecting = false;

	if (fd < 0)
		return NULL;
	if (w->connect_fd_max && fd >= w->connect_fd_max) {
		close(fd);
		errno = EMFILE;
		return NULL;
	}
	if (prepare_socket(fd, a, how) < 0 || connect(fd, &a->u.sa, a->len) < 0) {
		if (errno != EINPROGRESS) {
			int saved = errno;

			close(fd);
			errno = saved;
			return NULL;
		}
		connecting = true;
	}
	uc = mem_zalloc(sizeof(*uc));
	uc->worker = w;
	uc->peer = p;
	uc->started_ms = loop_now_ms(w->loop);
	if (how->bind && a->u.sa.sa_family != AF_UNIX) {
		uc->bound = mem_alloc(sizeof(*uc->bound));
		*uc->bound = *how->bind;
		uc->bound->text = span_of(NULL, 0);
	}
	uc->idle.on_expire = idle_expired;
	uc->conn.on_free = free_conn;
	if (conn_start(&uc->conn, w->loop, w->pool, fd, connecting, ops, owner) < 0) {
		free(uc->bound);
		free(uc);
		return NULL;
	}
	uc->conn.says_little = 1;
	uc->conn.ack_held = a->u.sa.sa_family != AF_UNIX && !how->tls;
	uc->conn.nodelay_later = uc->conn.ack_held && !how->nagle;
	if (how->header.n > 0) {
		uc->header = mem_dup_span(how->header);
		uc->header_length = how->header.n;
		conn_queue(&uc->conn, how->header);
	}
	upstream_group_ref(p->group);
	p->users++;
	return uc;
}

int
upstream_conn_begin_tls(struct upstream_conn *uc, const struct connect_options *how, struct err *e)
{
	SSL *ssl = upstream_tls_connect(how->tls, uc->peer->address.text, how->tls_name, e);

	if (!ssl)
		return -1;
	conn_begin_tls_take(&uc->conn, ssl);
	return 0;
}

static void
stop_counting(struct upstream_conn *uc)
{
	if (uc->counted)
		balance_disconnected(uc->peer, uc->worker->number);
	uc->counted = false;
}

/* keepalive_requests, keepalive_time. */
static bool
is_worn(const struct upstream_conn *uc, const struct upstream_group *g)
{
	return uc->requests >= g->keepalive_requests ||
	       loop_now_ms(uc->worker->loop) - uc->started_ms > g->keepalive_time_ms;
}

static bool
is_sound(struct conn *c)
{
	return !c->failed && !c->write_failed && !c->peer_closed && conn_out_empty(c) &&
	       !is_talking(c);
}

/* The oldest. */
static void
close_spare(struct upstream_group *g, unsigned count)
{
	struct upstream_conn *uc = g->idle, *next;

	for (unsigned kept = g->idle_count - count; kept > 0; kept--)
		uc = uc->next;
	for (; uc; uc = next) {
		next = uc->next;
		idle_close(uc);
	}
}

static void
watch_spare(struct upstream_group *g)
{
	g->idle_least = g->idle_count;
	timer_set(g->idle->worker->loop, &g->spare, SPARE_MS);
}

static void
spare_expired(struct timer *t)
{
	struct upstream_group *g = from_member(t, struct upstream_group, spare);

	if (g->idle_least > g->keepalive)
		close_spare(g, g->idle_least - g->keepalive);
	if (g->idle_count > g->keepalive)
		watch_spare(g);
}

void
idle_pool_put(struct upstream_conn *uc)
{
	struct upstream_group *g = uc->peer->group;

	if (g->generations == 0 || g->keepalive == 0 || uc->peer->absent || uc->peer->drained ||
	    is_worn(uc, g) || !is_sound(&uc->conn)) {
		upstream_conn_close(uc);
		return;
	}
	stop_counting(uc);
	uc->idle.on_expire = idle_expired;
	uc->conn.ops = &idle_ops;
	uc->conn.owner = uc;
	uc->next = g->idle;
	uc->prev = &g->idle;
	if (uc->next)
		uc->next->prev = &uc->next;
	g->idle = uc;
	g->idle_count++;
	timer_set(uc->worker->loop, &uc->idle, g->keepalive_timeout_ms);
	if (g->idle_count > g->keepalive && !timer_active(&g->spare)) {
		g->spare.on_expire = spare_expired;
		watch_spare(g);
	}
	upstream_group_unref(g);
}

void
upstream_conn_close(struct upstream_conn *uc)
{
	struct upstream_group *g = uc->peer->group;

	stop_counting(uc);
	uc->peer->users--;
	uc->peer = NULL;
	conn_close(&uc->conn);
	upstream_group_unref(g);
}

void
idle_pool_clear(struct upstream_group *g)
{
	timer_clear(&g->spare);
	while (g->idle)
		idle_close(g->idle);
}

void
idle_pool_clear_peer(struct peer *p)
{
	struct upstream_conn *next;

	for (struct upstream_conn *uc = p->group->idle; uc; uc = next) {
		next = uc->next;
		if (uc->peer == p)
			idle_close(uc);
	}
}
