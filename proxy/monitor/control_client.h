/* SPDX-License-Identifier: ISC */
/*
 * control_client: the other end of the control socket: one request, one answer.
 */
#ifndef PROXY_MONITOR_CONTROL_CLIENT_H
#define PROXY_MONITOR_CONTROL_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

/*
 * Send the request line ({"cmd":"reload"}) and wait for the answer, at most timeout_ms. The answer is in *answer
 * without its newline. ERR_UNAVAILABLE: nobody listens there.
 */
int control_call(const char *path, struct span request, int64_t timeout_ms, struct buf *answer,
    struct err *e) __attribute__((warn_unused_result));

#endif
