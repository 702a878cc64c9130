/* SPDX-License-Identifier: ISC */
/*
 * log_files: O_APPEND, so that many writers' lines never overwrite each other.
 */
#include "proxy/monitor/log_files.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int
log_file_open(const char *path, struct err *e)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
	int fd = open(path, flags, LOG_FILE_MODE), why = errno;

	/* The default directory may not have been installed. */
	if (fd < 0 && why == ENOENT && span_starts(span_str(path), SPAN(GATEHOUSE_LOGDIR "/")) &&
	    file_make_dirs(GATEHOUSE_LOGDIR, 0755, NULL) == 0) {
		fd = open(path, flags, LOG_FILE_MODE);
		why = errno;
	}
	if (fd < 0)
		return err_set(e, why == EACCES || why == EPERM ? ERR_PERM : ERR_CANTCREATE,
		    "open() \"%s\" failed (%d: %s)", path, why, strerror(why));
	return fd;
}

struct resource *
log_files_open(struct resource_table *t, struct span path, int stderr_fd, struct err *e)
{
	struct resource *r = resource_find(t, RESOURCE_LOG, path);
	char *name;
	int fd;

	if (r)
		return r;
	if (span_eq(path, SPAN("stderr"))) {
		fd = fcntl(stderr_fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			err_set_errno(e, errno, "cannot log to stderr");
	} else {
		name = mem_dup_span(path);
		fd = log_file_open(name, e);
		free(name);
	}
	return fd < 0 ? NULL : resource_add(t, RESOURCE_LOG, path, fd);
}

int
log_files_reopen(struct resource *r, struct err *e)
{
	int fd, rc;

	if (strcmp(r->name, "stderr") == 0)
		return 0;
	fd = log_file_open(r->name, e);
	if (fd < 0)
		return -1;
	rc = dup3(fd, r->fd, O_CLOEXEC);
	if (rc < 0)
		err_set_errno(e, errno, "cannot reopen \"%s\"", r->name);
	close(fd);
	return rc < 0 ? -1 : 0;
}
