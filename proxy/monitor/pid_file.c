/* SPDX-License-Identifier: ISC */
/*
 * pid_file: who waits for the file to appear never reads half a number.
 */
#include "proxy/monitor/pid_file.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <unistd.h>

#define DEFAULT_DIRECTORY GATEHOUSE_RUNSTATEDIR "/tinyproxyd"
#define PID_TEXT_MAX 32

int
pid_file_write(const char *path, struct err *e)
{
	char text[PID_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (span_starts(span_str(path), SPAN(DEFAULT_DIRECTORY "/")) &&
	    file_make_dirs(DEFAULT_DIRECTORY, 0755, e) < 0)
		return -1;
	if (file_write_atomic(path, span_of(text, (size_t)n), 0644, e) < 0)
		return err_wrap(e, "cannot write the pid file");
	return 0;
}

int
pid_file_read(const char *path, pid_t *pid, struct err *e)
{
	struct buf text;
	uint64_t n = 0;
	int rc;

	buf_init(&text, PID_TEXT_MAX);
	rc = file_read(path, &text, e);
	if (rc < 0 && e && e->kind == ERR_NOINPUT)
		e->kind = ERR_UNAVAILABLE;
	if (rc == 0 && (span_to_u64(span_trim(buf_span(&text)), INT32_MAX, &n) < 0 || n == 0))
		rc = err_set(e, ERR_DATA, "no process number in %s", path);
	buf_release(&text);
	*pid = (pid_t)n;
	return rc;
}

void
pid_file_remove(const char *path)
{
	struct err e = ERR_INIT;
	pid_t pid;

	if (pid_file_read(path, &pid, &e) == 0 && pid == getpid())
		(void)unlink(path);
	err_release(&e);
}
