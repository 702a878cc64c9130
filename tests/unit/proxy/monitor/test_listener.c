/* SPDX-License-Identifier: ISC */
/*
 * listener: bound once, kept by reference, told apart by options; whoever is in the way is named.
 */
#include "base/file.h"
#include "base/mem.h"
#include "proxy/monitor/listener.h"
#include "proxy/monitor/log_files.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

/* 127.0.0.1 on a port that was free a moment ago; text lives in the caller's buffer. */
static struct listener
loopback(char text[32])
{
	struct listener l = { .options = { .backlog = 16 }, .ipv6only = true };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	l.address.u.in.sin_family = AF_INET;
	l.address.u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l.address.len = sizeof(l.address.u.in);
	assert_int_equal(bind(fd, &l.address.u.sa, l.address.len), 0);
	assert_int_equal(getsockname(fd, &l.address.u.sa, &l.address.len), 0);
	close(fd);
	snprintf(text, 32, "127.0.0.1:%u", ntohs(l.address.u.in.sin_port));
	l.address.text = span_str(text);
	return l;
}

static int
connects(const struct listener *l)
{
	int fd = socket(l->address.u.sa.sa_family, SOCK_STREAM, 0);
	int rc = connect(fd, &l->address.u.sa, l->address.len);

	close(fd);
	return rc;
}

static void
test_kept_and_closed(void **state)
{
	struct resource_table table = { 0 };
	struct err e = ERR_INIT;
	char text[32];
	struct listener l = loopback(text);
	struct resource *first, *again;
	bool busy;

	assert_int_not_equal(connects(&l), 0);
	first = listener_open(&table, &l, &busy, &e);
	assert_non_null(first);
	assert_int_equal(connects(&l), 0);
	again = listener_open(&table, &l, &busy, &e);
	assert_ptr_equal(again, first);
	resource_unref(&table, first);
	assert_int_equal(connects(&l), 0);
	resource_unref(&table, again);
	assert_int_not_equal(connects(&l), 0);
	assert_null(table.first);
}

static void
test_ids_never_return(void **state)
{
	struct resource_table table = { 0 };
	struct err e = ERR_INIT;
	char text[32];
	struct listener l = loopback(text);
	struct resource *r;
	bool busy;

	r = listener_open(&table, &l, &busy, &e);
	assert_int_equal(r->id, 1);
	resource_unref(&table, r);
	r = listener_open(&table, &l, &busy, &e);
	assert_int_equal(r->id, 2);
	resource_unref(&table, r);
}

static void
test_busy_names_the_holder(void **state)
{
	struct resource_table ours = { 0 }, theirs = { 0 };
	struct err e = ERR_INIT;
	char text[32], expected[128];
	struct listener l = loopback(text);
	struct resource *r;
	bool busy;

	r = listener_open(&theirs, &l, &busy, &e);
	assert_null(listener_open(&ours, &l, &busy, &e));
	assert_true(busy);
	snprintf(expected, sizeof(expected), "bind() to %s failed (98: Address already in use)",
	    text);
	assert_string_equal(err_text(&e), expected);
	snprintf(expected, sizeof(expected), "(pid %d) listens there", (int)getpid());
	assert_non_null(e.hint);
	assert_non_null(strstr(e.hint, expected));
	assert_int_equal(listener_try(&l, &e), 0);
	err_release(&e);
	resource_unref(&theirs, r);
}

/* 127.0.0.1:N is replaced by *:N: both listen for a while, and nobody else gets in. */
static void
test_wildcard_beside_our_own(void **state)
{
	struct resource_table ours = { 0 }, theirs = { 0 };
	struct resource *specific, *wildcard;
	struct err e = ERR_INIT;
	char text[32];
	struct listener l = loopback(text), any = l;
	bool busy;

	any.address.u.in.sin_addr.s_addr = htonl(INADDR_ANY);
	any.address.text = SPAN("0.0.0.0:N");
	specific = listener_open(&ours, &l, &busy, &e);
	assert_non_null(specific);
	wildcard = listener_open(&ours, &any, &busy, &e);
	if (!wildcard)
		fail_msg("%s", err_text(&e));
	assert_null(listener_open(&theirs, &l, &busy, &e));
	assert_null(listener_open(&theirs, &any, &busy, &e));
	err_release(&e);
	resource_unref(&ours, specific);
	assert_int_equal(connects(&l), 0);
	specific = listener_open(&ours, &l, &busy, &e);
	assert_non_null(specific);
	resource_unref(&ours, wildcard);
	assert_int_equal(connects(&l), 0);
	resource_unref(&ours, specific);
}

static void
test_foreign_address(void **state)
{
	struct resource_table table = { 0 };
	struct err e = ERR_INIT;
	char text[32];
	struct listener l = loopback(text);
	bool busy;

	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &l.address.u.in.sin_addr), 1);
	l.address.text = SPAN("192.0.2.1:80");
	assert_null(listener_open(&table, &l, &busy, &e));
	assert_false(busy);
	assert_string_equal(err_text(&e),
	    "bind() to 192.0.2.1:80 failed (99: Cannot assign requested address)");
	assert_int_equal(listener_try(&l, &e), -1);
	err_release(&e);
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void
test_options(void **state)
{
	struct resource_table table = { 0 };
	struct err e = ERR_INIT;
	char text[32];
	struct listener l = loopback(text);
	struct resource *r, *again;
	bool busy;

	l.options = (struct socket_options){
		.backlog = 16,
		.receive_buffer = 20000,
		.send_buffer = 30000,
		.keepalive = 1,
		.keepalive_idle_s = 11,
		.keepalive_interval_s = 12,
		.keepalive_count = 3,
		.deferred = true,
		.reuseport = true,
	};
	l.sockets = 3;
	r = listener_open(&table, &l, &busy, &e);
	assert_non_null(r);
	assert_int_equal(r->more_count, 2);
	for (unsigned i = 0; i < 3; i++) {
		int fd = resource_fd(r, i);

		/* The kernel doubles them. */
		assert_int_equal(option(fd, SOL_SOCKET, SO_RCVBUF), 40000);
		assert_int_equal(option(fd, SOL_SOCKET, SO_SNDBUF), 60000);
		assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 11);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 12);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
		assert_true(option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT) > 0);
	}
	assert_int_equal(resource_fd(r, 3), -1);
	/* A reload sets them again, on the same sockets. */
	l.options.keepalive = 0;
	l.options.deferred = false;
	l.sockets = 4;
	again = listener_open(&table, &l, &busy, &e);
	assert_ptr_equal(again, r);
	assert_int_equal(r->more_count, 3);
	assert_int_equal(option(r->fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(option(r->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
	resource_trim(r, 2);
	assert_int_equal(r->more_count, 1);
	resource_trim(r, 1);
	assert_int_equal(r->more_count, 0);
	resource_unref(&table, again);
	resource_unref(&table, r);
	assert_int_not_equal(connects(&l), 0);
	assert_null(table.first);
}

static struct listener
unix_listener(const char *path)
{
	struct listener l = { .options = { .backlog = 16 } };

	l.address.u.un.sun_family = AF_UNIX;
	memcpy(l.address.u.un.sun_path, path, strlen(path));
	l.address.len = sizeof(l.address.u.un);
	l.address.text = span_str(path);
	return l;
}

static void
test_unix(void **state)
{
	struct resource_table table = { 0 }, other = { 0 };
	struct err e = ERR_INIT;
	char dir[UNIT_DIR_MAX];
	struct resource *r;
	struct listener l;
	struct stat st;
	char *path;
	bool busy;

	unit_make_dir(dir);
	path = file_join(dir, "s");
	l = unix_listener(path);
	r = listener_open(&table, &l, &busy, &e);
	assert_non_null(r);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(connects(&l), 0);
	assert_null(listener_open(&other, &l, &busy, &e));
	assert_true(busy);
	err_release(&e);
	resource_unref(&table, r);
	assert_int_equal(access(path, F_OK), -1);
	/* Left by somebody who was killed: taken over. */
	r = listener_open(&table, &l, &busy, &e);
	free(r->unlink);
	r->unlink = NULL;
	resource_unref(&table, r);
	assert_int_equal(access(path, F_OK), 0);
	r = listener_open(&table, &l, &busy, &e);
	assert_non_null(r);
	assert_int_equal(connects(&l), 0);
	resource_unref(&table, r);
	/* No socket: not ours to remove. */
	assert_int_equal(file_write_new(path, SPAN("precious"), 0644, &e), 0);
	assert_null(listener_open(&table, &l, &busy, &e));
	err_release(&e);
	assert_int_equal(access(path, F_OK), 0);
	unit_remove_dir(dir);
	free(path);
}

static void
test_log_reopen(void **state)
{
	struct resource_table table = { 0 };
	struct err e = ERR_INIT;
	char dir[UNIT_DIR_MAX];
	struct resource *r;
	char *path, *old;
	struct stat st;
	int fd;

	unit_make_dir(dir);
	path = file_join(dir, "log");
	old = file_join(dir, "log.1");
	r = log_files_open(&table, span_str(path), STDERR_FILENO, &e);
	assert_non_null(r);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~LOG_FILE_MODE, 0);
	assert_int_equal(write(r->fd, "1", 1), 1);
	assert_int_equal(rename(path, old), 0);
	fd = r->fd;
	assert_int_equal(log_files_reopen(r, &e), 0);
	assert_int_equal(r->fd, fd);
	assert_true(fcntl(r->fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(r->fd, "22", 2), 2);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 2);
	assert_int_equal(stat(old, &st), 0);
	assert_int_equal(st.st_size, 1);
	/* It cannot be had: the old one stays. */
	unit_remove_dir(dir);
	assert_int_equal(log_files_reopen(r, &e), -1);
	assert_non_null(strstr(err_text(&e), "open() \""));
	assert_int_equal(write(r->fd, "3", 1), 1);
	err_release(&e);
	resource_unref(&table, r);
	free(old);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_and_closed),
		cmocka_unit_test(test_ids_never_return),
		cmocka_unit_test(test_busy_names_the_holder),
		cmocka_unit_test(test_wildcard_beside_our_own),
		cmocka_unit_test(test_foreign_address),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_log_reopen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
