/* SPDX-License-Identifier: ISC */
/*
 * control_client: connect, send, read until the server closes.
 */
#include "proxy/monitor/control_client.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
connect_to(const char *path, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int fd;

	if (n >= sizeof(un.sun_path))
		return err_set(e, ERR_USAGE, "control socket %s: the path is longer than %zu bytes",
		    path, sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(e, errno, "socket");
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
		int why = errno;

		close(fd);
		err_set_errno(e, why, "cannot reach tinyproxyd at %s", path);
		if (why == ENOENT || why == ECONNREFUSED) {
			if (e)
				e->kind = ERR_UNAVAILABLE;
			err_hint(e, "is it running?");
		}
		return -1;
	}
	return fd;
}

static int
send_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		s = span_after(s, (size_t)n);
	}
	return 0;
}

/* Wait until fd is readable. */
static int
wait_for(int fd, int64_t deadline, struct err *e)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - clock_mono_ms();
		int rc = left > 0 ? poll(&p, 1, left > 60000 ? 60000 : (int)left) : 0;

		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return err_set_errno(e, errno, "poll");
		if (clock_mono_ms() >= deadline)
			return err_set(e, ERR_TEMPFAIL, "tinyproxyd did not answer in time");
	}
}

static int
read_answer(int fd, int64_t deadline, struct buf *answer, struct err *e)
{
	for (;;) {
		char *room = buf_reserve(answer, 4096);
		ssize_t n;

		if (!room)
			return err_set(e, ERR_DATA, "the answer is too long");
		if (wait_for(fd, deadline, e) < 0)
			return -1;
		n = recv(fd, room, 4096, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ECONNRESET)
			return err_set_errno(e, errno, "cannot read the answer");
		if (n <= 0)
			break;
		answer->len += (size_t)n;
	}
	if (answer->len == 0 || answer->p[answer->len - 1] != '\n')
		return err_set(e, ERR_UNAVAILABLE, "tinyproxyd went away before it answered");
	answer->len--;
	return 0;
}

int
control_call(const char *path, struct span request, int64_t timeout_ms, struct buf *answer,
    struct err *e)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	int fd = connect_to(path, e), rc = -1;

	if (fd < 0)
		return -1;
	/* A server that hangs up on us may have said why. */
	if ((send_all(fd, request) < 0 || send_all(fd, SPAN("\n")) < 0) && errno != EPIPE)
		err_set_errno(e, errno, "cannot send to %s", path);
	else
		rc = read_answer(fd, deadline, answer, e);
	close(fd);
	return rc;
}
