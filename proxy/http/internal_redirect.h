/* SPDX-License-Identifier: ISC */
/*
 * internal_redirect: answer with another path of the same server, as if it had been asked for.
 */
#ifndef PROXY_HTTP_INTERNAL_REDIRECT_H
#define PROXY_HTTP_INTERNAL_REDIRECT_H

#include "proxy/http/request.h"

/*
 * Find the location of uri (decoded, normalized, in the request's arena) and hand over to its handler. Called before
 * the head is sent; the caller's handler is released. After ten of them the request fails with 500.
 */
void internal_redirect(struct request *r, struct span uri);
/*
 * The same to a target as an upstream names it (X-Accel-Redirect): "/path%20x?args", still to be decoded. A request
 * with a method other than HEAD becomes a GET. One that is no path of ours is answered with 404.
 */
void internal_redirect_target(struct request *r, struct span target);

#endif
