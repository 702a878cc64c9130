/* SPDX-License-Identifier: ISC */
/*
 * sandbox_files: the part of the sandbox that is about files (Landlock).
 */
#ifndef PROXY_WORKER_SANDBOX_FILES_H
#define PROXY_WORKER_SANDBOX_FILES_H

#include "base/err.h"
#include "base/log.h"
#include "proxy/config/snapshot.h"

int sandbox_files_enter(const struct snapshot *s, const struct log *log, struct err *e)
    __attribute__((warn_unused_result));

#endif
