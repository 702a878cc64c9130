/* SPDX-License-Identifier: ISC */
/*
 * announce: what the monitor has to say, to the error log and, while somebody is at the terminal, to stderr.
 *
 * On stderr in nginx's form: "tinyproxyd: [emerg] text", hints indented under it.
 */
#ifndef PROXY_MONITOR_ANNOUNCE_H
#define PROXY_MONITOR_ANNOUNCE_H

#include "base/err.h"
#include "base/log.h"
#include "proxy/config/diagnostic.h"
#include "proxy/monitor/certificate_pack.h"

struct announcer {
	struct log log;
	bool notes; /* the terminal hears notices too */
	/* Warnings and worse go to stderr as well; false once started, and when log is stderr. */
	bool terminal;
};

void announce(const struct announcer *a, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Text and hint of e. */
void announce_err(const struct announcer *a, enum log_level level, const struct err *e);
void announce_diagnostics(const struct announcer *a, const struct diagnostics *d);
void announce_certificates(const struct announcer *a, const struct certificate_report *report);

#endif
