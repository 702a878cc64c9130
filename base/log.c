/* SPDX-License-Identifier: ISC */
/*
 * log: one line, one write(2).
 *
 * Everything lives on the stack, so a forked child may log at once.
 */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
	[LOG_LEVEL_EMERG] = "emerg",
	[LOG_LEVEL_ALERT] = "alert",
	[LOG_LEVEL_CRIT] = "crit",
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

#define LEVELS (sizeof(names) / sizeof(names[0]))

int
log_level_parse(const char *name, enum log_level *level)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (strcmp(name, names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

const char *
log_level_name(enum log_level level)
{
	return (size_t)level < LEVELS ? names[level] : "?";
}

/* Control bytes, and the C1 controls that UTF-8 spells C2 80 to C2 9F. */
static bool
is_control(const char *text, size_t i)
{
	unsigned char c = (unsigned char)text[i];

	if (c < 0x20 || c == 0x7f)
		return true;
	return c >= 0x80 && c <= 0x9f && i > 0 && (unsigned char)text[i - 1] == 0xc2;
}

/* Append text to line[at...], leaving room for the newline; returns the new length. */
static size_t
add_escaped(char *line, size_t at, const char *text, bool cut)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char more[] = "...";
	size_t end = LOG_LINE_MAX - 1, fits = at;

	for (size_t i = 0; text[i]; i++) {
		unsigned char c = (unsigned char)text[i];
		char out[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };
		size_t n = is_control(text, i) ? 4 : 1;

		if (at + n > end) {
			cut = true;
			break;
		}
		if (n == 1)
			out[0] = text[i];
		memcpy(line + at, out, n);
		at += n;
		if (at + sizeof(more) - 1 <= end)
			fits = at;
	}
	if (cut) {
		memcpy(line + fits, more, sizeof(more) - 1);
		at = fits + sizeof(more) - 1;
	}
	return at;
}

void
log_vmsg(const struct log *l, enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX];
	int saved = errno, n;
	struct clock_date d;
	ssize_t ignored = 0;
	size_t len;

	if (!log_wants(l, level))
		return;
	clock_local(clock_wall(), &d);
	n = snprintf(line, sizeof(line), "%04d/%02d/%02d %02d:%02d:%02d [%s] %ld#%ld: ", d.year,
	    d.month, d.day, d.hour, d.minute, d.second, log_level_name(level), (long)getpid(),
	    (long)gettid());
	len = (size_t)n;
	errno = saved;
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		text[0] = '\0';
	len = add_escaped(line, len, text, n >= (int)sizeof(text));
	line[len++] = '\n';
	/* A log that cannot be written has no better place to say so. */
	for (; l; l = l->also) {
		if (l->fd >= 0 && level <= l->level)
			ignored = write(l->fd, line, len);
	}
	(void)ignored;
	errno = saved;
}

void
log_msg(const struct log *l, enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vmsg(l, level, fmt, ap);
	va_end(ap);
}
