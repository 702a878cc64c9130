/* SPDX-License-Identifier: ISC */
/*
 * log: lines for operators: level, time, process, text.
 *
 * Line format is nginx's error log: "YYYY/MM/DD HH:MM:SS [level] PID#TID: text\n", one
 * write(2) a line, at most LOG_LINE_MAX bytes; control bytes in the text are
 * shown as \xHH so that a peer cannot forge lines. Secrets never go in.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#define LOG_LINE_MAX 2048

/* syslog's order; a log of level L takes messages <= L. */
enum log_level {
	LOG_LEVEL_EMERG,
	LOG_LEVEL_ALERT,
	LOG_LEVEL_CRIT,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* One destination. Embedded in whoever owns it; fd is borrowed. */
struct log {
	int fd;                 /* -1 = nowhere */
	enum log_level level;   /* least important level that is written */
	const struct log *also; /* borrowed: one more place, with a level of its own; NULL = none */
};

/* "warn" -> LOG_LEVEL_WARN; -1 if unknown. */
int log_level_parse(const char *name, enum log_level *level);
const char *log_level_name(enum log_level level);

static inline bool
log_wants(const struct log *l, enum log_level level)
{
	for (; l; l = l->also) {
		if (l->fd >= 0 && level <= l->level)
			return true;
	}
	return false;
}

void log_msg(const struct log *l, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_vmsg(const struct log *l, enum log_level level, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

#endif
