/* SPDX-License-Identifier: ISC */
/*
 * channel: messages and descriptors arrive whole; what a taken-over worker might send is refused.
 */
#include "proxy/monitor/channel.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define HEAD offsetof(struct channel_message, text)

static int
setup(void **state)
{
	static int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			     pair),
	    0);
	*state = pair;
	return 0;
}

static int
teardown(void **state)
{
	int *pair = *state;

	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void
test_descriptor(void **state)
{
	const int *pair = *state;
	const struct channel_message m = { .kind = CHANNEL_BUNDLE, .generation = 7 };
	struct channel_message got;
	struct stat sent, received;
	int null = open("/dev/null", O_RDONLY), fd = -1;

	assert_int_equal(channel_send(pair[0], &m, null), 0);
	assert_int_equal(channel_recv(pair[1], &got, &fd), 1);
	assert_int_equal(got.kind, CHANNEL_BUNDLE);
	assert_int_equal(got.generation, 7);
	assert_true(fd >= 0 && fd != null);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(null, &sent), 0);
	assert_int_equal(fstat(fd, &received), 0);
	assert_int_equal(sent.st_ino, received.st_ino);
	close(fd);
	close(null);
}

static void
test_text(void **state)
{
	const int *pair = *state;
	struct channel_message m = { .kind = CHANNEL_REFUSED, .generation = 3, .text_length = 5 };
	struct channel_message got;
	int fd;

	memcpy(m.text, "wrong", 5);
	assert_int_equal(channel_send(pair[0], &m, -1), 0);
	assert_int_equal(channel_recv(pair[1], &got, &fd), 1);
	assert_int_equal(fd, -1);
	assert_int_equal(got.text_length, 5);
	assert_memory_equal(got.text, "wrong", 5);
}

static void
test_empty_and_gone(void **state)
{
	int *pair = *state;
	struct channel_message got;
	int fd;

	assert_int_equal(channel_recv(pair[1], &got, &fd), -1);
	assert_int_equal(errno, EAGAIN);
	close(pair[0]);
	assert_int_equal(channel_recv(pair[1], &got, &fd), 0);
	pair[0] = dup(pair[1]);
}

static void
assert_refused(const int *pair, const void *bytes, size_t n)
{
	struct channel_message got;
	int fd = 0;

	assert_int_equal(send(pair[0], bytes, n, 0), n);
	assert_int_equal(channel_recv(pair[1], &got, &fd), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(fd, -1);
}

static void
test_nonsense_refused(void **state)
{
	const int *pair = *state;
	struct channel_message m = { .kind = CHANNEL_ADOPTED };
	char large[sizeof(m) + 1] = { 0 };

	assert_refused(pair, &m, 1);
	assert_refused(pair, &m, HEAD - 1);
	assert_refused(pair, &m, HEAD + 1);
	assert_refused(pair, &m, sizeof(m));
	m.kind = 0;
	assert_refused(pair, &m, HEAD);
	m.kind = CHANNEL_LISTED + 1;
	assert_refused(pair, &m, HEAD);
	m.kind = CHANNEL_REFUSED;
	m.text_length = UINT32_MAX;
	assert_refused(pair, &m, HEAD);
	memcpy(large, &m, sizeof(m));
	assert_refused(pair, large, sizeof(large));
}

static unsigned
count_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Descriptors that come with nonsense, or two at once, must not pile up. */
static void
test_descriptors_do_not_leak(void **state)
{
	const int *pair = *state;
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct channel_message m = { .kind = 99 }, got;
	struct iovec iov = { .iov_base = &m, .iov_len = HEAD };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int two[2] = { pair[0], pair[1] }, fd;
	unsigned before = count_descriptors();

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(two));
	memcpy(CMSG_DATA(c), two, sizeof(two));
	assert_int_equal(sendmsg(pair[0], &msg, 0), HEAD);
	assert_int_equal(channel_recv(pair[1], &got, &fd), -1);
	assert_int_equal(count_descriptors(), before);
	m.kind = CHANNEL_ADOPTED;
	assert_int_equal(sendmsg(pair[0], &msg, 0), HEAD);
	if (channel_recv(pair[1], &got, &fd) == 1 && fd >= 0)
		close(fd);
	assert_int_equal(count_descriptors(), before);
}

static void
test_too_long_not_sent(void **state)
{
	const int *pair = *state;
	const struct channel_message m = {
		.kind = CHANNEL_REFUSED,
		.text_length = CHANNEL_TEXT_MAX + 1,
	};

	assert_int_equal(channel_send(pair[0], &m, -1), -1);
	assert_int_equal(errno, EMSGSIZE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_and_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors_do_not_leak, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long_not_sent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
