/* SPDX-License-Identifier: ISC */
/* log_sink: see log_sink.h. */
#include "proxy/worker/log_sink.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FLUSH_AT 65536   /* written without waiting for the end of the turn */
#define KEEP_MAX 1048576 /* kept for a file that takes no more */
#define KEEP_IDLE 16384  /* memory a sink holds on to between turns */

struct log_sink {
	struct loop *loop;
	struct deferred flush;
	unsigned refs;
	int fd;
	struct buf lines;
	uint64_t dropped;
};

static void
flush_deferred(struct deferred *d)
{
	log_sink_flush((struct log_sink *)((char *)d - offsetof(struct log_sink, flush)));
}

struct log_sink *
log_sink_new(struct loop *loop, int fd)
{
	struct log_sink *sink = mem_zalloc(sizeof(*sink));

	sink->loop = loop;
	sink->flush.run = flush_deferred;
	sink->refs = 1;
	sink->fd = fd;
	buf_init(&sink->lines, KEEP_MAX);
	return sink;
}

struct log_sink *
log_sink_ref(struct log_sink *sink)
{
	sink->refs++;
	return sink;
}

void
log_sink_unref(struct log_sink *sink)
{
	if (!sink || --sink->refs > 0)
		return;
	loop_undefer(sink->loop, &sink->flush);
	log_sink_flush(sink);
	if (sink->fd >= 0)
		close(sink->fd);
	buf_release(&sink->lines);
	free(sink);
}

void
log_sink_flush(struct log_sink *sink)
{
	size_t done = 0;

	while (sink->fd >= 0 && done < sink->lines.len) {
		ssize_t n = write(sink->fd, sink->lines.p + done, sink->lines.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	buf_consume(&sink->lines, done);
	if (sink->lines.len == 0 && sink->lines.cap > KEEP_IDLE)
		buf_release(&sink->lines);
}

void
log_sink_set_fd_take(struct log_sink *sink, int fd)
{
	log_sink_flush(sink);
	if (sink->fd >= 0 && fd >= 0) {
		/* Cannot fail: both are open. */
		dup3(fd, sink->fd, O_CLOEXEC);
		close(fd);
		return;
	}
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = fd;
}

void
log_sink_add(struct log_sink *sink, struct span line)
{
	if (sink->fd < 0)
		return;
	if (line.n > KEEP_MAX - sink->lines.len) {
		sink->dropped++;
		return;
	}
	buf_add(&sink->lines, line);
	if (sink->lines.len >= FLUSH_AT)
		log_sink_flush(sink);
	if (sink->lines.len > 0)
		loop_defer(sink->loop, &sink->flush);
}

int
log_sink_fd(const struct log_sink *sink)
{
	return sink->fd;
}

uint64_t
log_sink_dropped(const struct log_sink *sink)
{
	return sink->dropped;
}
