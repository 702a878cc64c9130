/* SPDX-License-Identifier: ISC */
/* h2_guard: see h2_guard.h. */
#include "proxy/http/h2_guard.h"

/* What is forgiven each second. */
#define RESETS_A_SECOND 10
#define PROVOKED_A_SECOND 2
#define IDLE_FRAMES_A_SECOND 50
/* What goes with one DATA frame: an update of the stream's window and one of the connection's. */
#define UPDATES_A_FRAME 2
/* Frames may take so much more than what they carry (nginx: http2 flood). */
#define OVERHEAD_MAX (UINT64_C(1) << 20)
#define OVERHEAD_TIMES 8

static void
lower(unsigned *count, uint64_t by)
{
	*count = by < *count ? *count - (unsigned)by : 0;
}

static void
ease(struct h2_guard *g, int64_t now_ms)
{
	uint64_t seconds;

	if (g->eased_ms == 0)
		g->eased_ms = now_ms;
	seconds = (uint64_t)(now_ms - g->eased_ms) / 1000;
	if (seconds == 0)
		return;
	g->eased_ms += (int64_t)seconds * 1000;
	lower(&g->resets, seconds * RESETS_A_SECOND);
	lower(&g->provoked, seconds * PROVOKED_A_SECOND);
	lower(&g->idle_frames, seconds * IDLE_FRAMES_A_SECOND);
}

const char *
h2_guard_reset(struct h2_guard *g, int64_t now_ms)
{
	ease(g, now_ms);
	return ++g->resets > H2_RESETS_MAX ? "client resets too many streams" : NULL;
}

const char *
h2_guard_provoked(struct h2_guard *g, int64_t now_ms)
{
	ease(g, now_ms);
	return ++g->provoked > H2_PROVOKED_MAX ? "client provokes too many resets of streams"
					       : NULL;
}

const char *
h2_guard_idle_frame(struct h2_guard *g, int64_t now_ms)
{
	ease(g, now_ms);
	return ++g->idle_frames > H2_IDLE_FRAMES_MAX ? "client sends too many frames to no end"
						     : NULL;
}

void
h2_guard_headers(struct h2_guard *g, size_t n)
{
	g->continuations = 0;
	g->continuation_bytes = 0;
	g->payload += n;
}

const char *
h2_guard_continuation(struct h2_guard *g, size_t n)
{
	g->continuation_bytes += n;
	g->payload += n;
	if (++g->continuations > H2_CONTINUATIONS_MAX)
		return "client sends too many CONTINUATION frames";
	return g->continuation_bytes > H2_CONTINUATION_BYTES_MAX
		   ? "client sends too long CONTINUATION frames"
		   : NULL;
}

void
h2_guard_body(struct h2_guard *g, size_t n)
{
	g->payload += n;
}

const char *
h2_guard_read(struct h2_guard *g, size_t n)
{
	g->bytes += n;
	return g->bytes / OVERHEAD_TIMES > g->payload + OVERHEAD_MAX
		   ? "client sends too many bytes to no end"
		   : NULL;
}

void
h2_guard_used_data(struct h2_guard *g)
{
	lower(&g->idle_frames, 1);
}

void
h2_guard_sent_data(struct h2_guard *g)
{
	lower(&g->idle_frames, UPDATES_A_FRAME);
}

void
h2_guard_answered(struct h2_guard *g)
{
	lower(&g->resets, 1);
	lower(&g->provoked, 1);
	lower(&g->idle_frames, 1);
}
