/* SPDX-License-Identifier: ISC */
/*
 * listener: a socket per address family, connections with a number and a time limit.
 */
#include "libacme/listener.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX 4
#define CONNS_MAX 64
#define CONN_LIMIT_MS 15000
#define BACKLOG 64

struct listener {
	struct acme_http *http;
	struct listener_options options;
	struct watch sockets[SOCKETS_MAX];
	size_t socket_count;
	struct listener_conn *conns;
	size_t conn_count;
};

static struct watch_set *
watches(struct listener *l)
{
	return acme_http_watches(l->http);
}

/* It is in no list any more. */
static void
conn_end(struct listener *l, struct listener_conn *conn)
{
	l->conn_count--;
	watch_end(watches(l), &conn->watch);
	if (l->options.release)
		l->options.release(conn);
	close(conn->watch.fd);
	free(conn);
}

void
listener_drop(struct listener_conn *conn)
{
	struct listener *l = conn->listener;
	struct listener_conn **at = &l->conns;

	while (*at != conn)
		at = &(*at)->next;
	*at = conn->next;
	conn_end(l, conn);
}

void
listener_close(struct listener *l)
{
	struct listener_conn *conn;

	if (!l)
		return;
	while ((conn = l->conns)) {
		l->conns = conn->next;
		conn_end(l, conn);
	}
	for (size_t i = 0; i < l->socket_count; i++) {
		watch_end(watches(l), &l->sockets[i]);
		close(l->sockets[i].fd);
	}
	free(l);
}

static void
on_conn(void *arg, short revents)
{
	struct listener_conn *conn = arg;

	if (revents)
		conn->listener->options.ready(conn, conn->listener->options.arg, revents);
	else
		listener_drop(conn);
}

static void
accept_one(struct listener *l, int socket_fd)
{
	int fd = accept4(socket_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct listener_conn *conn;

	if (fd < 0)
		return;
	if (l->conn_count == CONNS_MAX) {
		close(fd);
		return;
	}
	conn = mem_zalloc(l->options.conn_size);
	conn->listener = l;
	conn->next = l->conns;
	l->conns = conn;
	l->conn_count++;
	conn->watch = (struct watch){ .fd = fd,
		.events = POLLIN,
		.background = true,
		.deadline_ms = clock_mono_ms() + CONN_LIMIT_MS,
		.ready = on_conn,
		.arg = conn };
	watch_begin(watches(l), &conn->watch);
}

static void
on_socket(void *arg, short revents)
{
	struct listener *l = arg;

	/* Which of the few it was is not worth telling apart: accept does not block. */
	for (size_t i = 0; i < l->socket_count; i++)
		accept_one(l, l->sockets[i].fd);
}

static int
bind_one(struct listener *l, const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, why;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	l->sockets[l->socket_count] = (struct watch){
		.fd = fd, .events = POLLIN, .background = true, .ready = on_socket, .arg = l
	};
	watch_begin(watches(l), &l->sockets[l->socket_count++]);
	return 0;
}

static int
refuse(const struct listener *l, int why, struct err *e)
{
	const char *address = l->options.address ? l->options.address : "*";

	err_set_errno(e, why, "cannot listen on %s port %u", address, l->options.port);
	if (e && why == EADDRINUSE) {
		e->kind = ERR_TEMPFAIL;
		err_hint(e, "another server has that port: let it show the challenges (-w DIR), or "
			    "stop it meanwhile with --pre-hook and --post-hook");
	} else if (e && why == EACCES) {
		e->kind = ERR_PERM;
		err_hint(e, "ports below 1024 need root");
	}
	return -1;
}

/* A family that this machine does not have is no failure if the other one works. */
static int
bind_all(struct listener *l, const struct addrinfo *list, struct err *e)
{
	for (const struct addrinfo *ai = list; ai && l->socket_count < SOCKETS_MAX;
	     ai = ai->ai_next) {
		if (bind_one(l, ai) < 0 && errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
			return refuse(l, errno, e);
	}
	if (l->socket_count == 0)
		return refuse(l, EADDRNOTAVAIL, e);
	return 0;
}

struct listener *
listener_open(struct acme_http *http, const struct listener_options *options, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST };
	struct listener *l = mem_zalloc(sizeof(*l));
	struct addrinfo *list = NULL;
	char port[8];
	int rc;

	l->http = http;
	l->options = *options;
	snprintf(port, sizeof(port), "%u", options->port);
	rc = getaddrinfo(options->address, port, &hints, &list);
	if (rc != 0) {
		rc = err_set(e, ERR_USAGE, "%s is no address to listen on: %s",
		    options->address ? options->address : "*", gai_strerror(rc));
	} else {
		rc = bind_all(l, list, e);
		freeaddrinfo(list);
	}
	if (rc == 0)
		return l;
	listener_close(l);
	return NULL;
}
