/* SPDX-License-Identifier: ISC */
/*
 * cli_help: what a program says about itself, made from its table; and how it is printed.
 *
 *	Usage: NAME ...
 *
 *	Summary.
 *
 *	Examples:
 *	  command
 *	      what it does
 *
 *	Options:
 *	  -d, --domain NAME   one sentence, wrapped
 *
 *	details
 */
#include "base/buf.h"
#include "base/cli_internal.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#ifndef GATEHOUSE_VERSION
#define GATEHOUSE_VERSION "unknown"
#endif

#define WIDTH 88
#define COLUMN_MAX 32 /* help texts start no further right */

static const struct cli_option builtin[] = {
	{ "help", 'h', NULL, "Show this help.", 0, CLI_IGNORED },
	{ "version", 0, NULL, "Show the version.", 0, CLI_IGNORED },
};

_Static_assert(sizeof(builtin) / sizeof(builtin[0]) == CLI_BUILTINS, "as announced");

struct cli_option
cli_builtin(const struct cli_program *p, size_t i)
{
	struct cli_option o = builtin[i];

	if (o.letter && cli_find_letter(p, o.letter))
		o.letter = 0;
	if (cli_find_long(p, span_str(o.name), false))
		o.flags = CLI_HIDDEN;
	return o;
}

/* "-d, -domain, --domain NAME"; without a letter the long names still line up. */
static void
add_spelling(struct buf *out, const struct cli_option *o)
{
	if (o->letter)
		buf_printf(out, "-%c", o->letter);
	if (o->name && (o->flags & CLI_SINGLE_DASH))
		buf_printf(out, "%s-%s", o->letter ? ", " : "", o->name);
	if (o->name)
		buf_printf(out, "%s--%s", o->letter || (o->flags & CLI_SINGLE_DASH) ? ", " : "    ",
		    o->name);
	if (o->arg)
		buf_printf(out, " %s", o->arg);
}

static void
add_blanks(struct buf *out, size_t n)
{
	buf_printf(out, "%*s", (int)n, "");
}

/* One line of words from text that fits width; what is left moves on. */
static struct span
take_line(struct span *text, size_t width)
{
	struct span line = *text;
	size_t at = 0, fits = 0;

	for (; at <= text->n; at++) {
		bool newline = at < text->n && text->p[at] == '\n';

		if (at < text->n && text->p[at] != ' ' && !newline)
			continue;
		if (fits && at > width)
			break;
		fits = at;
		if (newline)
			break;
	}
	line.n = fits;
	*text = span_after(*text, fits < text->n ? fits + 1 : fits);
	return line;
}

static void
add_option(struct buf *out, const struct cli_option *o, size_t column)
{
	struct span text = span_str(o->help);
	size_t start = out->len, used;

	if (o->flags & CLI_HIDDEN)
		return;
	buf_add_str(out, "  ");
	add_spelling(out, o);
	used = out->len - start;
	if (!text.n || used + 2 > column) {
		buf_add_char(out, '\n');
		used = 0;
	}
	while (text.n) {
		struct span line = take_line(&text, WIDTH - column);

		add_blanks(out, column - used);
		buf_add(out, line);
		buf_add_char(out, '\n');
		used = 0;
	}
}

/* Where help texts start: right of the longest spelling that leaves them room. */
static size_t
help_column(const struct cli_program *p)
{
	size_t column = 17; /* "      --version" and two more */
	struct buf one;

	buf_init(&one, 4096);
	CLI_FOREACH(o, p) {
		if (o->flags & CLI_HIDDEN)
			continue;
		buf_reset(&one);
		add_spelling(&one, o);
		if (one.len + 4 > column && one.len + 4 <= COLUMN_MAX)
			column = one.len + 4;
	}
	buf_release(&one);
	return column;
}

/* Each line of text, moved right. */
static void
add_lines(struct buf *out, const char *text, size_t indent)
{
	struct span rest = span_str(text), line;

	while (span_split(&rest, '\n', &line)) {
		if (line.n) {
			add_blanks(out, indent);
			buf_add(out, line);
		}
		buf_add_char(out, '\n');
	}
}

static int
print(struct buf *out, struct err *e)
{
	int rc = 0;

	if (fflush(stdout) != 0 || file_write_all(STDOUT_FILENO, buf_span(out)) < 0)
		rc = err_set_errno(e, errno, "cannot write to standard output");
	buf_release(out);
	return rc;
}

static void
add_usage(struct buf *out, const struct cli_program *p)
{
	struct span rest = span_str(p->usage ? p->usage : ""), line;
	const char *lead = "Usage:";

	if (!rest.n)
		buf_printf(out, "Usage: %s\n", p->name);
	while (span_split(&rest, '\n', &line)) {
		buf_printf(out, "%s %s%s" SPAN_FMT "\n", lead, p->name, line.n ? " " : "",
		    SPAN_ARG(line));
		lead = "      ";
	}
}

static void
add_summary(struct buf *out, const char *summary)
{
	struct span text = span_str(summary);

	buf_add_char(out, '\n');
	while (text.n) {
		buf_add(out, take_line(&text, WIDTH));
		buf_add_char(out, '\n');
	}
}

int
cli_print_help(const struct cli_program *p, struct err *e)
{
	size_t column = help_column(p);
	struct buf out;

	buf_init(&out, 1024 * 1024);
	add_usage(&out, p);
	if (p->summary)
		add_summary(&out, p->summary);
	if (p->examples) {
		buf_add_str(&out, "\nExamples:\n");
		add_lines(&out, p->examples, 2);
	}
	buf_add_str(&out, "\nOptions:\n");
	CLI_FOREACH(o, p)
		add_option(&out, o, column);
	for (size_t i = 0; i < CLI_BUILTINS; i++) {
		struct cli_option o = cli_builtin(p, i);

		add_option(&out, &o, column);
	}
	if (p->details) {
		buf_add_char(&out, '\n');
		add_lines(&out, p->details, 0);
	}
	return print(&out, e);
}

int
cli_print_version(const struct cli_program *p, struct err *e)
{
	struct buf out;

	buf_init(&out, 4096);
	buf_printf(&out, "%s (Gatehouse) %s\n", p->name, GATEHOUSE_VERSION);
	return print(&out, e);
}

int
cli_print_words(const struct cli_program *p, const struct cli_option *waiting, void *ctx,
    struct err *e)
{
	struct buf out;

	buf_init(&out, 4 * 1024 * 1024);
	cli_complete(p, waiting, ctx, &out);
	return print(&out, e);
}
