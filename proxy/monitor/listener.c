/* SPDX-License-Identifier: ISC */
/*
 * listener: socket, options, bind, listen.
 *
 * A listener is the same as before when its address is, and what can be said only before bind(2): the name in the
 * resource table holds both. All else is set again.
 */
#include "proxy/monitor/listener.h"

#include "base/mem.h"
#include "proxy/monitor/socket_holder.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

/* The caller frees. */
static char *
name_of(const struct listener *l)
{
	bool both = l->address.u.sa.sa_family == AF_INET6 && !l->ipv6only;

	return mem_printf(SPAN_FMT "%s%s", SPAN_ARG(l->address.text), both ? " ipv6only=off" : "",
	    l->options.reuseport ? " reuseport" : "");
}

/* A socket file is there, and nobody is behind it. */
static bool
is_stale(const struct sockaddr_un *un)
{
	struct stat st;
	bool refused;
	int fd;

	if (lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	refused =
	    connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

int
unix_socket_listen(const char *path, mode_t mode, int backlog)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	mode_t mask;
	int fd, saved;

	if (n >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (is_stale(&un))
		(void)unlink(path);
	/* The file has its mode from the start. */
	mask = umask(0777 & ~mode);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0 && listen(fd, backlog) == 0) {
		umask(mask);
		return fd;
	}
	saved = errno;
	umask(mask);
	close(fd);
	errno = saved;
	return -1;
}

static int
set_options(int fd, const struct listener *l)
{
	int on = 1, v6only = l->ipv6only;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	if (l->address.u.sa.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) < 0)
		return -1;
	return 0;
}

static void
set_int(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

/* What accepted connections inherit. As in nginx, a kernel that refuses one stops nothing. */
static void
tune(int fd, const struct listener *l)
{
	const struct socket_options *o = &l->options;

	if (o->receive_buffer)
		set_int(fd, SOL_SOCKET, SO_RCVBUF, o->receive_buffer);
	if (o->send_buffer)
		set_int(fd, SOL_SOCKET, SO_SNDBUF, o->send_buffer);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, o->keepalive > 0);
	if (l->address.u.sa.sa_family == AF_UNIX)
		return;
	if (o->keepalive_idle_s)
		set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, o->keepalive_idle_s);
	if (o->keepalive_interval_s)
		set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, o->keepalive_interval_s);
	if (o->keepalive_count)
		set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, o->keepalive_count);
	set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, o->deferred);
}

static int
fail(int fd, const struct listener *l, const char *call, struct err *e)
{
	int why = errno;

	if (fd >= 0)
		close(fd);
	err_set_errno(e, why, "%s", call);
	err_set(e, e ? e->kind : ERR_IO, "%s " SPAN_FMT " failed (%d: %s)", call,
	    SPAN_ARG(l->address.text), why, strerror(why));
	errno = why;
	return -1;
}

static int
bind_inet(const struct listener *l, int share, struct err *e)
{
	int fd = socket(l->address.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return fail(fd, l, "socket() for", e);
	if (set_options(fd, l) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof(share)) < 0)
		return fail(fd, l, "setsockopt() for", e);
	if (bind(fd, &l->address.u.sa, l->address.len) < 0)
		return fail(fd, l, "bind() to", e);
	return fd;
}

/* 0 for a unix socket. */
static in_port_t
port_of(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)ss)->sin_port;
	if (ss->ss_family == AF_INET6)
		return ((const struct sockaddr_in6 *)(const void *)ss)->sin6_port;
	return 0;
}

/* Let sockets of ours on l's port share it, or no longer. Returns how many there are. */
static size_t
share_port(const struct resource_table *t, const struct listener *l, int share)
{
	size_t n = 0;

	for (const struct resource *r = t->first; r; r = r->next) {
		struct sockaddr_storage ss = { 0 };
		socklen_t len = sizeof(ss);

		if (r->kind != RESOURCE_LISTENER ||
		    getsockname(r->fd, (struct sockaddr *)&ss, &len) < 0 ||
		    port_of(&ss) != port_of(&l->address.u.storage))
			continue;
		n += setsockopt(r->fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof(share)) == 0;
	}
	return n;
}

static int
bind_and_listen(const struct listener *l, int share, struct err *e)
{
	int fd = bind_inet(l, share, e);

	if (fd < 0)
		return -1;
	tune(fd, l);
	if (listen(fd, l->options.backlog) < 0)
		return fail(fd, l, "listen() on", e);
	return fd;
}

/*
 * What is in the way may be our own socket of the edition before: 127.0.0.1:80 for *:80. The two share the port until the
 * older is closed; nobody else can join them but in the moment between the calls, and then only as our own user.
 */
static int
listen_inet(const struct resource_table *t, const struct listener *l, struct err *e)
{
	int fd = bind_and_listen(l, 0, e), alone = 0, why = errno;

	if (fd < 0 && why == EADDRINUSE && share_port(t, l, 1) > 0) {
		err_reset(e);
		fd = bind_and_listen(l, 1, e);
		why = errno;
		(void)share_port(t, l, 0);
		if (fd >= 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &alone, sizeof(alone));
	}
	errno = why;
	return fd;
}

/* The binary before us has it: its queue of connections is ours. */
static int
claim(struct resource_table *t, const struct listener *l)
{
	int fd = resource_claim_detach(t, &l->address.u.sa);

	if (fd < 0)
		return -1;
	tune(fd, l);
	(void)listen(fd, l->options.backlog);
	return fd;
}

/* reuseport: what others of ours hold on this port must let it in. */
static int
listen_shared(struct resource_table *t, const struct listener *l, struct err *e)
{
	int fd = claim(t, l);

	if (fd >= 0)
		return fd;
	(void)share_port(t, l, 1);
	return bind_and_listen(l, 1, e);
}

/* A socket for each worker; false: not all could be had. */
static bool
add_shared(struct resource_table *t, struct resource *r, const struct listener *l, struct err *e)
{
	while (r->more_count + 1 < l->sockets) {
		int fd = listen_shared(t, l, e);

		if (fd < 0)
			return false;
		resource_add_fd(r, fd);
	}
	return true;
}

static void
hint_at_holder(const struct listener *l, struct err *e)
{
	char who[128];

	if (socket_holder_find(&l->address.u.sa, who, sizeof(who)))
		err_hint(e, "%s listens there", who);
}

/* -1 with errno. */
static int
open_first(struct resource_table *t, const struct listener *l, struct err *e)
{
	int fd = claim(t, l);

	if (fd >= 0)
		return fd;
	if (l->address.u.sa.sa_family != AF_UNIX)
		return l->options.reuseport ? listen_shared(t, l, e) : listen_inet(t, l, e);
	/* 0666 as nginx has it: who may connect is a matter of the directory. */
	fd = unix_socket_listen(l->address.u.un.sun_path, 0666, l->options.backlog);
	if (fd < 0)
		return fail(-1, l, "bind() to", e);
	tune(fd, l);
	return fd;
}

/* It is there already: all that can be set again. */
static void
renew(const struct resource *r, const struct listener *l)
{
	for (unsigned i = 0; i <= r->more_count; i++) {
		int fd = resource_fd(r, i);

		tune(fd, l);
		(void)listen(fd, l->options.backlog);
	}
}

struct resource *
listener_open(struct resource_table *t, const struct listener *l, bool *busy, struct err *e)
{
	bool is_unix = l->address.u.sa.sa_family == AF_UNIX;
	char *name = name_of(l);
	struct resource *r = resource_find(t, RESOURCE_LISTENER, span_str(name));
	int fd;

	*busy = false;
	if (r) {
		renew(r, l);
	} else {
		fd = open_first(t, l, e);
		if (fd < 0) {
			*busy = errno == EADDRINUSE;
			if (*busy && !is_unix)
				hint_at_holder(l, e);
			goto out;
		}
		r = resource_add(t, RESOURCE_LISTENER, span_str(name), fd);
		if (is_unix)
			r->unlink = mem_strdup(l->address.u.un.sun_path);
	}
	if (!is_unix && !add_shared(t, r, l, e)) {
		resource_unref(t, r);
		r = NULL;
	}
out:
	free(name);
	return r;
}

int
listener_try(const struct listener *l, struct err *e)
{
	int fd;

	if (l->address.u.sa.sa_family == AF_UNIX)
		return 0;
	fd = bind_inet(l, 0, e);
	if (fd < 0 && errno == EADDRINUSE) {
		err_reset(e);
		return 0;
	}
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}
