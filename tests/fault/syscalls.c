/* SPDX-License-Identifier: ISC */
/*
 * syscalls: an LD_PRELOAD shim that lets the N-th call on files fail, or the process die before it.
 *
 *	FAULT_AT      N: which call, counted from 1; without it nothing fails
 *	FAULT_ERRNO   a number: the call returns -1 with this errno; without it the process is killed
 *	FAULT_ONLY    the name of the only function that counts ("renameat2"); without it all of them
 *	FAULT_ALWAYS  set: every call from the N-th on fails, not just one
 *	FAULT_NO_EXCHANGE  set: the file system knows no RENAME_EXCHANGE
 *	FAULT_COUNT   a file descriptor's number: the count of calls is written there at exit
 *
 * Counted are the calls that change the file system or what is durable of it. Writes that fail with
 * ENOSPC first write half of their bytes, as a disk that fills up does.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long calls;

static unsigned long
number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : 0;
}

/* True: this call has to fail, errno is set. */
static bool
struck(const char *function)
{
	const char *only = getenv("FAULT_ONLY");
	unsigned long at = number("FAULT_AT");

	if (only && strcmp(only, function) != 0)
		return false;
	calls++;
	if (at == 0 || calls < at || (calls > at && !getenv("FAULT_ALWAYS")))
		return false;
	if (!getenv("FAULT_ERRNO"))
		kill(getpid(), SIGKILL);
	errno = (int)number("FAULT_ERRNO");
	return true;
}

__attribute__((destructor)) static void
tell_count(void)
{
	if (getenv("FAULT_COUNT"))
		dprintf((int)number("FAULT_COUNT"), "%lu\n", calls);
}

/* The function behind ours, by its own type. */
#define NEXT(function) ((__typeof__(&(function)))(uintptr_t)dlsym(RTLD_NEXT, #function))

#define WRAP(function, parameters, arguments)                             \
	int function parameters                                           \
	{                                                                 \
		return struck(#function) ? -1 : NEXT(function) arguments; \
	}

WRAP(fsync, (int fd), (fd))
WRAP(fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WRAP(mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
WRAP(unlink, (const char *path), (path))
WRAP(unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
WRAP(link, (const char *from, const char *to), (from, to))
WRAP(linkat, (int d1, const char *from, int d2, const char *to, int flags),
    (d1, from, d2, to, flags))
WRAP(symlink, (const char *target, const char *path), (target, path))
WRAP(symlinkat, (const char *target, int dir, const char *path), (target, dir, path))
WRAP(rename, (const char *from, const char *to), (from, to))
WRAP(renameat, (int d1, const char *from, int d2, const char *to), (d1, from, d2, to))
int
renameat2(int d1, const char *from, int d2, const char *to, unsigned flags)
{
	if ((flags & RENAME_EXCHANGE) && getenv("FAULT_NO_EXCHANGE")) {
		errno = EINVAL;
		return -1;
	}
	return struck("renameat2") ? -1 : NEXT(renameat2)(d1, from, d2, to, flags);
}

static bool
creates(int flags)
{
	return (flags & O_CREAT) != 0;
}

int
open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode = 0;

	va_start(ap, flags);
	if (creates(flags))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return creates(flags) && struck("open") ? -1 : NEXT(open)(path, flags, mode);
}

int
openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode = 0;

	va_start(ap, flags);
	if (creates(flags))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return creates(flags) && struck("openat") ? -1 : NEXT(openat)(dir, path, flags, mode);
}

ssize_t
write(int fd, const void *bytes, size_t n)
{
	struct stat st;

	/* Only files count, not what a program says. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && struck("write")) {
		if (errno == ENOSPC && n > 1 && NEXT(write)(fd, bytes, n / 2) > 0)
			errno = ENOSPC;
		return -1;
	}
	return NEXT(write)(fd, bytes, n);
}
