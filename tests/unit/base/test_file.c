/* SPDX-License-Identifier: ISC */
/* file: reading, replacing, locks, and the ways each of them fails. */
#include "base/clock.h"
#include "base/file.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[UNIT_DIR_MAX];
static struct err e;

static int
set_up(void **state)
{
	unit_make_dir(dir);
	umask(022);
	return 0;
}

static int
tear_down(void **state)
{
	unit_remove_dir(dir);
	err_release(&e);
	return 0;
}

/* dir/name; good until the next call but one. */
static const char *
in_dir(const char *name)
{
	static char paths[2][UNIT_DIR_MAX + 300];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Names in dir, "." and ".." not counted. */
static int
entries(void)
{
	DIR *d = opendir(dir);
	int n = -2;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
assert_content(const char *path, const char *want)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(file_read(path, &b, &e), 0);
	assert_span(buf_span(&b), want);
	buf_release(&b);
}

static void
write_replaces_whole_and_leaves_no_temporary(void **state)
{
	const char *path = in_dir("f");

	assert_int_equal(file_write_atomic(path, SPAN("one"), 0644, &e), 0);
	assert_content(path, "one");
	assert_int_equal(file_write_atomic(path, SPAN("2"), 0600, &e), 0);
	assert_content(path, "2");
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(file_write_atomic(path, SPAN(""), 0600, &e), 0);
	assert_content(path, "");
	assert_int_equal(entries(), 1);
}

static void
unflushed_is_whole_as_well_and_can_be_flushed_later(void **state)
{
	const char *path = in_dir("f");

	assert_int_equal(file_write_unflushed(path, SPAN("one"), 0644, &e), 0);
	assert_int_equal(file_write_unflushed(path, SPAN("2"), 0600, &e), 0);
	assert_content(path, "2");
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(entries(), 1);
	assert_int_equal(file_flush(path, &e), 0);
	assert_int_equal(file_flush(in_dir("none"), &e), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
	assert_non_null(strstr(err_text(&e), "none"));
	err_release(&e);
	assert_int_equal(file_flush(in_dir("none/f"), &e), -1);
}

/* What a writer leaves that is killed goes; neighbours of a similar name stay. */
static void
sweep_removes_only_what_writers_left(void **state)
{
	assert_int_equal(file_write_atomic(in_dir("f"), SPAN("x"), 0600, &e), 0);
	assert_int_equal(file_write_atomic(in_dir("f.tmp.0123456789abcdef"), SPAN("x"), 0600, &e),
	    0);
	assert_int_equal(file_write_atomic(in_dir("f.tmp.notes"), SPAN("x"), 0600, &e), 0);
	assert_int_equal(file_write_atomic(in_dir("ff.tmp.0123456789abcdef"), SPAN("x"), 0600, &e),
	    0);
	file_sweep(in_dir("f"));
	assert_int_equal(entries(), 3);
	assert_false(file_exists(in_dir("f.tmp.0123456789abcdef")));
	file_sweep(in_dir("missing/f"));
}

static void
mode_is_exact_whatever_the_umask(void **state)
{
	static const mode_t modes[] = { 0600, 0640, 0644, 0400, 0444, 0755 };
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	mode_t before = umask(0);

	for (size_t i = 0; i < COUNT(masks); i++) {
		umask(masks[i]);
		for (size_t j = 0; j < COUNT(modes); j++) {
			assert_int_equal(file_write_atomic(in_dir("f"), SPAN("x"), modes[j], &e),
			    0);
			assert_int_equal(mode_of(in_dir("f")), modes[j]);
		}
	}
	umask(before);
}

static void
write_goes_to_the_current_directory(void **state)
{
	char before[4096];

	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(file_write_atomic("plain", SPAN("x"), 0600, &e), 0);
	assert_content(in_dir("plain"), "x");
	assert_int_equal(chdir(before), 0);
}

static void
write_replaces_a_link_not_its_target(void **state)
{
	assert_int_equal(file_write_atomic(in_dir("target"), SPAN("kept"), 0600, &e), 0);
	assert_int_equal(symlink("target", in_dir("link")), 0);
	assert_int_equal(file_write_atomic(in_dir("link"), SPAN("new"), 0600, &e), 0);
	assert_content(in_dir("target"), "kept");
	assert_content(in_dir("link"), "new");
}

static void
write_failures_say_why_and_leave_nothing(void **state)
{
	char lengthy[300];

	assert_int_equal(file_write_atomic(in_dir("none/f"), SPAN("x"), 0600, &e), -1);
	assert_int_equal(e.kind, ERR_CANTCREATE);
	assert_non_null(e.hint);
	assert_int_equal(file_write_atomic(in_dir("f"), SPAN("x"), 0600, &e), 0);
	assert_int_equal(file_write_atomic(in_dir("f/below"), SPAN("x"), 0600, &e), -1);
	assert_int_equal(e.kind, ERR_CANTCREATE);
	assert_non_null(strstr(err_text(&e), "f/below: Not a directory"));
	assert_int_equal(file_write_atomic(in_dir("f/"), SPAN("x"), 0600, &e), -1);
	assert_int_equal(file_write_atomic("", SPAN("x"), 0600, &e), -1);
	assert_int_equal(mkdir(in_dir("d"), 0700), 0);
	assert_int_equal(file_write_atomic(in_dir("d"), SPAN("x"), 0600, &e), -1);
	assert_int_equal(e.kind, ERR_CANTCREATE);
	memset(lengthy, 'n', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	assert_int_equal(file_write_atomic(in_dir(lengthy), SPAN("x"), 0600, NULL), -1);
	assert_int_equal(entries(), 2);
	assert_content(in_dir("f"), "x");
}

static void
half_written_is_not_written(void **state)
{
	struct rlimit limit = { 4, 4 }, before;
	char big[100] = { 0 };

	assert_int_equal(file_write_atomic(in_dir("f"), SPAN("old"), 0600, &e), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(file_write_atomic(in_dir("f"), span_of(big, sizeof(big)), 0600, &e), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(e.kind, ERR_IO);
	assert_content(in_dir("f"), "old");
	assert_int_equal(entries(), 1);
}

static void
new_never_replaces(void **state)
{
	assert_int_equal(file_write_new(in_dir("f"), SPAN("first"), 0640, &e), 0);
	assert_content(in_dir("f"), "first");
	assert_int_equal(mode_of(in_dir("f")), 0640);
	assert_int_equal(file_write_new(in_dir("f"), SPAN("second"), 0640, &e), -1);
	assert_int_equal(e.kind, ERR_CANTCREATE);
	assert_non_null(e.hint);
	assert_content(in_dir("f"), "first");
	/* A dangling link is there, too. */
	assert_int_equal(symlink("nowhere", in_dir("l")), 0);
	assert_int_equal(file_write_new(in_dir("l"), SPAN("x"), 0640, &e), -1);
	assert_false(file_exists(in_dir("nowhere")));
	assert_int_equal(entries(), 2);
}

static void
read_takes_exactly_the_maximum(void **state)
{
	struct buf b;

	assert_int_equal(file_write_atomic(in_dir("f"), SPAN("12345"), 0600, &e), 0);
	buf_init(&b, 5);
	assert_int_equal(file_read(in_dir("f"), &b, &e), 0);
	assert_span(buf_span(&b), "12345");
	buf_release(&b);
	buf_init(&b, 4);
	assert_int_equal(file_read(in_dir("f"), &b, &e), -1);
	assert_int_equal(e.kind, ERR_DATA);
	assert_non_null(strstr(err_text(&e), "larger than 4 bytes"));
	assert_int_equal(b.len, 0);
	buf_release(&b);
	/* Behind what is there already. */
	buf_init_secret(&b, 7);
	assert_int_equal(buf_add_str(&b, "ab"), 0);
	assert_int_equal(file_read(in_dir("f"), &b, &e), 0);
	assert_span(buf_span(&b), "ab12345");
	assert_int_equal(file_read(in_dir("f"), &b, &e), -1);
	assert_span(buf_span(&b), "ab12345");
	buf_release(&b);
}

static void
read_refuses_what_is_no_file(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	assert_int_equal(file_read(in_dir("none"), &b, &e), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
	assert_int_equal(file_read(dir, &b, &e), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
	assert_non_null(strstr(err_text(&e), "Is a directory"));
	assert_int_equal(file_read("/dev/zero", &b, &e), -1);
	assert_int_equal(e.kind, ERR_DATA);
	assert_int_equal(b.len, 0);
	buf_release(&b);
}

static void
read_takes_pipes_and_files_that_hide_their_size(void **state)
{
	char path[64], big[40000];
	struct buf b;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	memset(big, 'p', sizeof(big));
	assert_int_equal(file_write_all(fds[1], span_of(big, sizeof(big))), 0);
	close(fds[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	buf_init(&b, 1 << 20);
	assert_int_equal(file_read(path, &b, &e), 0);
	assert_int_equal(b.len, sizeof(big));
	buf_reset(&b);
	assert_int_equal(file_read("/proc/self/status", &b, &e), 0);
	assert_true(span_starts(buf_span(&b), SPAN("Name:")));
	close(fds[0]);
	buf_release(&b);
}

static void
read_at_starts_from_the_directory(void **state)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf b;

	assert_int_equal(file_write_atomic(in_dir("f"), SPAN("x"), 0600, &e), 0);
	buf_init(&b, 100);
	assert_int_equal(file_read_at(fd, "f", &b, &e), 0);
	assert_span(buf_span(&b), "x");
	assert_int_equal(file_read_at(fd, "g", &b, &e), -1);
	close(fd);
	assert_int_equal(file_read_at(fd, "f", &b, &e), -1);
	buf_release(&b);
}

static void
make_dirs_makes_what_is_missing(void **state)
{
	umask(077);
	assert_int_equal(file_make_dirs(in_dir("a/b//c/"), 0755, &e), 0);
	assert_int_equal(mode_of(in_dir("a")), 0755);
	assert_int_equal(mode_of(in_dir("a/b/c")), 0755);
	assert_int_equal(file_make_dirs(in_dir("a/b/c/d"), 0700, &e), 0);
	assert_int_equal(mode_of(in_dir("a/b/c/d")), 0700);
	/* There already: as it was. */
	assert_int_equal(file_make_dirs(in_dir("a/b"), 0700, &e), 0);
	assert_int_equal(mode_of(in_dir("a/b")), 0755);
	assert_int_equal(symlink("a", in_dir("l")), 0);
	assert_int_equal(file_make_dirs(in_dir("l/x"), 0700, &e), 0);
	assert_true(file_exists(in_dir("a/x")));
	assert_int_equal(file_make_dirs("/", 0700, &e), 0);
}

static void
make_dirs_refuses_files_on_the_way(void **state)
{
	assert_int_equal(file_write_atomic(in_dir("f"), SPAN("x"), 0600, &e), 0);
	assert_int_equal(file_make_dirs(in_dir("f"), 0700, &e), -1);
	assert_int_equal(e.kind, ERR_CANTCREATE);
	assert_non_null(strstr(err_text(&e), "Not a directory"));
	assert_int_equal(file_make_dirs(in_dir("f/a"), 0700, &e), -1);
	assert_int_equal(symlink("nowhere", in_dir("l")), 0);
	assert_int_equal(file_make_dirs(in_dir("l"), 0700, &e), -1);
	assert_int_equal(file_make_dirs("", 0700, &e), -1);
	assert_int_equal(file_make_dirs("/proc/none", 0700, &e), -1);
	assert_int_equal(e.kind, ERR_CANTCREATE);
}

static void
sync_dir_wants_a_directory(void **state)
{
	assert_int_equal(file_sync_dir(dir, &e), 0);
	assert_int_equal(file_sync_dir(in_dir("none"), &e), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
	assert_int_equal(file_write_atomic(in_dir("f"), SPAN("x"), 0600, &e), 0);
	assert_int_equal(file_sync_dir(in_dir("f"), &e), -1);
	assert_true(file_exists(in_dir("f")));
	assert_false(file_exists(in_dir("g")));
}

static void
lock_has_one_holder(void **state)
{
	int fd = file_lock(in_dir("lock"), false, &e);

	assert_true(fd >= 0);
	assert_int_equal(mode_of(in_dir("lock")), 0600);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(file_lock(in_dir("lock"), false, &e), -1);
	assert_int_equal(e.kind, ERR_TEMPFAIL);
	close(fd);
	fd = file_lock(in_dir("lock"), true, &e);
	assert_true(fd >= 0);
	/* A removed lock file locks nobody out. */
	assert_int_equal(unlink(in_dir("lock")), 0);
	close(fd);
	fd = file_lock(in_dir("lock"), false, &e);
	assert_true(fd >= 0);
	assert_true(file_exists(in_dir("lock")));
	close(fd);
	assert_int_equal(file_lock(in_dir("none/lock"), false, &e), -1);
	assert_int_equal(e.kind, ERR_CANTCREATE);
}

static void
waiting_lock_is_granted_when_the_holder_dies(void **state)
{
	const char *path = in_dir("lock");
	int fd, fds[2], status;
	pid_t pid;
	char c;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (file_lock(path, false, NULL) < 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(file_lock(path, false, &e), -1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	fd = file_lock(path, true, &e);
	assert_true(fd >= 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

/* Whether the kernel has pid waiting for a lock. */
static bool
is_waiting(pid_t pid)
{
	char line[200];
	FILE *f = fopen("/proc/locks", "re");
	bool found = false;
	int who;

	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*d: -> FLOCK ADVISORY WRITE %d", &who) == 1 && who == pid;
	fclose(f);
	return found;
}

static void
lock_on_a_removed_file_is_no_lock(void **state)
{
	const char *path = in_dir("lock");
	int fd = file_lock(path, false, &e), status;
	pid_t pid;

	assert_true(fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fd);
		_exit(file_lock(path, true, NULL) >= 0 && file_exists(path) ? 0 : 1);
	}
	for (int64_t deadline = clock_mono_ms() + 30000; !is_waiting(pid); usleep(1000))
		assert_true(clock_mono_ms() < deadline);
	/* It waits for a file that has lost its name meanwhile. */
	assert_int_equal(unlink(path), 0);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
write_all_reports_errno(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, SPAN("")), 0);
	assert_int_equal(file_write_all(fd, SPAN("x")), -1);
	assert_int_equal(errno, ENOSPC);
	close(fd);
	assert_int_equal(file_write_all(fd, SPAN("x")), -1);
	assert_int_equal(errno, EBADF);
}

static void
join_has_one_slash(void **state)
{
	static const struct {
		const char *dir, *name, *want;
	} cases[] = {
		{ "a", "b", "a/b" },
		{ "a/", "b", "a/b" },
		{ "a//", "//b", "a/b" },
		{ "/", "b", "/b" },
		{ "", "b", "b" },
		{ "", "/b", "/b" },
		{ "/a/b", "c/d", "/a/b/c/d" },
		{ "a", "", "a/" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *path = file_join(cases[i].dir, cases[i].name);

		assert_string_equal(path, cases[i].want);
		free(path);
	}
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(write_replaces_whole_and_leaves_no_temporary),
		FILE_TEST(unflushed_is_whole_as_well_and_can_be_flushed_later),
		FILE_TEST(sweep_removes_only_what_writers_left),
		FILE_TEST(mode_is_exact_whatever_the_umask),
		FILE_TEST(write_goes_to_the_current_directory),
		FILE_TEST(write_replaces_a_link_not_its_target),
		FILE_TEST(write_failures_say_why_and_leave_nothing),
		FILE_TEST(half_written_is_not_written),
		FILE_TEST(new_never_replaces),
		FILE_TEST(read_takes_exactly_the_maximum),
		FILE_TEST(read_refuses_what_is_no_file),
		FILE_TEST(read_takes_pipes_and_files_that_hide_their_size),
		FILE_TEST(read_at_starts_from_the_directory),
		FILE_TEST(make_dirs_makes_what_is_missing),
		FILE_TEST(make_dirs_refuses_files_on_the_way),
		FILE_TEST(sync_dir_wants_a_directory),
		FILE_TEST(lock_has_one_holder),
		FILE_TEST(waiting_lock_is_granted_when_the_holder_dies),
		FILE_TEST(lock_on_a_removed_file_is_no_lock),
		FILE_TEST(write_all_reports_errno),
		FILE_TEST(join_has_one_slash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
