/* SPDX-License-Identifier: ISC */
/*
 * diagnostic: collecting what is wrong, in the order it was found.
 *
 * The same text at the same place is kept once: a file included in a hundred blocks has its
 * mistake told once.
 */
#include "proxy/config/diagnostic.h"

#include "proxy/config/syntax.h"

#include <stdarg.h>
#include <stdio.h>

void
diagnostics_init(struct diagnostics *d, struct arena *arena)
{
	*d = (struct diagnostics){ .arena = arena };
	d->tail = &d->first;
}

static __attribute__((format(printf, 2, 0))) struct span
vformat(struct arena *arena, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return span_of(NULL, 0);
	p = arena_bytes(arena, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	return span_of(p, (size_t)n);
}

static bool
is_known(const struct diagnostics *d, const struct diagnostic *one)
{
	for (const struct diagnostic *x = d->first; x; x = x->next) {
		if (x->line == one->line && x->file == one->file && x->level == one->level &&
		    span_eq(x->text, one->text))
			return true;
	}
	return false;
}

int
diagnostic_add(struct diagnostics *d, enum diagnostic_level level, const struct config_file *file,
    unsigned line, const char *fmt, ...)
{
	struct diagnostic *one = arena_zalloc(d->arena, sizeof(*one));
	bool kept = d->kept < DIAGNOSTICS_MAX;
	va_list ap;

	one->level = level;
	one->file = file;
	one->line = line;
	va_start(ap, fmt);
	one->text = vformat(d->arena, fmt, ap);
	va_end(ap);

	d->newest = one;
	if (kept && is_known(d, one))
		return level == DIAG_EMERG ? -1 : 0;
	if (level == DIAG_EMERG)
		d->errors++;
	else if (level == DIAG_WARN)
		d->warnings++;
	else
		d->notes++;
	if (kept) {
		*d->tail = one;
		d->tail = &one->next;
		d->kept++;
	}
	return level == DIAG_EMERG ? -1 : 0;
}

void
diagnostic_hint(struct diagnostics *d, const char *fmt, ...)
{
	va_list ap;

	if (!d->newest)
		return;
	va_start(ap, fmt);
	d->newest->hint = vformat(d->arena, fmt, ap);
	va_end(ap);
}

/* b belongs before a. */
static bool
is_later(const struct diagnostic *a, const struct diagnostic *b)
{
	if (a->file != b->file)
		return (a->file ? a->file->number : 0) > (b->file ? b->file->number : 0);
	return a->line > b->line;
}

/* Halves of a list, merged: stable. */
static struct diagnostic *
sorted(struct diagnostic *list, size_t count)
{
	struct diagnostic *left = list, *right, *first, **tail = &first;
	size_t half = count / 2;

	if (count < 2)
		return list;
	for (size_t i = 1; i < half; i++)
		list = list->next;
	right = list->next;
	list->next = NULL;
	left = sorted(left, half);
	right = sorted(right, count - half);
	while (left && right) {
		struct diagnostic **from = is_later(left, right) ? &right : &left;

		*tail = *from;
		tail = &(*tail)->next;
		*from = *tail;
	}
	*tail = left ? left : right;
	return first;
}

void
diagnostics_sort(struct diagnostics *d)
{
	d->first = sorted(d->first, d->kept);
	for (d->tail = &d->first; *d->tail;)
		d->tail = &(*d->tail)->next;
}

struct span
diagnostic_format(const struct diagnostic *d, struct arena *arena)
{
	const struct config_file *f = d->file;
	struct span out;

	if (!f)
		return arena_dup(arena, d->text);
	if (f->path.n == 0)
		return arena_printf(arena, SPAN_FMT " in command line", SPAN_ARG(d->text));
	out = arena_printf(arena, SPAN_FMT " in " SPAN_FMT ":%u", SPAN_ARG(d->text),
	    SPAN_ARG(f->path), d->line);
	for (; f->included_from; f = f->included_from) {
		const struct config_file *from = f->included_from;

		out = from->path.n == 0
			  ? arena_printf(arena, SPAN_FMT " (included from command line)",
				SPAN_ARG(out))
			  : arena_printf(arena, SPAN_FMT " (included from " SPAN_FMT ":%u)",
				SPAN_ARG(out), SPAN_ARG(from->path), f->included_line);
	}
	return out;
}
