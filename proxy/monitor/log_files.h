/* SPDX-License-Identifier: ISC */
/*
 * log_files: the files of access_log and error_log: opened by the monitor, written by the workers.
 */
#ifndef PROXY_MONITOR_LOG_FILES_H
#define PROXY_MONITOR_LOG_FILES_H

#include "base/err.h"
#include "proxy/monitor/resource.h"

/* New log files: no business of other users, as they hold client addresses. */
#define LOG_FILE_MODE 0640

/* Append, create. Returns the descriptor or -1 with e in nginx's words. */
int log_file_open(const char *path, struct err *e) __attribute__((warn_unused_result));

/* From the table, else opened. "stderr" is a copy of stderr_fd. NULL with e set. */
struct resource *log_files_open(struct resource_table *t, struct span path, int stderr_fd,
    struct err *e);

/* Open the file by its name again, behind the same descriptor number and id: after it was moved away. "stderr" stays. */
int log_files_reopen(struct resource *r, struct err *e) __attribute__((warn_unused_result));

#endif
