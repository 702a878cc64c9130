/* SPDX-License-Identifier: ISC */
/*
 * proc: fork, exec, watch, reap.
 *
 *	parent                               child (own process group)
 *	memfd with the input  ------------>  0   (or /dev/null)
 *	out pipe, read end    <------------  1,2 (or inherited)
 *	errors pipe, if asked <------------  2
 *	status pipe, read end <------------  errno if exec failed; closed by exec
 *	pidfd: the child is gone
 *
 * Input comes from a memory file, so nothing has to be pumped and no SIGPIPE
 * can arise. The child's end, not the pipe's, ends the run: a hook that
 * leaves a daemon behind with our pipe open does not hold us up.
 */
#include "base/proc.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_MS 2000 /* between TERM and KILL */
#define TICK_MS 20    /* look for the child this often where the kernel has no pidfd */

/* Every descriptor is -1 when not open. */
struct proc {
	const struct proc_request *req;
	char *name; /* for messages */
	const char *const *argv;
	char **env;
	pid_t pid; /* 0 before the fork */
	int in;
	int out[2];
	int errors[2];
	int status[2];
	int pidfd;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Whether entry ("NAME=value") sets the same name as one of set. */
static bool
is_overridden(const char *entry, const char *const *set)
{
	size_t n = strcspn(entry, "=");

	for (; *set; set++) {
		if (strncmp(entry, *set, n) == 0 && (*set)[n] == '=')
			return true;
	}
	return false;
}

/* Our environment with req->env on top; the strings are borrowed. */
static char **
make_env(const char *const *set)
{
	static const char *const none[] = { NULL };
	size_t n = 0, count = 1;
	char **env;

	set = set ? set : none;
	for (char **p = environ; p && *p; p++)
		count++;
	for (const char *const *p = set; *p; p++)
		count++;
	env = mem_realloc_array(NULL, count, sizeof(*env));
	for (char **p = environ; p && *p; p++) {
		if (!is_overridden(*p, set))
			env[n++] = *p;
	}
	for (; *set; set++)
		env[n++] = (char *)(uintptr_t)*set;
	env[n] = NULL;
	return env;
}

static int
open_input(struct proc *r)
{
	if (r->req->input.n == 0) {
		r->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return r->in < 0 ? -1 : 0;
	}
	r->in = memfd_create("input", MFD_CLOEXEC);
	if (r->in < 0 || file_write_all(r->in, r->req->input) < 0)
		return -1;
	return lseek(r->in, 0, SEEK_SET) < 0 ? -1 : 0;
}

static int
open_pipes(struct proc *r)
{
	if (open_input(r) < 0 || pipe2(r->status, O_CLOEXEC) < 0)
		return -1;
	if (!r->req->out)
		return 0;
	/* Only our ends: the child's must block. */
	if (pipe2(r->out, O_CLOEXEC) < 0 || fcntl(r->out[0], F_SETFL, O_NONBLOCK) < 0)
		return -1;
	if (!r->req->errors)
		return 0;
	if (pipe2(r->errors, O_CLOEXEC) < 0)
		return -1;
	return fcntl(r->errors[0], F_SETFL, O_NONBLOCK);
}

/* fd in place of target. dup2 onto itself would leave it close-on-exec. */
static int
place_fd(int fd, int target)
{
	if (fd == target)
		return fcntl(fd, F_SETFD, 0);
	return dup2(fd, target) < 0 ? -1 : 0;
}

/*
 * Above 2, so that placing the others does not overwrite it. Those need none of this: the input is
 * placed first, and four descriptors were opened before the output's.
 */
static int
lift_fd(int fd)
{
	return fd < 0 || fd > 2 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* Close at exec whatever is open above 2; the status pipe is still wanted if exec fails. */
static void
close_at_exec(void)
{
	if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* Linux before 5.11. */
	for (int fd = 3; fd < 65536; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* In the child: nothing but async-signal-safe calls. */
static _Noreturn void
exec_child(const struct proc *r)
{
	int out = r->out[1], errors = r->errors[1] >= 0 ? r->errors[1] : out;
	int status = lift_fd(r->status[1]), why;
	sigset_t none;

	setpgid(0, 0);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (status >= 0 && place_fd(r->in, 0) == 0 &&
	    (out < 0 || (place_fd(out, 1) == 0 && place_fd(errors, 2) == 0))) {
		close_at_exec();
		execvpe(r->argv[0], (char *const *)(uintptr_t)r->argv, r->env);
	}
	why = errno;
	if (write(status, &why, sizeof(why)) < 0)
		_exit(126);
	_exit(127);
}

/* Fork, and wait until the child has called exec. */
static int
start(struct proc *r, struct err *e)
{
	ssize_t n;
	int why;

	r->pid = fork();
	if (r->pid < 0) {
		r->pid = 0;
		return err_set_errno(e, errno, "cannot run %s", r->name);
	}
	if (r->pid == 0)
		exec_child(r);
	/* In both processes, so that neither can be early. */
	setpgid(r->pid, r->pid);
	close_fd(&r->in);
	close_fd(&r->out[1]);
	close_fd(&r->errors[1]);
	close_fd(&r->status[1]);
	do
		n = read(r->status[0], &why, sizeof(why));
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(why)) {
		err_set_errno(e, why, "cannot run %s", r->name);
		if (why == ENOENT)
			err_hint(e, "is it installed, and in PATH?");
		return -1;
	}
	r->pidfd = pidfd_open(r->pid, 0);
	return 0;
}

/* Take what the child has written so far; what is over the buffer's maximum is dropped. */
static void
drain_pipe(int *fd, struct buf *out)
{
	char chunk[4096];

	/* A pipe's capacity at most, so that a child that never stops talking cannot keep us here. */
	for (size_t turn = 0; *fd >= 0 && turn < 65536 / sizeof(chunk); turn++) {
		ssize_t n = read(*fd, chunk, sizeof(chunk));
		size_t room = out->max - out->len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_fd(fd);
			return;
		}
		if (buf_add(out, span_of(chunk, (size_t)n < room ? (size_t)n : room)) < 0 ||
		    (size_t)n > room)
			out->full = true;
	}
}

static void
drain(struct proc *r)
{
	drain_pipe(&r->out[0], r->req->out);
	drain_pipe(&r->errors[0], r->req->errors);
}

/* Not reaped yet, so that its process group keeps its number. */
static bool
has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return errno != EINTR;
	return info.si_pid == pid;
}

/* Until the child has ended (true) or the deadline is over (false; -1 = none). */
static bool
watch(struct proc *r, int64_t deadline_ms)
{
	while (!has_ended(r->pid)) {
		struct pollfd fds[3] = { { r->out[0], POLLIN, 0 }, { r->errors[0], POLLIN, 0 },
			{ r->pidfd, POLLIN, 0 } };
		int64_t left = deadline_ms < 0 ? INT_MAX : deadline_ms - clock_mono_ms();

		if (left <= 0)
			return false;
		if (r->pidfd < 0 && left > TICK_MS)
			left = TICK_MS;
		poll(fds, 3, left > INT_MAX ? INT_MAX : (int)left);
		drain(r);
	}
	drain(r);
	return true;
}

/* TERM to the whole group, time to obey, then KILL. */
static void
stop(struct proc *r)
{
	kill(-r->pid, SIGTERM);
	watch(r, clock_mono_ms() + GRACE_MS);
	kill(-r->pid, SIGKILL);
	watch(r, -1);
}

static int
reap(struct proc *r, int *status, struct err *e)
{
	int raw;
	pid_t pid;

	do
		pid = waitpid(r->pid, &raw, 0);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return err_set_errno(e, errno, "cannot learn how %s ended", r->name);
	r->pid = 0;
	*status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
	return 0;
}

static void
proc_free(struct proc *p)
{
	close_fd(&p->in);
	close_fd(&p->out[0]);
	close_fd(&p->out[1]);
	close_fd(&p->errors[0]);
	close_fd(&p->errors[1]);
	close_fd(&p->status[0]);
	close_fd(&p->status[1]);
	close_fd(&p->pidfd);
	free(p->env);
	free(p->name);
	free(p);
}

struct proc *
proc_start(const struct proc_request *req, struct err *e)
{
	const char *const shell[] = { "/bin/sh", "-c", req->shell, NULL };
	struct proc *p = mem_zalloc(sizeof(*p));
	int ignored;

	p->req = req;
	p->name = mem_strdup(req->shell ? req->shell : req->argv[0]);
	p->argv = req->shell ? shell : req->argv;
	p->in = p->pidfd = -1;
	p->out[0] = p->out[1] = p->errors[0] = p->errors[1] = p->status[0] = p->status[1] = -1;
	p->env = make_env(req->env);
	if (open_pipes(p) < 0) {
		err_set_errno(e, errno, "cannot run %s", p->name);
	} else if (start(p, e) == 0) {
		p->argv = NULL; /* was only needed for exec */
		return p;
	}
	if (p->pid > 0)
		(void)!reap(p, &ignored, NULL);
	proc_free(p);
	return NULL;
}

int
proc_fd(const struct proc *p)
{
	return p->pidfd;
}

bool
proc_ended(struct proc *p)
{
	bool ended = has_ended(p->pid);

	drain(p);
	return ended;
}

void
proc_stop(struct proc *p)
{
	stop(p);
}

int
proc_finish(struct proc *p, int *status, struct err *e)
{
	int rc = reap(p, status, e);

	proc_free(p);
	return rc;
}

int
proc_run(const struct proc_request *req, int *status, struct err *e)
{
	struct proc *p = proc_start(req, e);
	int64_t limit = req->timeout_ms;
	int ignored;

	if (!p)
		return -1;
	if (watch(p, limit > 0 ? clock_mono_ms() + limit : -1))
		return proc_finish(p, status, e);
	stop(p);
	err_set(e, ERR_TEMPFAIL, "%s did not end within %lld.%03lld s and was stopped", p->name,
	    (long long)(limit / 1000), (long long)(limit % 1000));
	(void)!proc_finish(p, &ignored, NULL);
	return -1;
}
