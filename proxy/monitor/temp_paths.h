/* SPDX-License-Identifier: ISC */
/*
 * temp_paths: the directories that workers may make files in: made by the monitor, owned by the workers' user.
 */
#ifndef PROXY_MONITOR_TEMP_PATHS_H
#define PROXY_MONITOR_TEMP_PATHS_H

#include "proxy/config/snapshot.h"

/*
 * Make those the snapshot uses, or take them over. What fails is a diagnostic: an error, or a warning for a default
 * that nobody chose (then only bodies that do not fit into memory fail).
 */
void temp_paths_make(const struct snapshot *s, struct diagnostics *diags);

#endif
