/* SPDX-License-Identifier: ISC */
/*
 * channel: one message, one packet, at most one descriptor.
 *
 * Only the used part of a message travels. Whatever arrives is checked before anyone looks at it: length, kind,
 * payload; descriptors that nobody asked for are closed.
 */
#include "proxy/monitor/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD_SIZE offsetof(struct channel_message, text)

union control_space {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int
channel_send(int sock, const struct channel_message *m, int fd)
{
	union control_space control;
	struct iovec iov = {
		.iov_base = (void *)(uintptr_t)m,
		.iov_len = HEAD_SIZE + m->text_length,
	};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (m->text_length > CHANNEL_TEXT_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (fd >= 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* The one descriptor that came along, or -1. */
static int
take_descriptor(struct msghdr *msg)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
			if (fd < 0)
				fd = got;
			else
				close(got);
		}
	}
	return fd;
}

static bool
is_sound(const struct channel_message *m, size_t n)
{
	if (n < HEAD_SIZE || m->kind < CHANNEL_RESOURCE || m->kind > CHANNEL_LISTED)
		return false;
	return n == HEAD_SIZE + m->text_length;
}

int
channel_recv(int sock, struct channel_message *m, int *fd)
{
	union control_space control;
	struct iovec iov = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	*fd = -1;
	memset(m, 0, sizeof(*m));
	memset(&control, 0, sizeof(control));
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	*fd = take_descriptor(&msg);
	if (n == 0 && *fd < 0)
		return 0;
	if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && is_sound(m, (size_t)n))
		return 1;
	/* A descriptor that did not come along where there is room for one: no more can be opened. */
	errno = (msg.msg_flags & MSG_CTRUNC) && *fd < 0 ? EMFILE : EPROTO;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -1;
}
