/* SPDX-License-Identifier: ISC */
/*
 * live/NAME: what its four links point at, and how all of them change at once.
 *
 *	live/.NAME.next    built: four links to version N, hard links to whatever else live/NAME holds
 *	       |           flushed, read back through its links
 *	   exchange        renameat2(RENAME_EXCHANGE): live/NAME is the new directory, .NAME.next the old
 *	       |           live/ flushed
 *	    cleared        the old directory's links removed, the directory too
 *
 * A file system without RENAME_EXCHANGE (NFS, some FUSE) gets what certbot does: the links are swung
 * one by one, each by a rename, so that none is ever missing; for that instant a reader may meet
 * two versions. A crash in it is mended by the next certstore_recover.
 */
#include "base/mem.h"
#include "libcert/certstore_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A link on its way to its name, on file systems without RENAME_EXCHANGE. */
#define SWING_FILE ".link.next"

/* ---- what is ---- */

static bool
same_directory(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* The version a link's target names, if it is this part in this lineage's archive; else 0. */
static unsigned
target_number(const struct lineage *l, int dirfd, enum certstore_part part, char *target)
{
	char *slash = strrchr(target, '/');
	struct span file, name = span_str(certstore_part_names[part]);
	uint64_t number;
	bool ours;
	int fd;

	if (!slash || l->archive_fd < 0)
		return 0;
	*slash = '\0';
	fd = openat(dirfd, target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ours = fd >= 0 && same_directory(fd, l->archive_fd);
	if (fd >= 0)
		close(fd);
	file = span_str(slash + 1);
	if (!ours || !span_starts(file, name) || !span_ends(file, SPAN(".pem")) ||
	    file.n < name.n + 4)
		return 0;
	file = span_after(file, name.n);
	file.n -= 4;
	return span_to_u64(file, CERTSTORE_NUMBER_MAX, &number) < 0 ? 0 : (unsigned)number;
}

static int
link_foreign(const struct lineage *l, const char *file, struct err *e)
{
	err_set(e, ERR_DATA, "live/%s/%s is not a link to a version in archive/%s", l->name, file,
	    l->name);
	return err_hint(e, "it was changed by hand: put the links back, or move live/%s away",
	    l->name);
}

static int
link_read(const struct lineage *l, int dirfd, enum certstore_part part, unsigned *number,
    struct err *e)
{
	char file[VERSION_FILE_MAX], target[PATH_MAX];
	ssize_t len;

	*number = 0;
	version_file(file, part, 0);
	len = readlinkat(dirfd, file, target, sizeof(target) - 1);
	if (len < 0 && errno == ENOENT)
		return 0;
	if (len < 0 && errno != EINVAL)
		return err_set_errno(e, errno, "cannot read live/%s/%s", l->name, file);
	if (len < 0)
		return link_foreign(l, file, e);
	target[len] = '\0';
	*number = target_number(l, dirfd, part, target);
	return *number == 0 ? link_foreign(l, file, e) : 0;
}

/* A directory in live/. Returns 0 with *fd -1 when there is none. */
static int
open_in_live(const struct lineage *l, const char *dir, int *fd, struct err *e)
{
	*fd = -1;
	if (l->live_fd < 0)
		return 0;
	*fd = openat(l->live_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
		err_set(e, ERR_DATA, "live/%s is not a directory", dir);
		return err_hint(e, "move it away, or give this certificate another name");
	}
	if (*fd < 0 && errno != ENOENT)
		return err_set_errno(e, errno, "cannot open live/%s", dir);
	return 0;
}

int
links_read(const struct lineage *l, const char *dir, struct links *links, struct err *e)
{
	int fd, rc = 0;

	*links = (struct links){ 0 };
	if (open_in_live(l, dir, &fd, e) < 0)
		return -1;
	if (fd < 0)
		return 0;
	for (int part = 0; part < CERTSTORE_PARTS && rc == 0; part++)
		rc = link_read(l, fd, part, &links->number[part], e);
	close(fd);
	return rc;
}

int
links_number(const struct links *links)
{
	for (int part = 1; part < CERTSTORE_PARTS; part++) {
		if (links->number[part] != links->number[0])
			return -1;
	}
	return (int)links->number[0];
}

bool
links_hold(const struct links *links, unsigned number)
{
	for (int part = 0; part < CERTSTORE_PARTS; part++) {
		if (links->number[part] == number)
			return true;
	}
	return false;
}

/* ---- what else lies in live/NAME ---- */

/* One of the four links, or what certbot calls them while it moves them. */
static bool
is_link_of_ours(const char *file)
{
	struct span s = span_str(file), previous = SPAN("previous_");
	char name[VERSION_FILE_MAX];

	if (strcmp(file, SWING_FILE) == 0)
		return true;
	if (span_starts(s, previous))
		s = span_after(s, previous.n);
	for (int part = 0; part < CERTSTORE_PARTS; part++) {
		version_file(name, part, 0);
		if (span_eq(s, span_str(name)))
			return true;
	}
	return false;
}

/* Call each entry of the directory but "." and ".."; stops at the first that returns -1. */
static int
each_entry(int dirfd, const char *shown, int (*call)(void *, const char *, struct err *), void *arg,
    struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		err_set_errno(e, errno, "cannot list live/%s", shown);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (rc == 0 && (errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = call(arg, entry->d_name, e);
	}
	if (rc == 0 && errno != 0)
		rc = err_set_errno(e, errno, "cannot list live/%s", shown);
	closedir(dir);
	return rc;
}

struct two_dirs {
	const struct lineage *l;
	int live, next; /* live/NAME (or -1) and live/.NAME.next */
};

/* README and what an operator put there: in both directories until one of them goes. */
static int
carry_entry(void *arg, const char *file, struct err *e)
{
	struct two_dirs *dirs = arg;

	if (is_link_of_ours(file) || linkat(dirs->live, file, dirs->next, file, 0) == 0)
		return 0;
	/* No hard link is possible, to a directory for one: it moves after the exchange. */
	if (errno == EPERM || errno == EMLINK || errno == EXDEV || errno == EOPNOTSUPP)
		return 0;
	return err_set_errno(e, errno, "cannot keep live/%s/%s", dirs->l->name, file);
}

static int
clear_entry(void *arg, const char *file, struct err *e)
{
	struct two_dirs *dirs = arg;
	struct stat st;

	if (!is_link_of_ours(file) && dirs->live >= 0 &&
	    fstatat(dirs->live, file, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT && renameat(dirs->next, file, dirs->live, file) == 0)
			return 0;
		return err_set_errno(e, errno, "cannot keep live/%s/%s", dirs->l->name, file);
	}
	if (unlinkat(dirs->next, file, 0) < 0 && errno != ENOENT)
		return err_set_errno(e, errno, "cannot remove live/%s/%s", dirs->l->next, file);
	return 0;
}

/* Nothing that is only in live/.NAME.next is lost. */
int
live_clear(const struct lineage *l, struct err *e)
{
	struct two_dirs dirs = { .l = l, .live = -1, .next = -1 };
	int rc = -1;

	if (open_in_live(l, l->next, &dirs.next, e) < 0)
		return -1;
	if (dirs.next < 0)
		return 0;
	if (open_in_live(l, l->name, &dirs.live, e) < 0)
		goto out;
	if (each_entry(dirs.next, l->next, clear_entry, &dirs, e) < 0)
		goto out;
	if (unlinkat(l->live_fd, l->next, AT_REMOVEDIR) < 0) {
		err_set_errno(e, errno, "cannot remove live/%s", l->next);
		goto out;
	}
	rc = 0;
out:
	if (dirs.live >= 0)
		close(dirs.live);
	close(dirs.next);
	return rc;
}

/* ---- the change ---- */

static int
link_make(const struct lineage *l, int dirfd, enum certstore_part part, unsigned number,
    const char *as)
{
	char file[VERSION_FILE_MAX], *target;
	int rc;

	version_file(file, part, number);
	target = mem_printf("../../archive/%s/%s", l->name, file);
	rc = symlinkat(target, dirfd, as);
	free(target);
	return rc;
}

static int
keep_mode(int live, int next)
{
	struct stat before, now;

	if (live < 0)
		return fchmod(next, 0755);
	if (fstat(live, &before) < 0 || fstat(next, &now) < 0)
		return -1;
	if ((before.st_uid != now.st_uid || before.st_gid != now.st_gid) &&
	    fchown(next, before.st_uid, before.st_gid) < 0)
		return -1;
	return fchmod(next, before.st_mode & 07777);
}

static int
fill_next(struct two_dirs *dirs, unsigned number, struct err *e)
{
	const struct lineage *l = dirs->l;
	struct links links;

	for (int part = 0; part < CERTSTORE_PARTS; part++) {
		char file[VERSION_FILE_MAX];

		version_file(file, part, 0);
		if (link_make(l, dirs->next, part, number, file) < 0)
			return err_set_errno(e, errno, "cannot make live/%s/%s", l->next, file);
	}
	if (dirs->live >= 0 && each_entry(dirs->live, l->name, carry_entry, dirs, e) < 0)
		return -1;
	if (keep_mode(dirs->live, dirs->next) < 0)
		return err_set_errno(e, errno, "cannot set owner and mode of live/%s", l->next);
	if (fsync(dirs->next) < 0)
		return err_set_errno(e, errno, "cannot flush live/%s to disk", l->next);
	/* live/ itself may be a link to somewhere from where ../../archive is not our archive. */
	if (links_read(l, l->next, &links, e) < 0)
		return -1;
	if (links_number(&links) != (int)number)
		return err_set(e, ERR_BUG, "live/%s does not lead to version %u", l->next, number);
	return 0;
}

/* live: the open live/NAME or -1. */
static int
build_next(const struct lineage *l, int live, unsigned number, struct err *e)
{
	struct two_dirs dirs = { .l = l, .live = live, .next = -1 };
	int rc;

	certstore_step("build");
	if (mkdirat(l->live_fd, l->next, 0700) < 0)
		return err_set_errno(e, errno, "cannot make live/%s", l->next);
	if (open_in_live(l, l->next, &dirs.next, e) < 0)
		return -1;
	if (dirs.next < 0)
		return err_set_errno(e, ENOENT, "cannot open live/%s", l->next);
	rc = fill_next(&dirs, number, e);
	close(dirs.next);
	return rc;
}

/* One link, by a rename: it is the old one or the new one. Number 0: away with it. */
static int
swing_link(const struct lineage *l, int live, enum certstore_part part, unsigned number)
{
	char file[VERSION_FILE_MAX];

	version_file(file, part, 0);
	if (number == 0)
		return unlinkat(live, file, 0);
	if (unlinkat(live, SWING_FILE, 0) < 0 && errno != ENOENT)
		return -1;
	if (link_make(l, live, part, number, SWING_FILE) < 0)
		return -1;
	return renameat(live, SWING_FILE, live, file);
}

/* The way of file systems without RENAME_EXCHANGE. */
static int
swing_links(const struct lineage *l, int live, unsigned number, struct err *e)
{
	static const enum certstore_part order[CERTSTORE_PARTS] = { CERTSTORE_CERT, CERTSTORE_CHAIN,
		CERTSTORE_PRIVKEY, CERTSTORE_FULLCHAIN };
	struct links before;
	int done;

	if (links_read(l, l->name, &before, e) < 0)
		return -1;
	for (done = 0; done < CERTSTORE_PARTS; done++) {
		certstore_step("swing");
		if (swing_link(l, live, order[done], number) < 0)
			break;
	}
	if (done == CERTSTORE_PARTS && fsync(live) == 0)
		return 0;
	err_set_errno(e, errno, "cannot change the links in live/%s", l->name);
	while (done-- > 0)
		(void)swing_link(l, live, order[done], before.number[order[done]]);
	return -1;
}

static bool
no_exchange(int errnum)
{
	/* EXDEV: an overlay's lower layer, which cannot rename its directories. */
	return errnum == EINVAL || errnum == ENOSYS || errnum == EXDEV || errnum == EOPNOTSUPP;
}

/* live/NAME was not there: it gets its name, or loses it again. */
static int
switch_first(const struct lineage *l, struct err *e)
{
	if (renameat(l->live_fd, l->next, l->live_fd, l->name) < 0)
		return err_set_errno(e, errno, "cannot make live/%s", l->name);
	certstore_step("sync-live");
	if (fsync(l->live_fd) == 0)
		return 0;
	err_set_errno(e, errno, "cannot flush live/ to disk");
	(void)renameat(l->live_fd, l->name, l->live_fd, l->next);
	return -1;
}

static int
switch_again(const struct lineage *l, int live, unsigned number, struct err *e)
{
	if (renameat2(l->live_fd, l->next, l->live_fd, l->name, RENAME_EXCHANGE) < 0) {
		if (no_exchange(errno))
			return swing_links(l, live, number, e);
		return err_set_errno(e, errno, "cannot exchange live/%s", l->name);
	}
	certstore_step("sync-live");
	if (fsync(l->live_fd) == 0)
		return 0;
	err_set_errno(e, errno, "cannot flush live/ to disk");
	(void)renameat2(l->live_fd, l->next, l->live_fd, l->name, RENAME_EXCHANGE);
	return -1;
}

int
live_switch(const struct lineage *l, unsigned number, struct err *e)
{
	int live, rc;

	if (live_clear(l, e) < 0 || open_in_live(l, l->name, &live, e) < 0)
		return -1;
	rc = build_next(l, live, number, e);
	if (rc == 0) {
		certstore_step("exchange");
		rc = live < 0 ? switch_first(l, e) : switch_again(l, live, number, e);
	}
	if (rc < 0)
		(void)!live_clear(l, NULL);
	if (live >= 0)
		close(live);
	return rc;
}

int
live_settle(const struct lineage *l, struct err *e)
{
	if (l->live_fd < 0)
		return 0;
	if (fsync(l->live_fd) < 0)
		return err_set_errno(e, errno, "cannot flush live/ to disk");
	return live_clear(l, e);
}
