/* SPDX-License-Identifier: ISC */
/*
 * certificate_watch: notices by inotify(7) that certificate files may have changed, or that validation certificates came
 * or went.
 *
 * Watched are the directories a change shows in: the one each file is in, the one above (the store publishes by
 * exchanging live/NAME), and those that links lead to. What is noted is only that something happened to a path of interest;
 * whether anything is different, and sound, is for whoever looks then.
 */
#ifndef PROXY_MONITOR_CERTIFICATE_WATCH_H
#define PROXY_MONITOR_CERTIFICATE_WATCH_H

#include "proxy/config/snapshot.h"

/* A change is acted on once nothing has happened for so long. */
#define CERTIFICATE_QUIET_MS 1000

struct certificate_watch;

/* NULL with errno. */
struct certificate_watch *certificate_watch_new(void);
/* Takes NULL. */
void certificate_watch_free(struct certificate_watch *w);
/*
 * Watch what this configuration names, and nothing else; what was noted before stays noted. Returns how many
 * directories could not be watched, for want of inotify's own resources.
 */
size_t certificate_watch_set(struct certificate_watch *w, const struct snapshot *s);

/* To poll for reading; may be another after certificate_watch_set. */
int certificate_watch_fd(const struct certificate_watch *w);
/* Take in what the kernel has noticed. */
void certificate_watch_read(struct certificate_watch *w);
/* When certificates should be looked at (clock_mono_ms); 0 = no reason to. */
int64_t certificate_watch_due_ms(const struct certificate_watch *w);
/* They are being looked at: forget what was noted. */
void certificate_watch_forget(struct certificate_watch *w);
/* Has anything happened among the validation certificates since this was asked last? */
bool certificate_watch_take_validation(struct certificate_watch *w);

#endif
