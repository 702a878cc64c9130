/* SPDX-License-Identifier: ISC */
/*
 * log_sink: a log file as a worker sees it: a descriptor, and the lines gathered for it.
 *
 * Lines of one turn go out together in one write(2) at its end (sooner when much has gathered), so a line is on
 * disk before the next wait for events; unless a buffer is asked for, which is written when it is full or its time is
 * up. What cannot be written (disk full, a pipe nobody reads) is kept up to a bound and
 * tried again with the next lines; beyond the bound whole new lines are dropped and counted.
 * Counted: each generation that logs to the file holds it, so it survives reloads; reopening replaces
 * the descriptor behind.
 */
#ifndef PROXY_WORKER_LOG_SINK_H
#define PROXY_WORKER_LOG_SINK_H

#include "base/span.h"
#include "proxy/net/loop.h"

struct log_sink;

#define LOG_SINK_KEEP_MAX 1048576 /* kept for a file that takes no more */

/* fd is taken; -1 = lines go nowhere until there is one. One reference. */
struct log_sink *log_sink_new(struct loop *loop, int fd);
struct log_sink *log_sink_ref(struct log_sink *sink);
/* Takes NULL. The last one writes what is left and closes. */
void log_sink_unref(struct log_sink *sink);

/* Write what is left to the old file, then go on with fd (taken), under the same number if there was one. */
void log_sink_set_fd_take(struct log_sink *sink, int fd);

/*
 * Gather up to size bytes, for flush_ms at most (0: for as long as it takes), before anything is written. size 0: a
 * turn's lines.
 */
void log_sink_set_buffer(struct log_sink *sink, size_t size, int64_t flush_ms);
/* One or more whole lines, newline included. */
void log_sink_add(struct log_sink *sink, struct span line);
/* Write now: before the process ends. */
void log_sink_flush(struct log_sink *sink);
/* The descriptor behind, for single error lines; -1 = none. */
int log_sink_fd(const struct log_sink *sink);
/* Lines lost so far. */
uint64_t log_sink_dropped(const struct log_sink *sink);

#endif
