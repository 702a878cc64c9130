/* SPDX-License-Identifier: ISC */
/*
 * privileges: which user workers run as, and how they become it.
 */
#ifndef PROXY_MONITOR_PRIVILEGES_H
#define PROXY_MONITOR_PRIVILEGES_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <sys/types.h>

struct privileges {
	bool drop; /* false: the monitor is not root, workers stay what it is */
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary; owned */
	int group_count;
};

/*
 * Looks both names up. No group, or one named like the user (nginx's default) that does not exist, is the user's own. When this process
 * is not root nothing is looked up and drop is false.
 */
int privileges_find(struct privileges *p, struct span user, struct span group, struct err *e)
    __attribute__((warn_unused_result));
void privileges_release(struct privileges *p);
bool privileges_equal(const struct privileges *a, const struct privileges *b);

/* Become that user for good; the capability bounding set goes as well. Verified: what could be taken back is an error. */
int privileges_drop(const struct privileges *p, struct err *e) __attribute__((warn_unused_result));

#endif
