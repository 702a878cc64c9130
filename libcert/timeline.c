/* SPDX-License-Identifier: ISC */
/*
 * A plot of lives:
 *
 *	              2026-09-01                                       2027-02-14
 *	a.example     <----------------|===========########                 61 d
 *	old.example   <-------------   |                                    -9 d !
 *
 * Everything is said by the characters, nothing by colour.
 */
#include "libcert/timeline.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

#define DAY INT64_C(86400)
/* What lies further away is not drawn to scale but as an arrow. */
#define PAST_MAX (90 * DAY)
#define FUTURE_MAX (400 * DAY)
#define RIGHT_WIDTH 11 /* "  12345 d !" */
#define DATE_LEN 10

struct plot {
	int64_t now, from, until;
	int label, width; /* columns of the names, of the plot */
};

static int
ends_first(const void *a, const void *b)
{
	const struct survey *left = *(const struct survey *const *)a;
	const struct survey *right = *(const struct survey *const *)b;

	if (left->not_after != right->not_after)
		return left->not_after < right->not_after ? -1 : 1;
	return left < right ? -1 : left > right;
}

static void
lay_out(struct plot *plot, const struct survey *const *rows, size_t count, int64_t now,
    unsigned columns)
{
	int label_max = (int)columns / 3;

	*plot = (struct plot){ .now = now, .from = now - DAY, .until = now + DAY, .label = 8 };
	for (size_t i = 0; i < count; i++) {
		int n = rows[i]->name.n > (size_t)label_max ? label_max : (int)rows[i]->name.n;

		plot->label = n > plot->label ? n : plot->label;
		if (rows[i]->not_before < plot->from)
			plot->from = rows[i]->not_before;
		if (rows[i]->not_after > plot->until)
			plot->until = rows[i]->not_after;
	}
	if (plot->from < now - PAST_MAX)
		plot->from = now - PAST_MAX;
	if (plot->until > now + FUTURE_MAX)
		plot->until = now + FUTURE_MAX;
	plot->width = (int)columns - plot->label - 2 - RIGHT_WIDTH;
}

/* The instant that a column begins at. */
static int64_t
instant(const struct plot *plot, int column)
{
	return plot->from + (plot->until - plot->from) * column / plot->width;
}

static char
mark(const struct plot *plot, const struct survey *s, int column)
{
	int64_t begins = instant(plot, column), ends = instant(plot, column + 1);
	bool last = column == plot->width - 1;

	if (plot->now >= begins && (plot->now < ends || last))
		return '|';
	if (column == 0 && s->not_before < begins && s->not_after >= begins)
		return '<';
	if (last && s->not_after > ends && s->not_before <= ends)
		return '>';
	if (s->not_before >= ends || s->not_after < begins)
		return s->not_after < begins && column == 0 ? '<' : ' ';
	if (s->due_at > 0 && ends > s->due_at)
		return '#';
	return ends <= plot->now ? '-' : '=';
}

static void
print_axis(const struct plot *plot, FILE *out)
{
	char from[CLOCK_RFC3339_LEN + 1], until[CLOCK_RFC3339_LEN + 1];
	/* Years and months, or years alone, where there is no room for two whole dates. */
	int len = plot->width > 20 ? DATE_LEN : plot->width > 14 ? 7 : 4;

	clock_format_rfc3339(plot->from, from);
	clock_format_rfc3339(plot->until, until);
	fprintf(out, "%*s  %.*s%*.*s\n", plot->label, "", len, from, plot->width - len, len, until);
}

/* Its first columns; a character of several bytes is not cut. */
static int
cut(struct span name, int columns)
{
	size_t n = name.n > (size_t)columns ? (size_t)columns : name.n;

	while (n > 0 && n < name.n && ((unsigned char)name.p[n] & 0xc0) == 0x80)
		n--;
	return (int)n;
}

static void
print_row(const struct plot *plot, const struct survey *s, FILE *out)
{
	int64_t left = s->not_after - plot->now;
	long long days = (long long)((left - (left < 0 ? DAY - 1 : 0)) / DAY);

	if (days > 99999)
		days = 99999;
	if (days < -9999)
		days = -9999;
	fprintf(out, "%-*.*s  ", plot->label, cut(s->name, plot->label), s->name.p);
	for (int column = 0; column < plot->width; column++)
		fputc(mark(plot, s, column), out);
	fprintf(out, "  %5lld d%s\n", days, survey_weight(s) == INSPECT_CRITICAL ? " !" : "");
}

void
timeline_print(const struct survey *list, size_t count, int64_t now, unsigned columns, FILE *out)
{
	const struct survey **rows = mem_realloc_array(NULL, count ? count : 1, sizeof(*rows));
	struct plot plot;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (list[i].error.n == 0)
			rows[n++] = &list[i];
	}
	if (n > 0) {
		qsort(rows, n, sizeof(*rows), ends_first);
		lay_out(&plot, rows, n, now,
		    columns < TIMELINE_COLUMNS_MIN ? TIMELINE_COLUMNS_MIN : columns);
		print_axis(&plot, out);
		for (size_t i = 0; i < n; i++)
			print_row(&plot, rows[i], out);
		fprintf(out,
		    "\n- lived  = to live  # renewal due\n| today  < > goes on  ! critical\n");
	}
	free(rows);
}
