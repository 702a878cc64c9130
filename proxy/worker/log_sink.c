/* SPDX-License-Identifier: ISC */
/* log_sink: see log_sink.h. */
#include "proxy/worker/log_sink.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FLUSH_AT 65536  /* written without waiting for the end of the turn */
#define KEEP_IDLE 16384 /* memory a sink holds on to between turns */

struct log_sink {
	struct loop *loop;
	struct deferred flush;
	struct timer timer; /* a buffered line's time is up */
	size_t buffer_size;
	int64_t flush_ms;
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

static void
flush_expired(struct timer *t)
{
	log_sink_flush((struct log_sink *)((char *)t - offsetof(struct log_sink, timer)));
}

struct log_sink *
log_sink_new(struct loop *loop, int fd)
{
	struct log_sink *sink = mem_zalloc(sizeof(*sink));

	sink->loop = loop;
	sink->flush.run = flush_deferred;
	sink->timer.on_expire = flush_expired;
	sink->refs = 1;
	sink->fd = fd;
	buf_init(&sink->lines, LOG_SINK_KEEP_MAX);
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

	timer_clear(&sink->timer);
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
log_sink_set_buffer(struct log_sink *sink, size_t size, int64_t flush_ms)
{
	if (size == sink->buffer_size && flush_ms == sink->flush_ms)
		return;
	log_sink_flush(sink);
	sink->buffer_size = size;
	sink->flush_ms = flush_ms;
}

void
log_sink_add(struct log_sink *sink, struct span line)
{
	if (sink->fd < 0)
		return;
	if (line.n > LOG_SINK_KEEP_MAX - sink->lines.len) {
		sink->dropped++;
		return;
	}
	if (sink->buffer_size && sink->lines.len + line.n > sink->buffer_size)
		log_sink_flush(sink);
	buf_add(&sink->lines, line);
	if (sink->lines.len < sink->buffer_size) {
		if (sink->flush_ms && !timer_active(&sink->timer))
			timer_set(sink->loop, &sink->timer, sink->flush_ms);
		return;
	}
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
