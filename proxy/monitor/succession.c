/* SPDX-License-Identifier: ISC */
/* succession: see succession.h. */
#include "proxy/monitor/succession.h"

#include "base/mem.h"
#include "proxy/monitor/monitor_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OLD_SUFFIX ".oldbin"

/* ---- the new binary's side ------------------------------------------------------------------------ */

static bool
is_listening(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value;
}

/* "7;8;9;" */
bool
succession_inherit(struct succession *s, struct resource_table *t)
{
	const char *text = getenv(SUCCESSION_VARIABLE);
	struct span rest = span_str(text), piece;
	uint64_t fd;

	if (!text)
		return false;
	while (span_split(&rest, ';', &piece)) {
		if (span_to_u64(piece, INT32_MAX, &fd) < 0 || !is_listening((int)fd))
			continue;
		(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
		resource_inherit_take(t, (int)fd);
	}
	(void)unsetenv(SUCCESSION_VARIABLE);
	s->parent = getppid();
	return true;
}

bool
succession_shares_sockets(const struct succession *s)
{
	return s->child > 0 || (s->parent > 0 && getppid() == s->parent);
}

/* ---- the old one's ---------------------------------------------------------------------------------- */

/* "TINYPROXYD=7;8;9;", and those descriptors left open over the exec. */
static char *
hand_over(const struct monitor *m)
{
	char *value = mem_strdup("");

	for (const struct resource *r = m->resources.first; r; r = r->next) {
		for (unsigned i = 0; r->kind == RESOURCE_LISTENER && i <= r->more_count; i++) {
			int fd = resource_fd(r, i);
			char *longer = mem_printf("%s%d;", value, fd);

			free(value);
			value = longer;
			(void)fcntl(fd, F_SETFD, 0);
		}
	}
	return value;
}

/* The child. */
static _Noreturn void
become_new(const struct monitor *m)
{
	sigset_t none;

	if (setenv(SUCCESSION_VARIABLE, hand_over(m), 1) == 0) {
		sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		execv(m->options->executable, m->options->argv);
	}
	announce(&m->announcer, LOG_LEVEL_ALERT, "execve() failed while executing \"%s\" (%d: %s)",
	    m->options->executable, errno, strerror(errno));
	_exit(2);
}

static int
move_pid_file(struct monitor *m, char *to_take)
{
	if (rename(m->pid_path, to_take) < 0) {
		announce(&m->announcer, LOG_LEVEL_ALERT, "rename %s to %s failed (%d: %s)",
		    m->pid_path, to_take, errno, strerror(errno));
		free(to_take);
		return -1;
	}
	free(m->pid_path);
	m->pid_path = to_take;
	return 0;
}

/* As it was before USR2. */
static void
take_back(struct monitor *m)
{
	size_t n = m->pid_path ? strlen(m->pid_path) : 0;

	m->succession.child = 0;
	if (n > sizeof(OLD_SUFFIX) - 1)
		(void)move_pid_file(m,
		    mem_printf("%.*s", (int)(n - (sizeof(OLD_SUFFIX) - 1)), m->pid_path));
	if (!m->control)
		(void)!monitor_place_control(m);
}

void
succession_begin(struct monitor *m)
{
	if (m->phase != MONITOR_SERVING || succession_shares_sockets(&m->succession)) {
		announce(&m->announcer, LOG_LEVEL_NOTICE,
		    "a change of the binary is under way already: end the old or the new one first");
		return;
	}
	if (move_pid_file(m, mem_printf("%s" OLD_SUFFIX, m->pid_path)) < 0)
		return;
	control_free(m->control);
	m->control = NULL;
	m->succession.child = fork();
	if (m->succession.child == 0)
		become_new(m);
	if (m->succession.child < 0) {
		announce(&m->announcer, LOG_LEVEL_ALERT, "fork() failed (%d: %s)", errno,
		    strerror(errno));
		take_back(m);
		return;
	}
	announce(&m->announcer, LOG_LEVEL_NOTICE, "start new binary process %d",
	    (int)m->succession.child);
}

void
succession_drain_workers(struct monitor *m)
{
	if (m->phase != MONITOR_SERVING)
		return;
	m->succession.no_workers = true;
	workers_tell(m, CHANNEL_DRAIN);
}

bool
succession_resume_workers(struct monitor *m)
{
	bool were_gone = m->succession.no_workers;

	m->succession.no_workers = false;
	return were_gone;
}

bool
succession_reap(struct monitor *m, pid_t pid, int status)
{
	if (pid != m->succession.child)
		return false;
	if (WIFSIGNALED(status))
		announce(&m->announcer, LOG_LEVEL_ALERT,
		    "new binary process %d exited on signal %d", (int)pid, WTERMSIG(status));
	else
		announce(&m->announcer, WEXITSTATUS(status) ? LOG_LEVEL_ALERT : LOG_LEVEL_NOTICE,
		    "new binary process %d exited with code %d", (int)pid, WEXITSTATUS(status));
	take_back(m);
	return true;
}
