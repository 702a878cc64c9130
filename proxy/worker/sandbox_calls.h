/* SPDX-License-Identifier: ISC */
/*
 * sandbox_calls: the part of the sandbox that is about system calls (seccomp).
 */
#ifndef PROXY_WORKER_SANDBOX_CALLS_H
#define PROXY_WORKER_SANDBOX_CALLS_H

#include "base/err.h"
#include "base/log.h"

int sandbox_calls_enter(const struct log *log, struct err *e) __attribute__((warn_unused_result));

#endif
