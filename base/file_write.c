/* SPDX-License-Identifier: ISC */
/*
 * file_write: putting a whole file in place by one rename.
 *
 * The new content is complete and on disk under a temporary name in the same
 * directory before the name changes hands, so a crash at any instruction
 * leaves the old file or the new one. Until then its mode is never wider than
 * asked for, whatever the umask.
 */
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file on its way to its name. */
struct pending {
	const char *path; /* borrowed, for messages */
	const char *base; /* last part of path */
	char *temp;       /* its temporary sibling, relative to dirfd */
	int dirfd;        /* -1 = not open */
	int fd;           /* -1 = not open */
	bool exists;      /* temp is on disk */
	bool flush;       /* content, then name, must be on disk */
};

/* errnum as an error about writing path, with what to do about it. */
static int
fail(const struct pending *p, int errnum, struct err *e)
{
	err_set_errno(e, errnum, "cannot write %s", p->path);
	if (!e)
		return -1;
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return err_hint(e,
		    "free some space on that file system; what was there before is untouched");
	case EACCES:
	case EPERM:
		return err_hint(e,
		    "run as a user who may write to that directory, or choose another one");
	case EROFS:
		return err_hint(e,
		    "the file system is mounted read-only; remount it, or choose another one");
	case ENOENT:
		e->kind = ERR_CANTCREATE;
		return err_hint(e, "create its directory first");
	case ENOTDIR:
	case EISDIR:
	case ENAMETOOLONG:
		e->kind = ERR_CANTCREATE;
		return -1;
	case EEXIST:
		return err_hint(e, "move it away first; existing files are not overwritten here");
	default:
		return -1;
	}
}

static int
open_dir(struct pending *p)
{
	const char *slash = strrchr(p->path, '/');
	char *dir;

	p->base = slash ? slash + 1 : p->path;
	if (!*p->base) {
		errno = EISDIR;
		return -1;
	}
	if (!slash)
		dir = mem_strdup(".");
	else
		dir = mem_dup_span(span_of(p->path,
		    slash == p->path ? 1 : (size_t)(slash - p->path)));
	p->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return p->dirfd < 0 ? -1 : 0;
}

static int
open_temp(struct pending *p, mode_t mode)
{
	for (int tries = 0; tries < 100; tries++) {
		uint64_t random;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -1;
		free(p->temp);
		p->temp = mem_printf("%s.tmp.%016llx", p->base, (unsigned long long)random);
		p->fd = openat(p->dirfd, p->temp,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0600);
		if (p->fd >= 0) {
			p->exists = true;
			return 0;
		}
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

/* Complete and with its mode. */
static int
fill(struct pending *p, struct span content, mode_t mode)
{
	int fd = p->fd;

	if (file_write_all(fd, content) < 0 || fchmod(fd, mode) < 0 || (p->flush && fsync(fd) < 0))
		return -1;
	p->fd = -1;
	return close(fd);
}

/* Give it its name. Without replace an existing file of that name stays: EEXIST. */
static int
place(struct pending *p, bool replace)
{
	if (replace) {
		if (renameat(p->dirfd, p->temp, p->dirfd, p->base) < 0)
			return -1;
		p->exists = false;
	} else if (renameat2(p->dirfd, p->temp, p->dirfd, p->base, RENAME_NOREPLACE) == 0) {
		p->exists = false;
	} else if (errno != EINVAL && errno != ENOSYS) {
		return -1;
	} else if (linkat(p->dirfd, p->temp, p->dirfd, p->base, 0) < 0) {
		/* Some file systems know no RENAME_NOREPLACE; a link refuses to replace too. */
		return -1;
	}
	return 0;
}

/* Also the clean-up after success: the temporary name must be gone either way. */
static void
pending_release(struct pending *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->exists)
		unlinkat(p->dirfd, p->temp, 0);
	if (p->dirfd >= 0)
		close(p->dirfd);
	free(p->temp);
}

static int
write_file(const char *path, struct span content, mode_t mode, bool replace, bool flush,
    struct err *e)
{
	struct pending p = { .path = path, .dirfd = -1, .fd = -1, .flush = flush };
	int rc = 0;

	if (open_dir(&p) < 0 || open_temp(&p, mode) < 0 || fill(&p, content, mode) < 0 ||
	    place(&p, replace) < 0)
		rc = fail(&p, errno, e);
	else if (flush && fsync(p.dirfd) < 0) {
		rc = err_set_errno(e, errno, "cannot flush the directory of %s to disk", path);
		/* What was replaced cannot come back; what is new can go. */
		if (!replace)
			unlinkat(p.dirfd, p.base, 0);
	}
	pending_release(&p);
	return rc;
}

int
file_write_atomic(const char *path, struct span content, mode_t mode, struct err *e)
{
	return write_file(path, content, mode, true, true, e);
}

int
file_write_unflushed(const char *path, struct span content, mode_t mode, struct err *e)
{
	return write_file(path, content, mode, true, false, e);
}

int
file_write_new(const char *path, struct span content, mode_t mode, struct err *e)
{
	return write_file(path, content, mode, false, true, e);
}

int
file_flush(const char *path, struct err *e)
{
	struct pending p = { .path = path, .dirfd = -1, .fd = -1 };
	int rc = 0;

	if (open_dir(&p) < 0 || (p.fd = openat(p.dirfd, p.base, O_RDONLY | O_CLOEXEC)) < 0 ||
	    fsync(p.fd) < 0 || fsync(p.dirfd) < 0)
		rc = err_set_errno(e, errno, "cannot flush %s to disk", path);
	pending_release(&p);
	return rc;
}

void
file_sweep(const char *path)
{
	struct pending p = { .path = path, .dirfd = -1, .fd = -1 };
	struct dirent *entry;
	DIR *dir = NULL;
	char *prefix;

	if (open_dir(&p) < 0)
		return;
	prefix = mem_printf("%s.tmp.", p.base);
	dir = fdopendir(p.dirfd);
	while (dir && (entry = readdir(dir))) {
		struct span name = span_str(entry->d_name);

		if (span_starts(name, span_str(prefix)) && name.n == strlen(prefix) + 16)
			unlinkat(p.dirfd, entry->d_name, 0);
	}
	free(prefix);
	if (dir)
		closedir(dir);
	else
		close(p.dirfd);
}
