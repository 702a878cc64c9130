/* SPDX-License-Identifier: ISC */
/*
 * internal_redirect: answer with another path or named location of the same server, as if it had been asked for.
 *
 * Called before the head is sent; the caller's handler is released. After ten changes of a request's path, rewrites
 * included, it fails with 500.
 */
#ifndef PROXY_HTTP_INTERNAL_REDIRECT_H
#define PROXY_HTTP_INTERNAL_REDIRECT_H

#include "proxy/http/request.h"

/* uri: decoded, in the request's arena. The server's rewriting and its locations begin anew. */
void internal_redirect(struct request *r, struct span uri, struct span args);
/* name: "@x". The path stays. */
void internal_redirect_named(struct request *r, struct span name);
/* What error_page and try_files name: "/path?args" or "@x". */
void internal_redirect_to(struct request *r, struct span target);
/*
 * What an upstream names (X-Accel-Redirect): "@x", or "/path%20x?args", still to be decoded; then a request with a method
 * other than HEAD becomes a GET. One that is no path of ours is answered with 404.
 */
void internal_redirect_target(struct request *r, struct span target);
/* One more change of the path. false: that was one too many, and it is answered; doing: for the log. */
bool internal_redirect_count(struct request *r, const char *doing, struct span uri);
/* No more of them are left. */
bool internal_redirect_exhausted(const struct request *r);

#endif
