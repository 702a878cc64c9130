/* SPDX-License-Identifier: ISC */
/*
 * sandbox_files: the part of the sandbox that is about files (Landlock).
 */
#ifndef PROXY_WORKER_SANDBOX_FILES_H
#define PROXY_WORKER_SANDBOX_FILES_H

#include "base/err.h"
#include "base/log.h"
#include "proxy/config/snapshot.h"

/* The leak check traces its own process and reads /proc; other sanitizers' reports use calls of their own. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

int sandbox_files_enter(const struct snapshot *s, const struct log *log, struct err *e)
    __attribute__((warn_unused_result));

#endif
