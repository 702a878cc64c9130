/* SPDX-License-Identifier: ISC */
/* temp_file: see temp_file.h. Names and levels of directories are nginx's. */
#include "proxy/http/temp_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS 10
#define TRIES 1000

/* "PATH/4/00/0000000004": each level is so many of the number's last digits, before those taken already. */
static struct span
file_name(const struct temp_path *where, uint64_t number, struct arena *arena)
{
	char digits[24], *out = arena_bytes(arena, where->path.n + 3 * 4 + DIGITS + 2), *p;
	size_t end;

	(void)snprintf(digits, sizeof(digits), "%0*llu", DIGITS,
	    (unsigned long long)(number % 10000000000ULL));
	end = DIGITS;
	p = mempcpy(out, where->path.p, where->path.n);
	for (size_t i = 0; i < 3 && where->levels[i]; i++) {
		end -= where->levels[i];
		*p++ = '/';
		p = mempcpy(p, digits + end, where->levels[i]);
	}
	*p++ = '/';
	p = mempcpy(p, digits, DIGITS);
	*p = '\0';
	return span_of(out, (size_t)(p - out));
}

/* The directories between the path and the file: made on first use. */
static int
make_levels(const struct temp_path *where, struct span name)
{
	char *path = (char *)(uintptr_t)name.p;

	for (size_t i = where->path.n + 1; i < name.n; i++) {
		int rc;

		if (path[i] != '/')
			continue;
		path[i] = '\0';
		rc = mkdir(path, 0700);
		path[i] = '/';
		if (rc < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

int
temp_file_open(struct temp_file *f, const struct temp_path *where, uint64_t *number,
    bool keep_linked, struct arena *arena)
{
	*f = (struct temp_file){ .fd = -1, .linked = keep_linked };
	f->name = file_name(where, ++*number, arena);
	for (int i = 0; i < TRIES; i++) {
		f->fd = open(f->name.p, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (f->fd >= 0)
			break;
		if (errno == ENOENT && where->levels[0] && i == 0) {
			if (make_levels(where, f->name) < 0)
				return -1;
		} else if (errno == EEXIST) {
			/* Another worker's, or one of an earlier run. */
			*number += 1 + (uint64_t)i;
			f->name = file_name(where, *number, arena);
		} else {
			return -1;
		}
	}
	if (f->fd >= 0 && !keep_linked)
		(void)unlink(f->name.p);
	return f->fd < 0 ? -1 : 0;
}

int
temp_file_write(const struct temp_file *f, struct span bytes, uint64_t offset)
{
	while (bytes.n > 0) {
		ssize_t n = pwrite(f->fd, bytes.p, bytes.n, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes = span_after(bytes, (size_t)n);
		offset += (size_t)n;
	}
	return 0;
}

ssize_t
temp_file_read(const struct temp_file *f, char *p, size_t n, uint64_t offset)
{
	ssize_t r;

	do
		r = pread(f->fd, p, n, (off_t)offset);
	while (r < 0 && errno == EINTR);
	return r;
}

void
temp_file_close(struct temp_file *f, bool unlink_it)
{
	if (f->fd < 0)
		return;
	close(f->fd);
	f->fd = -1;
	if (f->linked && unlink_it)
		(void)unlink(f->name.p);
}
