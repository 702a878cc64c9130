/* SPDX-License-Identifier: ISC */
/*
 * upstream_rewrite: proxy_redirect, proxy_cookie_domain, proxy_cookie_path and proxy_cookie_flags at work.
 */
#ifndef PROXY_UPSTREAM_UPSTREAM_REWRITE_H
#define PROXY_UPSTREAM_UPSTREAM_REWRITE_H

#include "proxy/http/request.h"

/* The field's value for the client: its own (same pointer) when nothing applies. */
struct span upstream_rewrite_field(struct request *r, const struct header *h);

#endif
