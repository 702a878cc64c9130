/* SPDX-License-Identifier: ISC */
/*
 * proxy_world: a whole worker but for its process: loop on a clock of the test's, one generation made of a
 * configuration text, clients over socket pairs with small buffers, a backend's listening socket.
 *
 *	struct proxy_world *w = proxy_world_new("server { ... proxy_pass http://BACKEND; }");
 *	int client = proxy_world_connect(w);
 *	put(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
 *	int backend = proxy_world_accept(w);
 */
#ifndef TESTS_UNIT_PROXY_PROXY_WORLD_H
#define TESTS_UNIT_PROXY_PROXY_WORLD_H

#include "base/clock.h"
#include "proxy/http/client_conn.h"
#include "proxy/http/request_life.h"
#include "proxy/net/pipe_pool.h"
#include "proxy/upstream/upstream.h"
#include "proxy/worker/arrival.h"
#include "proxy/worker/listen_slot.h"
#include "proxy/worker/log_sink.h"
#include "tests/unit/proxy/config/loaded.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

static int64_t world_ms; /* both clocks */

static inline int64_t
world_mono_us(void *arg)
{
	return world_ms * 1000;
}

static inline int64_t
world_wall_ms(void *arg)
{
	return world_ms;
}

struct proxy_world {
	struct worker worker;
	struct counter_slot counters;
	struct generation *generation;
	struct loaded *loaded; /* of it */
	struct listen_slot *slot;
	int backend; /* listening */
	struct sockaddr_in backend_address;
};

static inline struct loaded *
world_load(const struct proxy_world *w, const char *http)
{
	char *text = mem_printf("events { }\nhttp { access_log off;\n%s\n}\n", http), *port;
	struct loaded *l;

	while ((port = strstr(text, "BACKEND"))) {
		char *more = mem_printf("%.*s127.0.0.1:%u%s", (int)(port - text), text,
		    ntohs(w->backend_address.sin_port), port + 7);

		free(text);
		text = more;
	}
	l = load(text);
	if (!l->snapshot)
		fail_msg("%s", said(l));
	free(text);
	return l;
}

static inline struct generation *
world_generation(struct proxy_world *w, struct loaded *l, struct generation *previous)
{
	struct generation *g = mem_zalloc(sizeof(*g));

	g->refs = 1;
	g->worker = &w->worker;
	g->snapshot = l->snapshot;
	g->sinks = mem_zalloc((l->snapshot->log_file_count + 1) * sizeof(g->sinks[0]));
	for (size_t i = 0; i < l->snapshot->log_file_count; i++)
		g->sinks[i] = log_sink_new(w->worker.loop, -1);
	g->upstreams = upstream_groups_new(g, previous ? previous->upstreams : NULL);
	return g;
}

/* Not by generation_unref: the snapshot is the loader's. */
static inline void
world_generation_free(struct generation *g, struct loaded *l)
{
	assert_int_equal(g->refs, 1);
	upstream_groups_free(g->upstreams);
	for (size_t i = 0; i < l->snapshot->log_file_count; i++)
		log_sink_unref(g->sinks[i]);
	free(g->sinks);
	free(g);
	unload(l);
}

static inline struct proxy_world *
proxy_world_new(const char *http)
{
	static const struct clock_source source = { .mono_us = world_mono_us,
		.wall_ms = world_wall_ms };
	struct proxy_world *w = mem_zalloc(sizeof(*w));
	socklen_t len = sizeof(w->backend_address);

	world_ms = 1000000;
	clock_set_source(&source);
	w->worker.counters = &w->counters;
	w->worker.loop = loop_new();
	w->worker.pool = bufpool_new();
	w->worker.pipes = pipe_pool_new();
	w->backend = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	w->backend_address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(w->backend, (struct sockaddr *)&w->backend_address, len), 0);
	assert_int_equal(listen(w->backend, 20), 0);
	assert_int_equal(getsockname(w->backend, (struct sockaddr *)&w->backend_address, &len), 0);
	w->loaded = world_load(w, http);
	w->generation = w->worker.generation = world_generation(w, w->loaded, NULL);
	if (w->loaded->snapshot->listener_count > 0) {
		/* Nobody connects to it: clients are handed over. */
		w->slot = listen_slot_add_take(&w->worker, 1, eventfd(0, EFD_CLOEXEC));
		w->slot->generation = generation_ref(w->generation);
		w->slot->listener = &w->loaded->snapshot->listeners[0];
	}
	return w;
}

static inline void
world_turns(struct proxy_world *w, int n)
{
	while (n-- > 0)
		loop_turn(w->worker.loop, 0);
}

/* Time goes by in steps that no time-out is shorter than. */
static inline void
world_pass(struct proxy_world *w, int64_t ms)
{
	for (; ms > 0; ms -= 100) {
		world_ms += ms < 100 ? ms : 100;
		loop_turn(w->worker.loop, 0);
	}
}

static inline void
proxy_world_free(struct proxy_world *w)
{
	while (w->worker.clients)
		client_conn_close(w->worker.clients, NULL);
	world_turns(w, 2);
	if (w->slot) {
		assert_int_equal(w->slot->refs, 1);
		listen_slot_retire(w->slot);
	}
	world_generation_free(w->generation, w->loaded);
	world_turns(w, 2);
	assert_int_equal(bufpool_borrowed(w->worker.pool), 0);
	assert_int_equal(w->worker.counters->connections, 0);
	request_arenas_free(&w->worker);
	pipe_pool_free(w->worker.pipes);
	bufpool_free(w->worker.pool);
	loop_free(w->worker.loop);
	close(w->backend);
	free(w);
	clock_set_source(NULL);
}

/* A client whose socket, and ours to it, hold little. */
static inline int
proxy_world_connect(struct proxy_world *w)
{
	struct sockaddr peer = { .sa_family = AF_UNIX };
	int pair[2], size = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	arrival_take(w->slot, pair[0], &peer, sizeof(peer.sa_family));
	world_turns(w, 1);
	return pair[1];
}

/* The next connection that the worker makes to the backend; non-blocking. */
static inline int
proxy_world_accept(struct proxy_world *w)
{
	struct pollfd p = { .fd = w->backend, .events = POLLIN };
	int fd;

	for (int i = 0; i < 500 && poll(&p, 1, 10) == 0; i++)
		world_turns(w, 1);
	fd = accept4(w->backend, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

static inline void
put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* All there is now: a count, 0 at the end of stream, -1 nothing. What does not fit is dropped. */
static inline ssize_t
take(int fd, char *out, size_t size)
{
	char drop[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, drop, sizeof(drop), MSG_DONTWAIT)) > 0) {
		if (total + (size_t)n < size)
			memcpy(out + total, drop, (size_t)n);
		total += (size_t)n;
	}
	if (size > 0)
		out[total < size ? total : size - 1] = '\0';
	return total > 0 ? (ssize_t)total : n == 0 ? 0 : -1;
}

static inline bool
is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0 && errno == EAGAIN;
}

/* Turn until what arrived on fd holds text. */
static inline void
expect(struct proxy_world *w, int fd, const char *text)
{
	static char got[65536];
	size_t n = 0;

	got[0] = '\0';
	for (int i = 0; i < 2000 && !strstr(got, text); i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t more;

		loop_turn(w->worker.loop, 0);
		poll(&p, 1, 1);
		more = take(fd, got + n, sizeof(got) - n);
		if (more > 0)
			n += (size_t)more < sizeof(got) - n ? (size_t)more : sizeof(got) - 1 - n;
	}
	if (!strstr(got, text))
		fail_msg("\"%s\" did not come, but \"%s\"", text, got);
}

#endif
