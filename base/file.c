/* SPDX-License-Identifier: ISC */
/*
 * file: reading whole files, directories, locks.
 *
 * Replacing files is in file_write.c.
 */
#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP 16384

/* Append all that fd gives; its size is only a guess at how much that is. */
static int
read_all(int fd, const char *path, off_t size, struct buf *out, struct err *e)
{
	size_t room = out->max > out->len ? out->max - out->len : 0;
	size_t step = size > 0 ? (size_t)size + 1 : READ_STEP;
	char extra;

	for (;;) {
		size_t want = step < room ? step : room;
		char *to = want ? buf_reserve(out, want) : &extra;
		ssize_t n;

		/* At the maximum one more byte tells a file that fits from one that does not. */
		n = read(fd, to, want ? want : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(e, errno, "cannot read %s", path);
		if (n == 0)
			return 0;
		if (!want)
			return err_set(e, ERR_DATA, "cannot read %s: larger than %zu bytes", path,
			    out->max);
		out->len += (size_t)n;
		room -= (size_t)n;
		/* What is allocated already first: the usual last read, of nothing, moves nothing. */
		step = out->cap - out->len > 1 ? out->cap - out->len - 1 : READ_STEP;
	}
}

int
file_read_at(int dirfd, const char *path, struct buf *out, struct err *e)
{
	size_t before = out->len;
	struct stat st;
	int fd, rc;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set_errno(e, errno, "cannot read %s", path);
	if (fstat(fd, &st) < 0)
		rc = err_set_errno(e, errno, "cannot read %s", path);
	else if (S_ISDIR(st.st_mode))
		rc = err_set_errno(e, EISDIR, "cannot read %s", path);
	else if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > out->max)
		rc = err_set(e, ERR_DATA, "cannot read %s: larger than %zu bytes", path, out->max);
	else
		rc = read_all(fd, path, S_ISREG(st.st_mode) ? st.st_size : 0, out, e);
	if (rc < 0) {
		if (out->secret && out->p)
			explicit_bzero(out->p + before, out->cap - before);
		out->len = before;
	}
	close(fd);
	return rc;
}

int
file_read(const char *path, struct buf *out, struct err *e)
{
	return file_read_at(AT_FDCWD, path, out, e);
}

/* Make one directory with exactly this mode; there already is fine. */
static int
make_dir(const char *path, mode_t mode, struct err *e)
{
	struct stat st;
	int fd, rc = 0;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (mkdir(path, mode & 0700) < 0) {
		int why = errno;

		/* Somebody else may have made it in between. */
		if (why == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return 0;
		if (why == EEXIST)
			why = ENOTDIR;
		err_set_errno(e, why, "cannot create directory %s", path);
		if (e && e->kind == ERR_NOINPUT)
			e->kind = ERR_CANTCREATE;
		return -1;
	}
	/* By descriptor and without links, so that the mode lands on what was made here. */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, mode) < 0)
		rc = err_set_errno(e, errno, "cannot set the mode of directory %s", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

int
file_make_dirs(const char *path, mode_t mode, struct err *e)
{
	char *prefix;
	int rc = 0;

	if (!*path)
		return err_set(e, ERR_CANTCREATE, "cannot create a directory without a name");
	prefix = mem_strdup(path);
	for (char *at = prefix + strspn(prefix, "/"); rc == 0 && *at; at += strspn(at, "/")) {
		char held;

		at += strcspn(at, "/");
		held = *at;
		*at = '\0';
		rc = make_dir(prefix, mode, e);
		*at = held;
	}
	free(prefix);
	return rc;
}

int
file_sync_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return err_set_errno(e, errno, "cannot open directory %s", path);
	if (fsync(fd) < 0)
		rc = err_set_errno(e, errno, "cannot flush directory %s to disk", path);
	close(fd);
	return rc;
}

bool
file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* Whether the locked descriptor still is what path names: a holder may have removed the file. */
static bool
same_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int
file_lock(const char *path, bool wait, struct err *e)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600), rc;

		if (fd < 0) {
			err_set_errno(e, errno, "cannot open lock file %s", path);
			if (e && e->kind == ERR_NOINPUT)
				e->kind = ERR_CANTCREATE;
			return -1;
		}
		do
			rc = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
		while (rc < 0 && errno == EINTR);
		if (rc == 0 && same_file(fd, path))
			return fd;
		if (rc < 0 && errno == EWOULDBLOCK)
			err_set(e, ERR_TEMPFAIL, "%s is locked by another process", path);
		else if (rc < 0)
			err_set_errno(e, errno, "cannot lock %s", path);
		close(fd);
		if (rc < 0)
			return -1;
	}
}

int
file_write_all(int fd, struct span s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
		s = span_after(s, (size_t)n);
	}
	return 0;
}

char *
file_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);

	if (n == 0)
		return mem_strdup(name);
	while (n && dir[n - 1] == '/')
		n--;
	return mem_printf("%.*s/%s", (int)n, dir, name + strspn(name, "/"));
}
