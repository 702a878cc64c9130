/* SPDX-License-Identifier: ISC */
/*
 * schedule: have acme-renew run by itself, every six hours at a moment that is this machine's own: a systemd timer, or a
 * line of cron where there is no systemd.
 *
 *	/etc/systemd/system/acme-renew.{service,timer}    or    /etc/cron.d/acme-renew
 */
#ifndef LIBACME_SCHEDULE_H
#define LIBACME_SCHEDULE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

struct schedule {
	const char *root; /* all paths are below it, and nothing is started ("" = this machine) */
	const char *program;    /* absolute path of acme-renew */
	const char *config_dir; /* the store, if it is not the usual one; or NULL */
};

/* What was done goes to out, a line each. Files that somebody else made are not touched (ERR_CANTCREATE). */
int schedule_install(const struct schedule *s, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));
int schedule_remove(const struct schedule *s, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));
/* *active: will it run? out says how, and when next, or why not. */
int schedule_status(const struct schedule *s, bool *active, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
