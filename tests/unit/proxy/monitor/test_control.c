/* SPDX-License-Identifier: ISC */
/*
 * control: requests, answers, and what clients must not be able to do to the monitor.
 */
#include "base/file.h"
#include "base/mem.h"
#include "proxy/monitor/control.h"
#include "proxy/monitor/control_answer.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void
test_parse(void **state)
{
	static const struct {
		const char *line;
		int rc;
		enum control_command command;
	} cases[] = {
		{ "{\"cmd\":\"reload\"}", 0, CONTROL_RELOAD },
		{ " {\"cmd\" : \"status\", \"more\": [1, 2]} \r", 0, CONTROL_STATUS },
		{ "", -1, 0 },
		{ "reload", -1, 0 },
		{ "\"reload\"", -1, 0 },
		{ "{}", -1, 0 },
		{ "{\"cmd\":1}", -1, 0 },
		{ "{\"CMD\":\"reload\"}", -1, 0 },
		{ "{\"cmd\":\"Reload\"}", -1, 0 },
		{ "{\"cmd\":\"stop\"}", -1, 0 },
		{ "{\"cmd\":\"reload\"", -1, 0 },
		{ "{\"cmd\":\"reload\"} {}", -1, 0 },
		{ "[[[[[[[[", -1, 0 },
		{ "{\"cmd\":\"drain\",\"server\":\"a\"}", 0, CONTROL_DRAIN },
		{ "{\"cmd\":\"undrain\",\"server\":\"a\",\"upstream\":\"b\"}", 0, CONTROL_UNDRAIN },
		{ "{\"cmd\":\"drain\"}", -1, 0 },
		{ "{\"cmd\":\"drain\",\"server\":1}", -1, 0 },
		{ "{\"cmd\":\"drain\",\"server\":\"a\",\"upstream\":null}", -1, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct control_request request = { .command = (enum control_command)99 };
		struct err e = ERR_INIT;
		int rc = control_parse(span_str(cases[i].line), &request, &e);

		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].line, rc);
		if (rc == 0)
			assert_int_equal(request.command, cases[i].command);
		else
			assert_int_not_equal(e.kind, ERR_NONE);
		err_release(&e);
		control_request_release(&request);
	}
}

static void
assert_path(const char *pid, const char *control, const char *expected)
{
	const struct main_settings settings = {
		.pid = span_str(pid),
		.control_socket = span_str(control),
	};
	char *path = control_path(&settings);

	assert_string_equal(path, expected);
	free(path);
}

static void
test_path(void **state)
{
	assert_path("/x/a.pid", "", "/x/a.ctl");
	assert_path("/x/a", "", "/x/a.ctl");
	assert_path("/x/a.pid", "/y/b", "/y/b");
	assert_path(GATEHOUSE_RUNSTATEDIR "/tinyproxyd/tinyproxyd.pid", "", CONTROL_SOCKET_DEFAULT);
	assert_path(GATEHOUSE_RUNSTATEDIR "/other.pid", "", GATEHOUSE_RUNSTATEDIR "/other.ctl");
}

/* A control socket, and a monitor that hands out tickets. */
struct fixture {
	char dir[UNIT_DIR_MAX];
	char *path;
	struct control *control;
	unsigned requests;
	enum control_command last;
	uint64_t ticket;
};

static uint64_t
take_request(void *ctx, const struct control_request *request)
{
	struct fixture *f = ctx;

	f->requests++;
	f->last = request->command;
	return f->ticket;
}

static int
setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	const struct control_handler handler = { .request = take_request, .ctx = f };
	struct err e = ERR_INIT;

	unit_make_dir(f->dir);
	f->path = file_join(f->dir, "ctl");
	f->ticket = 5;
	f->control = control_new(f->path, &handler, &e);
	assert_non_null(f->control);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	control_free(f->control);
	unit_remove_dir(f->dir);
	free(f->path);
	free(f);
	return 0;
}

static int
client(const struct fixture *f)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(un.sun_path, f->path, strlen(f->path));
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

/* Let the control socket do all it can do now. */
static void
turn(const struct fixture *f)
{
	struct pollfd fds[CONTROL_CLIENTS + 1];
	size_t n;

	for (int i = 0; i < 100; i++) {
		n = control_poll(f->control, fds);
		if (poll(fds, n, 0) == 0)
			return;
		control_ready(f->control, fds, n);
	}
	fail_msg("it never comes to rest");
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that has come, NUL-terminated; *closed when the server closed behind it. */
static void
hear(int fd, char *out, size_t size, bool *closed)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, out + len, size - 1 - len, 0)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	*closed = n == 0;
}

static void
test_answer_by_ticket(void **state)
{
	struct fixture *f = *state;
	int first = client(f), second = client(f);
	char text[256];
	bool closed;

	say(first, "{\"cmd\":\"rel");
	turn(f);
	assert_int_equal(f->requests, 0);
	say(first, "oad\"}\n");
	turn(f);
	assert_int_equal(f->requests, 1);
	assert_int_equal(f->last, CONTROL_RELOAD);
	f->ticket = 6;
	say(second, "{\"cmd\":\"status\"}\nmore");
	turn(f);
	assert_int_equal(f->last, CONTROL_STATUS);
	control_answer(f->control, 6, SPAN("{second}"));
	turn(f);
	hear(first, text, sizeof(text), &closed);
	assert_string_equal(text, "");
	assert_false(closed);
	hear(second, text, sizeof(text), &closed);
	assert_string_equal(text, "{second}\n");
	control_answer(f->control, 5, SPAN("{first}"));
	turn(f);
	hear(first, text, sizeof(text), &closed);
	assert_string_equal(text, "{first}\n");
	assert_true(closed);
	close(first);
	close(second);
}

static void
test_refusal_is_json(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	struct control_answer *answer;
	struct err e = ERR_INIT;
	char text[1024];
	bool closed;

	say(fd, "{\"cmd\":\"x\\\"\\u0001\"}\n");
	turn(f);
	hear(fd, text, sizeof(text), &closed);
	assert_true(closed);
	assert_int_equal(f->requests, 0);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_int_equal(control_answer_parse(span_of(text, strlen(text) - 1), &answer, &e), 0);
	assert_false(control_answer_ok(answer));
	assert_false(control_answer_blames_config(answer));
	control_answer_free(answer);
	close(fd);
}

static void
test_long_request_refused(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);
	char text[CONTROL_REQUEST_MAX + 1024];
	bool closed;

	memset(text, ' ', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	say(fd, text);
	turn(f);
	hear(fd, text, sizeof(text), &closed);
	assert_non_null(strstr(text, "longer than"));
	assert_int_equal(f->requests, 0);
	close(fd);
}

/* Who goes while waiting is forgotten; a full table takes no more, and takes again when there is room. */
static void
test_clients_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct pollfd fds[CONTROL_CLIENTS + 1];
	int clients[CONTROL_CLIENTS];
	int one_more;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		clients[i] = client(f);
		say(clients[i], "{\"cmd\":\"status\"}\n");
		turn(f);
	}
	assert_int_equal(f->requests, CONTROL_CLIENTS);
	one_more = client(f);
	say(one_more, "{\"cmd\":\"status\"}\n");
	turn(f);
	assert_int_equal(f->requests, CONTROL_CLIENTS);
	assert_int_equal(control_poll(f->control, fds), CONTROL_CLIENTS);
	close(clients[3]);
	turn(f);
	assert_int_equal(f->requests, CONTROL_CLIENTS + 1);
	control_answer(f->control, f->ticket, SPAN("{}"));
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (i != 3)
			close(clients[i]);
	}
	close(one_more);
	turn(f);
	assert_int_equal(control_poll(f->control, fds), 1);
}

static void
test_mode_and_end(void **state)
{
	struct fixture *f = *state;
	const struct control_handler handler = { .request = take_request, .ctx = f };
	struct err e = ERR_INIT;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* Somebody listens: a second one is refused. */
	assert_null(control_new(f->path, &handler, &e));
	assert_non_null(e.hint);
	err_release(&e);
	/* A successor's socket is left alone. */
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(file_write_new(f->path, SPAN(""), 0600, &e), 0);
	control_free(f->control);
	assert_int_equal(access(f->path, F_OK), 0);
	assert_int_equal(unlink(f->path), 0);
	f->control = control_new(f->path, &handler, &e);
	assert_non_null(f->control);
}

static void
test_deadline(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);

	assert_int_equal(control_deadline_ms(f->control), 0);
	turn(f);
	assert_true(control_deadline_ms(f->control) > 0);
	say(fd, "{\"cmd\":\"reload\"}\n");
	turn(f);
	/* A reload may take as long as it takes. */
	assert_int_equal(control_deadline_ms(f->control), 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_path),
		cmocka_unit_test_setup_teardown(test_answer_by_ticket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusal_is_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_request_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clients_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mode_and_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
