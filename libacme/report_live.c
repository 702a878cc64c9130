/* SPDX-License-Identifier: ISC */
/*
 * report_live: every change draws the whole block anew; a second's tick of the loop in between.
 */
#include "libacme/report_live.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TICK_MS 1000
#define FRAME_MAX ((size_t)64 * 1024)
#define NAME_WIDTH_MAX 40
/* Where the terminal does not say how large it is. */
#define ROWS 24
#define COLUMNS 80

struct line {
	char *name, *text;
	int64_t begun_ms;
};

struct report_live {
	FILE *out;
	struct acme_http *http;
	struct watch tick;
	char *notice;
	struct line *lines;
	size_t count;
	unsigned drawn; /* rows of the block that stand there now */
};

static void draw(struct report_live *live);

static void
on_tick(void *arg, short revents)
{
	struct report_live *live = arg;

	draw(live);
	live->tick.deadline_ms = clock_mono_ms() + TICK_MS;
}

struct report_live *
report_live_new(FILE *out, struct acme_http *http)
{
	struct report_live *live = mem_zalloc(sizeof(*live));

	live->out = out;
	live->http = http;
	live->tick = (struct watch){ .fd = -1,
		.background = true,
		.deadline_ms = clock_mono_ms() + TICK_MS,
		.ready = on_tick,
		.arg = live };
	watch_begin(acme_http_watches(http), &live->tick);
	return live;
}

void
report_live_free(struct report_live *live)
{
	if (!live)
		return;
	report_live_clear(live);
	watch_end(acme_http_watches(live->http), &live->tick);
	for (size_t i = 0; i < live->count; i++) {
		free(live->lines[i].name);
		free(live->lines[i].text);
	}
	free(live->lines);
	free(live->notice);
	free(live);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void
terminal_size(const struct report_live *live, unsigned *rows, unsigned *columns)
{
	struct winsize size;

	*rows = ROWS;
	*columns = COLUMNS;
	if (ioctl(fileno(live->out), TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
		*rows = size.ws_row;
		*columns = size.ws_col;
	}
}

static void
erase(const struct report_live *live, struct buf *frame)
{
	if (live->drawn > 1)
		buf_printf(frame, "\033[%uA", live->drawn - 1);
	if (live->drawn)
		buf_add_str(frame, "\r\033[J");
}

/* One row, cut so that the terminal does not wrap it. */
static void
add_row(struct buf *frame, unsigned *rows, unsigned columns, const char *text)
{
	if (*rows)
		buf_add_char(frame, '\n');
	buf_printf(frame, "%.*s", (int)columns - 1, text);
	++*rows;
}

static void
draw(struct report_live *live)
{
	unsigned height, columns, rows = 0;
	size_t shown = 0;
	int width = 0;
	char row[512];
	struct buf frame;

	terminal_size(live, &height, &columns);
	buf_init(&frame, FRAME_MAX);
	erase(live, &frame);
	if (live->notice && live->count == 0)
		add_row(&frame, &rows, columns, live->notice);
	for (size_t i = 0; i < live->count; i++) {
		int n = (int)strlen(live->lines[i].name);

		width = n > width ? n : width;
	}
	width = width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX;
	for (; shown < live->count && rows + 2 < height; shown++) {
		const struct line *l = &live->lines[shown];

		snprintf(row, sizeof(row), "%-*.*s  %-40s %3lld s", width, width, l->name, l->text,
		    (long long)(clock_mono_ms() - l->begun_ms) / 1000);
		add_row(&frame, &rows, columns, row);
	}
	if (shown < live->count) {
		snprintf(row, sizeof(row), "... and %zu more", live->count - shown);
		add_row(&frame, &rows, columns, row);
	}
	live->drawn = rows;
	fwrite(frame.p, 1, frame.len, live->out);
	fflush(live->out);
	buf_release(&frame);
}

void
report_live_clear(struct report_live *live)
{
	struct buf frame;

	buf_init(&frame, FRAME_MAX);
	erase(live, &frame);
	live->drawn = 0;
	fwrite(frame.p, 1, frame.len, live->out);
	fflush(live->out);
	buf_release(&frame);
}

/* ---- lines ----------------------------------------------------------------------------------- */

void
report_live_set(struct report_live *live, const char *name, const char *text)
{
	size_t i = 0;

	if (!name) {
		free(live->notice);
		live->notice = mem_strdup(text);
		draw(live);
		return;
	}
	while (i < live->count && strcmp(live->lines[i].name, name) != 0)
		i++;
	if (i == live->count) {
		live->lines = mem_realloc_array(live->lines, live->count + 1, sizeof(*live->lines));
		live->lines[live->count++] =
		    (struct line){ .name = mem_strdup(name), .begun_ms = clock_mono_ms() };
	}
	free(live->lines[i].text);
	live->lines[i].text = mem_strdup(text);
	draw(live);
}

void
report_live_end(struct report_live *live, const char *name)
{
	for (size_t i = 0; i < live->count; i++) {
		if (strcmp(live->lines[i].name, name) != 0)
			continue;
		free(live->lines[i].name);
		free(live->lines[i].text);
		memmove(&live->lines[i], &live->lines[i + 1],
		    (live->count - i - 1) * sizeof(*live->lines));
		live->count--;
		break;
	}
	draw(live);
}
