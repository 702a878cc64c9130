/* SPDX-License-Identifier: ISC */
/* named_log: see named_log.h. */
#include "proxy/http/named_log.h"

#include "proxy/http/file_path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644

static bool
has_root(struct request *r)
{
	struct span root = r->location ? file_path_root(r) : SPAN("");
	struct stat st;

	return root.n == 0 || (stat(arena_strdup(r->arena, root), &st) == 0 && S_ISDIR(st.st_mode));
}

/* A value must not lead out of the directory that the configuration names. */
static bool
climbs(struct span path)
{
	struct span piece;

	while (span_split(&path, '/', &piece)) {
		if (span_eq(piece, SPAN("..")))
			return true;
	}
	return false;
}

void
named_log_write(const struct access_log *log, struct request *r, struct span line)
{
	struct span path = template_eval(log->path, r, r->arena);
	ssize_t n;
	int fd;

	if (!has_root(r))
		return;
	if (climbs(path) || memchr(path.p, '\0', path.n)) {
		request_log(r, LOG_LEVEL_ERROR, "no log is written to \"" SPAN_FMT "\"",
		    SPAN_ARG(path));
		return;
	}
	/* O_NONBLOCK: a FIFO nobody reads must not hold up the worker. */
	fd = open(arena_strdup(r->arena, path),
	    O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, FILE_MODE);
	if (fd < 0) {
		request_log(r, LOG_LEVEL_CRIT,
		    "open() \"" SPAN_FMT "\" failed (%d: %s) while logging request", SPAN_ARG(path),
		    errno, strerrordesc_np(errno));
		return;
	}
	do
		n = write(fd, line.p, line.n);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)line.n)
		request_log(r, LOG_LEVEL_ALERT,
		    "write() to \"" SPAN_FMT "\" failed (%d: %s) while logging request",
		    SPAN_ARG(path), n < 0 ? errno : 0, n < 0 ? strerrordesc_np(errno) : "short");
	close(fd);
}
