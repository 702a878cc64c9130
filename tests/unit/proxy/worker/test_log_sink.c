/* SPDX-License-Identifier: ISC */
/* Lines gathered, written once a turn, kept while the file takes none, and moved to a reopened file. */
#include "base/mem.h"
#include "proxy/worker/log_sink.h"
#include "tests/unit/unit.h"

#include <fcntl.h>

static int ends[2];
static struct loop *loop;

static int
set_up(void **state)
{
	loop = loop_new();
	return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int
tear_down(void **state)
{
	close(ends[0]);
	loop_free(loop);
	return 0;
}

/* What is in the pipe now: "" when nothing is. */
static const char *
read_all(int fd)
{
	static char got[4096];
	ssize_t n = read(fd, got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

static void
lines_go_out_at_the_end_of_the_turn(void **state)
{
	struct log_sink *sink = log_sink_new(loop, ends[1]);

	log_sink_add(sink, SPAN("one\n"));
	log_sink_add(sink, SPAN("two\n"));
	assert_string_equal(read_all(ends[0]), "");
	loop_turn(loop, 0);
	assert_string_equal(read_all(ends[0]), "one\ntwo\n");
	assert_int_equal(log_sink_fd(sink), ends[1]);
	log_sink_unref(sink);
}

static void
a_buffer_waits_until_it_is_full_or_its_time_is_up(void **state)
{
	struct log_sink *sink = log_sink_new(loop, ends[1]);

	log_sink_set_buffer(sink, 8, 0);
	log_sink_add(sink, SPAN("one\n"));
	loop_turn(loop, 0);
	assert_string_equal(read_all(ends[0]), "");
	log_sink_add(sink, SPAN("three\n"));
	assert_string_equal(read_all(ends[0]), "one\n");
	/* Longer than the buffer: nothing to wait for. */
	log_sink_add(sink, SPAN("as long as this\n"));
	loop_turn(loop, 0);
	assert_string_equal(read_all(ends[0]), "three\nas long as this\n");
	log_sink_set_buffer(sink, 8, 1);
	log_sink_add(sink, SPAN("x\n"));
	for (const char *got = ""; !*got; got = read_all(ends[0]))
		loop_turn(loop, 10);
	/* Without a buffer again: what waits is not forgotten. */
	log_sink_set_buffer(sink, 8, 0);
	log_sink_add(sink, SPAN("y\n"));
	log_sink_set_buffer(sink, 0, 0);
	assert_string_equal(read_all(ends[0]), "y\n");
	log_sink_unref(sink);
}

static void
the_last_one_writes_what_is_left(void **state)
{
	struct log_sink *sink = log_sink_new(loop, ends[1]);

	log_sink_ref(sink);
	log_sink_add(sink, SPAN("x\n"));
	log_sink_unref(sink);
	assert_string_equal(read_all(ends[0]), "");
	log_sink_unref(sink);
	assert_string_equal(read_all(ends[0]), "x\n");
	log_sink_unref(NULL);
	loop_turn(loop, 0);
}

static void
reopening_keeps_the_number_and_loses_nothing(void **state)
{
	struct log_sink *sink = log_sink_new(loop, ends[1]);
	int fresh[2];

	assert_int_equal(pipe2(fresh, O_CLOEXEC | O_NONBLOCK), 0);
	log_sink_add(sink, SPAN("old\n"));
	log_sink_set_fd_take(sink, fresh[1]);
	assert_int_equal(log_sink_fd(sink), ends[1]);
	log_sink_add(sink, SPAN("new\n"));
	loop_turn(loop, 0);
	assert_string_equal(read_all(ends[0]), "old\n");
	assert_string_equal(read_all(fresh[0]), "new\n");
	log_sink_unref(sink);
	close(fresh[0]);
}

static void
without_a_file_lines_go_nowhere(void **state)
{
	struct log_sink *sink = log_sink_new(loop, -1);

	log_sink_add(sink, SPAN("lost\n"));
	loop_turn(loop, 0);
	log_sink_set_fd_take(sink, ends[1]);
	log_sink_add(sink, SPAN("kept\n"));
	log_sink_flush(sink);
	assert_string_equal(read_all(ends[0]), "kept\n");
	log_sink_unref(sink);
}

/* Nobody reads: lines are kept whole up to a bound, then dropped whole, and come in order when it reads again. */
static void
a_full_pipe_loses_whole_lines_only(void **state)
{
	struct log_sink *sink = log_sink_new(loop, ends[1]);
	char text[1024];
	size_t added = 0, lines = 0;
	char *all = mem_alloc(8 << 20);
	size_t n = 0;

	while (log_sink_dropped(sink) == 0) {
		memset(text, 'x', sizeof(text));
		text[sizeof(text) - 1] = '\n';
		log_sink_add(sink, span_of(text, sizeof(text)));
		loop_turn(loop, 0);
		added++;
		assert_true(added < 10000);
	}
	for (int rounds = 0; rounds < 1000; rounds++) {
		ssize_t r = read(ends[0], all + n, (8 << 20) - n);

		n += r > 0 ? (size_t)r : 0;
		log_sink_flush(sink);
	}
	for (size_t i = 0; i < n; i++)
		lines += all[i] == '\n';
	assert_int_equal(lines, added - 1);
	assert_int_equal(n, lines * sizeof(text));
	log_sink_unref(sink);
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_go_out_at_the_end_of_the_turn, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(a_buffer_waits_until_it_is_full_or_its_time_is_up,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_last_one_writes_what_is_left, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(reopening_keeps_the_number_and_loses_nothing,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_file_lines_go_nowhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_pipe_loses_whole_lines_only, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
