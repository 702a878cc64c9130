/* SPDX-License-Identifier: ISC */
/*
 * resolver: see resolver.h.
 *
 * c-ares opens, reads and closes the sockets; it tells which to watch. It is given every setting it would look up in
 * /etc, which a worker cannot read.
 */
#include "proxy/net/resolver.h"

#include "base/mem.h"

#include <ares.h>

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* Names remembered; the one that was asked for the longest ago makes room. */
#define ENTRIES_MAX 1024
/* After a failure the name servers are spared for so long. */
#define RETRY_MS 5000
#define TRY_TIMEOUT_MS 3000
#define TRIES 4
#define ADDRESSES_MAX 32

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct resolver_entry {
	struct resolver *resolver;
	struct resolver_entry *next;
	char *host;
	union resolved_address addresses[ADDRESSES_MAX];
	size_t count;
	int64_t expires_ms; /* loop clock */
	int64_t asked_ms;   /* last */
	const char *reason;
	bool asking;
	struct resolver_query *waiting;
};

struct socket_watch {
	struct watch watch;
	struct resolver *resolver;
	uint32_t events;
	struct socket_watch *next;
};

struct resolver {
	struct loop *loop;
	ares_channel channel;
	struct resolver_entry *entries;
	size_t entry_count;
	struct socket_watch *sockets;
	struct timer timer;
	int64_t valid_ms;
	int family;
};

static void
set_timer(struct resolver *r)
{
	struct timeval tv;

	if (ares_timeout(r->channel, NULL, &tv))
		timer_set(r->loop, &r->timer, (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
	else
		timer_clear(&r->timer);
}

static void
on_timer(struct timer *t)
{
	struct resolver *r = from_member(t, struct resolver, timer);

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(r);
}

/* The watch may be gone when c-ares is done. */
static void
on_socket(struct watch *w, uint32_t events)
{
	struct resolver *r = from_member(w, struct socket_watch, watch)->resolver;
	ares_socket_t fd = w->fd;
	bool in = events & (EPOLLIN | EPOLLERR | EPOLLHUP), out = events & EPOLLOUT;

	ares_process_fd(r->channel, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
	set_timer(r);
}

static void
drop_socket(struct resolver *r, struct socket_watch **at)
{
	struct socket_watch *s = *at;

	*at = s->next;
	loop_unwatch(r->loop, &s->watch);
	free(s);
}

/* c-ares wants to hear of this socket from now on, or (neither) no more. */
static void
on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = arg;
	uint32_t events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);
	struct socket_watch **at = &r->sockets, *s;

	while (*at && (*at)->watch.fd != fd)
		at = &(*at)->next;
	if (*at && (*at)->events == events)
		return;
	if (*at)
		drop_socket(r, at);
	if (!events)
		return;
	s = mem_zalloc(sizeof(*s));
	s->resolver = r;
	s->events = events;
	s->watch.on_event = on_socket;
	s->watch.fd = -1;
	if (loop_watch(r->loop, &s->watch, fd, events) < 0) {
		free(s); /* the query times out */
		return;
	}
	s->next = r->sockets;
	r->sockets = s;
}

static int
set_servers(struct resolver *r, const struct resolver_options *o)
{
	struct ares_addr_port_node *nodes = mem_zalloc(o->server_count * sizeof(*nodes) + 1);
	int rc;

	for (size_t i = 0; i < o->server_count; i++) {
		const struct sockaddr *sa = o->servers[i];
		struct ares_addr_port_node *n = &nodes[i];

		n->next = i + 1 < o->server_count ? n + 1 : NULL;
		n->family = sa->sa_family;
		if (sa->sa_family == AF_INET6) {
			const struct sockaddr_in6 *in6 =
			    (const struct sockaddr_in6 *)(const void *)sa;

			memcpy(&n->addr.addr6, &in6->sin6_addr, sizeof(n->addr.addr6));
			n->udp_port = n->tcp_port = ntohs(in6->sin6_port);
		} else {
			const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

			n->addr.addr4 = in->sin_addr;
			n->udp_port = n->tcp_port = ntohs(in->sin_port);
		}
	}
	rc = ares_set_servers_ports(r->channel, nodes);
	free(nodes);
	return rc == ARES_SUCCESS ? 0 : -1;
}

struct resolver *
resolver_new(struct loop *loop, const struct resolver_options *o)
{
	struct resolver *r = mem_zalloc(sizeof(*r));
	char lookups[] = "b";
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = TRY_TIMEOUT_MS,
		.tries = TRIES,
		.ndots = 1,
		.lookups = lookups,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = r,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
		   ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_SERVERS | ARES_OPT_DOMAINS |
		   ARES_OPT_SORTLIST;

	r->loop = loop;
	r->valid_ms = o->valid_ms;
	r->timer.on_expire = on_timer;
	r->family = o->ipv4 && o->ipv6 ? AF_UNSPEC : o->ipv6 ? AF_INET6 : AF_INET;
	if (ares_init_options(&r->channel, &options, mask) != ARES_SUCCESS) {
		free(r);
		return NULL;
	}
	if (set_servers(r, o) < 0) {
		resolver_free(r);
		return NULL;
	}
	return r;
}

static void
entry_free(struct resolver_entry *e)
{
	free(e->host);
	free(e);
}

void
resolver_free(struct resolver *r)
{
	if (!r)
		return;
	ares_destroy(r->channel); /* tells every query that it is over */
	timer_clear(&r->timer);
	while (r->sockets)
		drop_socket(r, &r->sockets);
	while (r->entries) {
		struct resolver_entry *e = r->entries;

		r->entries = e->next;
		entry_free(e);
	}
	free(r);
}

static const char *
reason_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		return "3: Host not found";
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
		return "110: Operation timed out";
	case ARES_ESERVFAIL:
		return "2: Server failure";
	case ARES_EREFUSED:
		return "5: Operation refused";
	case ARES_EFORMERR:
	case ARES_EBADNAME:
		return "1: Format error";
	default:
		return "4: Unimplemented";
	}
}

static void
leave(struct resolver_query *q)
{
	if (!q->prev)
		return;
	*q->prev = q->next;
	if (q->next)
		q->next->prev = q->prev;
	q->prev = NULL;
	timer_clear(&q->timeout);
}

static struct resolver_answer
answer_of(const struct resolver_entry *e)
{
	int64_t left = e->expires_ms - loop_now_ms(e->resolver->loop);

	return (struct resolver_answer){ e->addresses, e->count, left > 0 ? left : 0, e->reason };
}

static void
tell_all(struct resolver_entry *e)
{
	struct resolver_answer answer = answer_of(e);

	while (e->waiting) {
		struct resolver_query *q = e->waiting;

		leave(q);
		q->done(q, &answer);
	}
}

static void
take_addresses(struct resolver_entry *e, const struct ares_addrinfo *info)
{
	int64_t ttl_ms = INT64_C(1000) * 3600 * 24;

	e->count = 0;
	for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next) {
		if (e->count == ADDRESSES_MAX || n->ai_addrlen > sizeof(e->addresses[0]))
			continue;
		memcpy(&e->addresses[e->count], n->ai_addr, n->ai_addrlen);
		e->count++;
		if ((int64_t)n->ai_ttl * 1000 < ttl_ms)
			ttl_ms = (int64_t)n->ai_ttl * 1000;
	}
	/* A record that is not to be kept is still good for those who ask in the same second. */
	if (ttl_ms < 1000)
		ttl_ms = 1000;
	if (e->resolver->valid_ms)
		ttl_ms = e->resolver->valid_ms;
	e->expires_ms = loop_now_ms(e->resolver->loop) + ttl_ms;
}

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct resolver_entry *e = arg;

	(void)timeouts;
	e->asking = false;
	if (status == ARES_SUCCESS && info && info->nodes) {
		e->reason = NULL;
		take_addresses(e, info);
	} else {
		e->reason = reason_of(status);
		e->expires_ms = loop_now_ms(e->resolver->loop) + RETRY_MS;
	}
	if (info)
		ares_freeaddrinfo(info);
	if (status != ARES_EDESTRUCTION)
		tell_all(e);
}

static void
make_room(struct resolver *r)
{
	struct resolver_entry **oldest = NULL, *e;

	for (struct resolver_entry **at = &r->entries; *at; at = &(*at)->next) {
		if (!(*at)->asking && !(*at)->waiting &&
		    (!oldest || (*at)->asked_ms < (*oldest)->asked_ms))
			oldest = at;
	}
	if (!oldest)
		return;
	e = *oldest;
	*oldest = e->next;
	r->entry_count--;
	entry_free(e);
}

static struct resolver_entry *
entry_of(struct resolver *r, struct span host)
{
	struct resolver_entry *e;

	for (e = r->entries; e; e = e->next) {
		if (span_eq(span_str(e->host), host))
			return e;
	}
	if (r->entry_count >= ENTRIES_MAX)
		make_room(r);
	e = mem_zalloc(sizeof(*e));
	e->resolver = r;
	e->host = mem_dup_span(host);
	e->next = r->entries;
	r->entries = e;
	r->entry_count++;
	return e;
}

static void
start_asking(struct resolver_entry *e)
{
	struct resolver *r = e->resolver;
	const struct ares_addrinfo_hints hints = {
		.ai_family = r->family, .ai_flags = ARES_AI_NOSORT, .ai_socktype = SOCK_STREAM
	};

	e->asking = true;
	ares_getaddrinfo(r->channel, e->host, NULL, &hints, on_answer, e);
	set_timer(r);
}

/* The name servers are silent: what was good last will have to do. */
static void
on_timeout(struct timer *t)
{
	struct resolver_query *q = from_member(t, struct resolver_query, timeout);
	struct resolver_entry *e = q->entry;
	struct resolver_answer answer = answer_of(e);

	leave(q);
	answer.reason = "110: Operation timed out";
	answer.fresh_ms = RETRY_MS;
	q->done(q, &answer);
}

void
resolver_ask(struct resolver *r, struct resolver_query *q, struct span host, int64_t timeout_ms)
{
	struct resolver_entry *e = entry_of(r, host);
	int64_t now_ms = loop_now_ms(r->loop);

	q->entry = e;
	q->timeout.on_expire = on_timeout;
	e->asked_ms = now_ms;
	if (e->expires_ms <= now_ms && !e->asking)
		start_asking(e);
	/* c-ares may have known at once. */
	if (!e->asking) {
		struct resolver_answer answer = answer_of(e);

		q->done(q, &answer);
		return;
	}
	q->next = e->waiting;
	q->prev = &e->waiting;
	if (q->next)
		q->next->prev = &q->next;
	e->waiting = q;
	timer_set(r->loop, &q->timeout, timeout_ms);
}

void
resolver_forget(struct resolver_query *q)
{
	leave(q);
}
