/* SPDX-License-Identifier: ISC */
/*
 * rate_limit: limit_rate and limit_rate_after: how many bytes of a response may go out by now.
 *
 * As nginx counts: the first second's worth at once, then as time passes. Kept per request, for every wire version.
 */
#ifndef PROXY_HTTP_RATE_LIMIT_H
#define PROXY_HTTP_RATE_LIMIT_H

#include "proxy/http/request.h"

/*
 * Of n bytes to send, how many may go now. When it is not all of them, the handler's on_writable is called as soon as
 * more may.
 */
size_t rate_limit_allow(struct request *r, size_t n);
/* No more calls of on_writable: the response is whole, or cut. */
void rate_limit_stop(struct request *r);
/* From now on (set $limit_rate, X-Accel-Limit-Rate), instead of what the location says. 0 = none. */
void rate_limit_set(struct request *r, uint64_t bytes_per_second);
/* What holds: 0 = none. */
uint64_t rate_limit_get(struct request *r);

#endif
