/* SPDX-License-Identifier: ISC */
/*
 * pid_file: a decimal number and a newline, there for as long as we are.
 */
#ifndef PROXY_MONITOR_PID_FILE_H
#define PROXY_MONITOR_PID_FILE_H

#include "base/err.h"

#include <sys/types.h>

/* Our own; appears whole. Its directory is made if it is RUNSTATEDIR/tinyproxyd. */
int pid_file_write(const char *path, struct err *e) __attribute__((warn_unused_result));
/* Only when our pid is in it: it may be our successor's by now. */
void pid_file_remove(const char *path);
/* ERR_UNAVAILABLE when there is none. */
int pid_file_read(const char *path, pid_t *pid, struct err *e) __attribute__((warn_unused_result));

#endif
