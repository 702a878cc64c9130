/* SPDX-License-Identifier: ISC */
/*
 * err: what went wrong, told once, for a person and for a program.
 *
 * A caller owns a struct err on its stack (ERR_INIT), passes it down, and
 * either shows it or wraps it. The kind decides exit code and retry; the text
 * reads from the outside in: "cannot renew a.example: CA refused the order: ...".
 * Libraries fill errors and never print.
 *
 *	struct err e = ERR_INIT;
 *	if (account_load(acc, path, &e) < 0) {
 *		err_wrap(&e, "cannot read account %s", path);
 *		...
 *	}
 *	err_release(&e);
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/span.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* Kinds map to sysexits codes by err_exit_code(). */
enum err_kind {
	ERR_NONE = 0,
	ERR_PARTIAL,     /* 1: some of the work failed */
	ERR_USAGE,       /* 64: command line */
	ERR_DATA,        /* 65: bad data or certificate */
	ERR_NOINPUT,     /* 66: input missing */
	ERR_UNAVAILABLE, /* 69: CA or service unavailable */
	ERR_BUG,         /* 70: internal error */
	ERR_CANTCREATE,  /* 73: cannot create output */
	ERR_IO,          /* 74: I/O error */
	ERR_TEMPFAIL,    /* 75: try later */
	ERR_PERM,        /* 77: permission */
	ERR_CONFIG,      /* 78: configuration */
};

struct err {
	enum err_kind kind;
	char *text;       /* owned; "outer: inner" */
	char *hint;       /* owned or NULL: what to do about it */
	char *file;       /* owned or NULL: configuration file at fault */
	unsigned line;    /* 1-based; 0 = none */
	int64_t retry_at; /* wall clock seconds; 0 = unknown (ERR_TEMPFAIL) */
};

#define ERR_INIT                 \
	{                        \
		.kind = ERR_NONE \
	}

/*
 * Each of the setters takes e == NULL (the caller does not care) and returns
 * -1, so that "return err_set(e, ...)" reads well. err_set replaces what was there.
 */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int err_vset(struct err *e, enum err_kind kind, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
/* Text plus ": " strerror(errnum); the kind follows from errnum (EACCES -> ERR_PERM, ENOENT -> ERR_NOINPUT, ENOSPC -> ERR_IO ...). */
int err_set_errno(struct err *e, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* OpenSSL's error queue (emptied) as the reason after the text. */
int err_set_openssl(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Put "text: " before what is there; the kind stays. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Replace the hint. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_at(struct err *e, const char *file, unsigned line);

/* Never NULL. */
const char *err_text(const struct err *e);
int err_exit_code(enum err_kind kind);

/* Print "prog: [file:line: ]text" and an indented hint line on stderr; prog from cli_program_name(). */
void err_print(const struct err *e);

/* Move src into dst (releasing what dst held); src becomes ERR_NONE. */
void err_move(struct err *dst, struct err *src);
void err_reset(struct err *e);
void err_release(struct err *e);

#endif
