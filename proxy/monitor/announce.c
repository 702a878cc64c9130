/* SPDX-License-Identifier: ISC */
/*
 * announce: the same sentence for log and terminal.
 */
#include "proxy/monitor/announce.h"

#include "base/mem.h"
#include "proxy/config/syntax.h"

#include <stdio.h>

static void
tell(const struct announcer *a, enum log_level level, const char *text, const char *hint)
{
	log_msg(&a->log, level, "%s%s%s%s", text, hint ? " (" : "", hint ? hint : "",
	    hint ? ")" : "");
	if (!a->terminal || level > (a->notes ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARN))
		return;
	fprintf(stderr, "tinyproxyd: [%s] %s\n", log_level_name(level), text);
	if (hint)
		fprintf(stderr, "            %s\n", hint);
}

void
announce(const struct announcer *a, enum log_level level, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	tell(a, level, text, NULL);
	free(text);
}

void
announce_err(const struct announcer *a, enum log_level level, const struct err *e)
{
	tell(a, level, err_text(e), e->hint);
}

static enum log_level
level_of(const struct diagnostic *d)
{
	switch (d->level) {
	case DIAG_NOTE:
		return LOG_LEVEL_NOTICE;
	case DIAG_WARN:
		return LOG_LEVEL_WARN;
	case DIAG_EMERG:
		break;
	}
	return LOG_LEVEL_EMERG;
}

void
announce_diagnostics(const struct announcer *a, const struct diagnostics *d)
{
	for (const struct diagnostic *one = d->first; one; one = one->next) {
		char *text = mem_dup_span(diagnostic_format(one, d->arena));
		char *hint = one->hint.n ? mem_dup_span(one->hint) : NULL;

		tell(a, level_of(one), text, hint);
		free(hint);
		free(text);
	}
}

void
announce_certificates(const struct announcer *a, const struct certificate_report *report)
{
	for (const struct certificate_problem *p = report->first; p; p = p->next) {
		const struct config_file *file = p->ref->file;

		announce(a, p->outcome == CERTIFICATE_SERVED ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR,
		    SPAN_FMT " in " SPAN_FMT ":%u", SPAN_ARG(p->text),
		    SPAN_ARG(file ? file->path : SPAN("command line")), p->ref->line);
	}
}
