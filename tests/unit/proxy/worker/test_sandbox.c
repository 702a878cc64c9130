/* SPDX-License-Identifier: ISC */
/*
 * sandbox: each test is a child that enters it and tries something; how the child ends is the result.
 */
#include "base/mem.h"
#include "proxy/worker/sandbox.h"
#include "proxy/worker/sandbox_calls.h"
#include "proxy/worker/sandbox_files.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSED 42 /* no sanitizer's or library's exit code */

static const struct log nowhere = { .fd = -1 };

/* Run try_it in a child; returns its wait status. */
static int
in_child(void (*try_it)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		try_it();
		_exit(PASSED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* In a child: this must hold. */
#define MUST(condition)                       \
	do {                                  \
		if (!(condition))             \
			_exit(__LINE__ % 40); \
	} while (0)

static void
assert_passed(int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != PASSED)
		fail_msg("child: %s %d", WIFSIGNALED(status) ? "signal" : "line (mod 40)",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void
try_whole(void)
{
	const struct snapshot s = { 0 };
	struct err e = ERR_INIT;
	struct rlimit core;
	char line[256];
	FILE *in;

	in = fopen("/proc/self/status", "re");
	MUST(in);
	MUST(sandbox_enter(&s, &nowhere, &e) == 0);
	MUST(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0);
	MUST(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	/* The file was opened before, its content is made now. */
	while (fgets(line, sizeof(line), in)) {
		if (strncmp(line, "CapEff:", 7) == 0 || strncmp(line, "CapPrm:", 7) == 0)
			MUST(strtoull(line + 7, NULL, 16) == 0);
		if (strncmp(line, "NoNewPrivs:", 11) == 0)
			MUST(strtoul(line + 11, NULL, 10) == 1);
	}
	(void)fclose(in);
}

static void
test_whole(void **state)
{
	assert_passed(in_child(try_whole));
}

static char tree[UNIT_DIR_MAX];

static void
enter_files(const struct snapshot *s)
{
	struct err e = ERR_INIT;

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(sandbox_files_enter(s, &nowhere, &e) == 0);
}

static void
try_files(void)
{
	const struct snapshot s = { 0 };

	MUST(chdir(tree) == 0);
	enter_files(&s);
	MUST(open("page", O_RDONLY) >= 0);
	MUST(open("/usr/bin/env", O_RDONLY) >= 0);
	MUST(open("page", O_WRONLY) < 0 && errno == EACCES);
	MUST(open("page", O_RDONLY | O_TRUNC) < 0 && errno == EACCES);
	MUST(open("new", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
	MUST(unlink("page") < 0 && errno == EACCES);
	MUST(rename("page", "page2") < 0 && errno == EACCES);
	MUST(symlink("page", "link") < 0 && errno == EACCES);
	MUST(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	MUST(SANDBOX_SANITIZED || (open("/proc/self/maps", O_RDONLY) < 0 && errno == EACCES));
	MUST(open("/dev/null", O_RDONLY) < 0 && errno == EACCES);
	MUST(open("/", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES);
}

/* A tree below a private directory is readable when the snapshot names it, and only then. */
static void
try_named_tree(void)
{
	struct span named = SPAN("/etc/ssl");
	const struct snapshot s = { .trees = &named, .tree_count = 1 };

	enter_files(&s);
	MUST(open("/etc/ssl/openssl.cnf", O_RDONLY) >= 0);
	MUST(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
}

static void
test_files(void **state)
{
	char page[UNIT_DIR_MAX + 8];
	FILE *out;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) < 0) {
		print_message("this kernel has no Landlock: nothing to see\n");
		return;
	}
	unit_make_dir(tree);
	snprintf(page, sizeof(page), "%s/page", tree);
	out = fopen(page, "w");
	assert_non_null(out);
	(void)fclose(out);
	assert_passed(in_child(try_files));
	unit_remove_dir(tree);
	assert_passed(in_child(try_named_tree));
}

static void
enter_calls(void)
{
	struct err e = ERR_INIT;

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(sandbox_calls_enter(&nowhere, &e) == 0);
}

/* What serving needs still works; what is not needed fails and tells so. By syscall(2): sanitizers wrap functions. */
static void
try_calls(void)
{
	long fd;

	enter_calls();
	fd = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	MUST(fd >= 0);
	MUST(syscall(SYS_close, fd) == 0);
	MUST(syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0) < 0 && errno == EPERM);
	MUST(syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
	MUST(syscall(SYS_bind, -1, NULL, 0) < 0 && errno == EBADF);
	MUST(syscall(SYS_listen, 0, 1) < 0 && errno == EPERM);
	MUST(syscall(SYS_kill, getppid(), 0) < 0 && errno == EPERM);
	MUST(syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS);
	MUST(syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0) > 0);
	MUST(syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0) < 0 &&
	     errno == EPERM);
	MUST(syscall(SYS_rename, "/nonexistent", "/x") < 0 && errno == EPERM);
}

static void
try_execve(void)
{
	char *const argv[] = { NULL };

	enter_calls();
	(void)syscall(SYS_execve, "/bin/true", argv, argv);
}

static void
try_ptrace(void)
{
	enter_calls();
	(void)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void
try_setuid(void)
{
	enter_calls();
	(void)syscall(SYS_setuid, 0);
}

static void
try_abort(void)
{
	enter_calls();
	(void)syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGKILL);
}

static void
assert_signal(int status, int expected)
{
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), expected);
}

static void
test_calls(void **state)
{
	assert_passed(in_child(try_calls));
	assert_signal(in_child(try_execve), SIGSYS);
	assert_signal(in_child(try_ptrace), SIGSYS);
	assert_signal(in_child(try_setuid), SIGSYS);
	assert_signal(in_child(try_abort), SIGKILL);
}

static void
test_hides(void **state)
{
	struct span before[] = { SPAN("/srv/www"), SPAN("/etc/site") };
	struct span after[] = { SPAN("/home/new"), SPAN("/etc/site/sub"), SPAN("/etcetera"),
		SPAN("/etc/site2") };
	const struct snapshot started = { .trees = before, .tree_count = 2 };
	struct snapshot next = { .trees = after, .tree_count = 3 };
	struct span hidden;

	assert_false(sandbox_hides(&started, &next, &hidden));
	next.tree_count = 4;
	assert_true(sandbox_hides(&started, &next, &hidden));
	assert_span(hidden, "/etc/site2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_hides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
