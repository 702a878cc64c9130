/* SPDX-License-Identifier: ISC */
/* proc: status, output, input, environment, descriptors, time limits. */
#include "base/clock.h"
#include "base/proc.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct buf out;
static struct err e;
static int status;

static int
set_up(void **state)
{
	buf_init(&out, 1 << 20);
	status = -1;
	return 0;
}

static int
tear_down(void **state)
{
	buf_release(&out);
	err_release(&e);
	return 0;
}

static int
shell(const char *line)
{
	struct proc_request req = { .shell = line, .out = &out, .timeout_ms = 60000 };

	return proc_run(&req, &status, &e);
}

static void
status_is_exit_code_or_signal(void **state)
{
	assert_int_equal(shell("exit 0"), 0);
	assert_int_equal(status, 0);
	assert_int_equal(shell("exit 37"), 0);
	assert_int_equal(status, 37);
	assert_int_equal(shell("kill -9 $$"), 0);
	assert_int_equal(status, 137);
	assert_int_equal(e.kind, ERR_NONE);
}

static void
output_is_both_streams(void **state)
{
	assert_int_equal(shell("echo one; echo two >&2; echo three"), 0);
	assert_span(buf_span(&out), "one\ntwo\nthree\n");
}

static void
arguments_are_not_words_of_a_shell(void **state)
{
	const char *const argv[] = { "printf", "%s|", "a b", "$HOME", "", "'", NULL };
	struct proc_request req = { .argv = argv, .out = &out, .timeout_ms = 60000 };

	assert_int_equal(proc_run(&req, &status, &e), 0);
	assert_int_equal(status, 0);
	assert_span(buf_span(&out), "a b|$HOME||'|");
}

static void
output_over_the_maximum_is_drained(void **state)
{
	buf_release(&out);
	buf_init(&out, 10);
	assert_int_equal(shell("head -c 1000000 /dev/zero | tr '\\0' x; exit 3"), 0);
	assert_int_equal(status, 3);
	assert_span(buf_span(&out), "xxxxxxxxxx");
	assert_true(out.full);
	buf_reset(&out);
	assert_int_equal(shell("printf 0123456789"), 0);
	assert_span(buf_span(&out), "0123456789");
	assert_false(out.full);
}

static void
input_reaches_stdin(void **state)
{
	struct proc_request req = { .shell = "wc -c", .out = &out, .timeout_ms = 60000 };
	char *big = calloc(1, 1000000);

	assert_int_equal(proc_run(&req, &status, &e), 0);
	assert_span(span_trim(buf_span(&out)), "0");
	buf_reset(&out);
	req.input = span_of(big, 1000000);
	assert_int_equal(proc_run(&req, &status, &e), 0);
	assert_span(span_trim(buf_span(&out)), "1000000");
	/* A child that does not want it is no failure. */
	req.shell = "exit 5";
	assert_int_equal(proc_run(&req, &status, &e), 0);
	assert_int_equal(status, 5);
	free(big);
}

static void
environment_is_ours_with_changes_on_top(void **state)
{
	static const char *const env_argv[] = { "env", NULL };
	const char *const env[] = { "GH_NEW=1", "GH_OLD=changed", "GH_EQ=a=b", NULL };
	struct proc_request req = {
		.shell = "echo $GH_NEW $GH_OLD $GH_KEPT $GH_EQ",
		.env = env,
		.out = &out,
		.timeout_ms = 60000,
	};

	setenv("GH_OLD", "was", 1);
	setenv("GH_KEPT", "kept", 1);
	assert_int_equal(proc_run(&req, &status, &e), 0);
	assert_span(buf_span(&out), "1 changed kept a=b\n");
	/* Not there twice; a shell would hide that. */
	buf_reset(&out);
	req.shell = NULL;
	req.argv = env_argv;
	assert_int_equal(proc_run(&req, &status, &e), 0);
	assert_non_null(strstr(buf_str(&out), "GH_OLD=changed\n"));
	assert_null(strstr(buf_str(&out), "GH_OLD=was"));
	assert_string_equal(getenv("GH_OLD"), "was");
	unsetenv("GH_OLD");
	unsetenv("GH_KEPT");
}

/* Signals 32 and 33: its own, which no program can set; whoever started us may have left them ignored. */
#define OF_THE_C_LIBRARY 0x180000000ULL

static void
child_starts_clean(void **state)
{
	static const char *const list[] = { "ls", "/proc/self/fd", NULL };
	static const char *const show[] = { "grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status",
		NULL };
	struct proc_request req = { .argv = list, .out = &out, .timeout_ms = 60000 };
	int fd = open("/dev/null", O_RDONLY), rc;
	unsigned long long blocked = 0, ignored = 0;
	sigset_t set;

	assert_true(fd > 2);
	assert_int_equal(proc_run(&req, &status, &e), 0);
	close(fd);
	/* The fourth is the one ls reads the directory by. */
	assert_span(buf_span(&out), "0\n1\n2\n3\n");
	buf_reset(&out);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	req.argv = show;
	rc = proc_run(&req, &status, &e);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(rc, 0);
	assert_int_equal(sscanf(buf_str(&out), "SigBlk:\t%llx\nSigIgn:\t%llx", &blocked, &ignored),
	    2);
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored & ~OF_THE_C_LIBRARY, 0);
}

static void
child_leads_its_own_group(void **state)
{
	int pid, parent, group;

	assert_int_equal(shell("cat /proc/$$/stat"), 0);
	assert_int_equal(sscanf(buf_str(&out), "%d (%*[^)]) %*c %d %d", &pid, &parent, &group), 3);
	assert_int_equal(group, pid);
	assert_int_equal(parent, getpid());
}

static void
what_cannot_start_is_an_error(void **state)
{
	static const char *const missing[] = { "gatehouse-no-such-program", NULL };
	static const char *const missing_path[] = { "/nonexistent/program", NULL };
	static const char *const directory[] = { "/tmp", NULL };
	struct proc_request req = { .argv = missing, .out = &out };

	assert_int_equal(proc_run(&req, &status, &e), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
	assert_string_equal(err_text(&e),
	    "cannot run gatehouse-no-such-program: No such file or directory");
	assert_non_null(e.hint);
	req.argv = missing_path;
	assert_int_equal(proc_run(&req, &status, &e), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
	req.argv = directory;
	assert_int_equal(proc_run(&req, &status, &e), -1);
	assert_int_equal(e.kind, ERR_PERM);
	assert_int_equal(status, -1);
	/* No child is left behind. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
time_limit_ends_the_whole_group(void **state)
{
	struct proc_request req = {
		.shell = "echo begun; sleep 1000 & echo $!; sleep 1000; echo never",
		.out = &out,
		.timeout_ms = 1000,
	};
	char state_path[64];
	int pid;

	assert_int_equal(proc_run(&req, &status, &e), -1);
	assert_int_equal(e.kind, ERR_TEMPFAIL);
	assert_non_null(strstr(err_text(&e), "within 1.000 s"));
	assert_int_equal(status, -1);
	assert_int_equal(sscanf(buf_str(&out), "begun\n%d", &pid), 1);
	assert_null(strstr(buf_str(&out), "never"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	/* The grandchild has been killed; whoever adopted it reaps it soon. */
	snprintf(state_path, sizeof(state_path), "/proc/%d/stat", pid);
	for (int64_t deadline = clock_mono_ms() + 30000; clock_mono_ms() < deadline;) {
		FILE *f = fopen(state_path, "re");
		char letter = 'Z';

		if (f) {
			assert_in_range(fscanf(f, "%*d %*s %c", &letter), 0, 1);
			fclose(f);
		}
		if (letter == 'Z' || letter == 'X')
			return;
		usleep(1000);
	}
	fail_msg("the grandchild still runs");
}

static void
child_may_tidy_up_before_it_is_killed(void **state)
{
	/* The shell's trap runs when its sleep has ended: the whole group must be told. */
	struct proc_request req = {
		.shell = "trap 'echo tidied; exit 0' TERM; sleep 1000; sleep 1000",
		.out = &out,
		.timeout_ms = 1000,
	};

	assert_int_equal(proc_run(&req, &status, &e), -1);
	assert_int_equal(e.kind, ERR_TEMPFAIL);
	assert_non_null(strstr(buf_str(&out), "tidied\n"));
}

static void
deaf_child_is_killed(void **state)
{
	struct proc_request req = {
		.shell = "trap '' TERM; while :; do sleep 1; done",
		.out = &out,
		.timeout_ms = 100,
	};

	assert_int_equal(proc_run(&req, &status, &e), -1);
	assert_int_equal(e.kind, ERR_TEMPFAIL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void
talkative_child_is_stopped_too(void **state)
{
	struct proc_request req = { .shell = "yes", .out = &out, .timeout_ms = 200 };

	assert_int_equal(proc_run(&req, &status, &e), -1);
	assert_int_equal(e.kind, ERR_TEMPFAIL);
	assert_true(out.len > 0);
}

static void
daemon_left_behind_does_not_hold_us(void **state)
{
	char command[200];
	int pid;

	snprintf(command, sizeof(command), "sleep 1000 & echo $!");
	assert_int_equal(shell(command), 0);
	assert_int_equal(status, 0);
	assert_int_equal(sscanf(buf_str(&out), "%d", &pid), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void
output_may_be_inherited(void **state)
{
	struct proc_request req = { .shell = "echo seen", .timeout_ms = 60000 };
	int fds[2], saved = dup(1);
	char text[20] = "";

	fflush(stdout);
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], 1);
	assert_int_equal(proc_run(&req, &status, &e), 0);
	dup2(saved, 1);
	close(saved);
	close(fds[1]);
	assert_int_equal(read(fds[0], text, sizeof(text) - 1), 5);
	assert_string_equal(text, "seen\n");
	close(fds[0]);
}

/* proc_run in a process whose descriptors 0 to 2 are closed. */
static int
run_without_descriptors(const struct proc_request *req)
{
	int saved[3], rc;

	fflush(stdout);
	for (int i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
	rc = proc_run(req, &status, &e);
	for (int i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
	return rc;
}

static void
runs_without_our_own_standard_descriptors(void **state)
{
	static const char *const missing[] = { "/nonexistent/program", NULL };
	struct proc_request req = {
		.shell = "cat; echo out; echo err >&2",
		.out = &out,
		.input = SPAN("in\n"),
		.timeout_ms = 60000,
	};

	assert_int_equal(run_without_descriptors(&req), 0);
	assert_int_equal(status, 0);
	assert_span(buf_span(&out), "in\nout\nerr\n");
	req = (struct proc_request){ .argv = missing, .out = &out };
	assert_int_equal(run_without_descriptors(&req), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
}

#define PROC_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PROC_TEST(status_is_exit_code_or_signal),
		PROC_TEST(output_is_both_streams),
		PROC_TEST(arguments_are_not_words_of_a_shell),
		PROC_TEST(output_over_the_maximum_is_drained),
		PROC_TEST(input_reaches_stdin),
		PROC_TEST(environment_is_ours_with_changes_on_top),
		PROC_TEST(child_starts_clean),
		PROC_TEST(child_leads_its_own_group),
		PROC_TEST(what_cannot_start_is_an_error),
		PROC_TEST(time_limit_ends_the_whole_group),
		PROC_TEST(child_may_tidy_up_before_it_is_killed),
		PROC_TEST(deaf_child_is_killed),
		PROC_TEST(talkative_child_is_stopped_too),
		PROC_TEST(daemon_left_behind_does_not_hold_us),
		PROC_TEST(output_may_be_inherited),
		PROC_TEST(runs_without_our_own_standard_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
