/* SPDX-License-Identifier: ISC */
/*
 * err: building, moving and showing an error.
 *
 * Every setter formats before it frees, so that its arguments may come from
 * the error it changes.
 */
#include "base/err.h"

#include "base/buf.h"
#include "base/cli.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int
err_vset(struct err *e, enum err_kind kind, const char *fmt, va_list ap)
{
	char *text;

	if (!e)
		return -1;
	text = mem_vprintf(fmt, ap);
	err_reset(e);
	e->kind = kind;
	e->text = text;
	return -1;
}

int
err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, kind, fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_kind
kind_of_errno(int errnum)
{
	switch (errnum) {
	case EACCES:
	case EPERM:
		return ERR_PERM;
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ENXIO:
		return ERR_NOINPUT;
	case EEXIST:
	case EROFS:
		return ERR_CANTCREATE;
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case ETIMEDOUT:
		return ERR_UNAVAILABLE;
	case EAGAIN:
	case EMFILE:
	case ENFILE:
		return ERR_TEMPFAIL;
	default:
		return ERR_IO;
	}
}

int
err_set_errno(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (!e)
		return -1;
	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	err_set(e, kind_of_errno(errnum), "%s: %s", text, strerror(errnum));
	free(text);
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *outer, *text;

	if (!e)
		return -1;
	va_start(ap, fmt);
	outer = mem_vprintf(fmt, ap);
	va_end(ap);
	text = e->text ? mem_printf("%s: %s", outer, e->text) : mem_strdup(outer);
	free(outer);
	free(e->text);
	e->text = text;
	return -1;
}

int
err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *hint;

	if (!e)
		return -1;
	va_start(ap, fmt);
	hint = mem_vprintf(fmt, ap);
	va_end(ap);
	free(e->hint);
	e->hint = hint;
	return -1;
}

int
err_at(struct err *e, const char *file, unsigned line)
{
	char *copy;

	if (!e)
		return -1;
	copy = file ? mem_strdup(file) : NULL;
	free(e->file);
	e->file = copy;
	e->line = line;
	return -1;
}

const char *
err_text(const struct err *e)
{
	if (!e || e->kind == ERR_NONE)
		return "no error";
	return e->text ? e->text : "unknown error";
}

int
err_exit_code(enum err_kind kind)
{
	switch (kind) {
	case ERR_NONE:
		return 0;
	case ERR_PARTIAL:
		return 1;
	case ERR_USAGE:
		return 64;
	case ERR_DATA:
		return 65;
	case ERR_NOINPUT:
		return 66;
	case ERR_UNAVAILABLE:
		return 69;
	case ERR_BUG:
		return 70;
	case ERR_CANTCREATE:
		return 73;
	case ERR_IO:
		return 74;
	case ERR_TEMPFAIL:
		return 75;
	case ERR_PERM:
		return 77;
	case ERR_CONFIG:
		return 78;
	}
	return 70;
}

/* Bytes that would move a terminal's cursor come out as "?"; the hint's lines are kept apart. */
static void
add_printable(struct buf *out, const char *s, const char *newline)
{
	for (; *s; s++) {
		if (*s == '\n')
			buf_add_str(out, newline);
		else
			buf_add_char(out,
			    ((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f ? '?' : *s);
	}
}

void
err_print(const struct err *e)
{
	struct buf out;

	buf_init(&out, 64 * 1024);
	buf_printf(&out, "%s: ", cli_program_name());
	if (e->file) {
		add_printable(&out, e->file, "?");
		if (e->line)
			buf_printf(&out, ":%u", e->line);
		buf_add_str(&out, ": ");
	}
	add_printable(&out, err_text(e), "\n  ");
	buf_add_char(&out, '\n');
	if (e->hint) {
		buf_add_str(&out, "  ");
		add_printable(&out, e->hint, "\n  ");
		buf_add_char(&out, '\n');
	}
	/* Nobody is left to be told when stderr itself fails. */
	if (file_write_all(STDERR_FILENO, buf_span(&out)) < 0)
		errno = 0;
	buf_release(&out);
}

void
err_move(struct err *dst, struct err *src)
{
	if (dst == src)
		return;
	if (!dst) {
		err_reset(src);
		return;
	}
	err_release(dst);
	*dst = *src;
	*src = (struct err)ERR_INIT;
}

void
err_reset(struct err *e)
{
	if (!e)
		return;
	free(e->text);
	free(e->hint);
	free(e->file);
	*e = (struct err)ERR_INIT;
}

void
err_release(struct err *e)
{
	err_reset(e);
}
