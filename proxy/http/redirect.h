/* SPDX-License-Identifier: ISC */
/*
 * redirect: answers whose point is a Location.
 */
#ifndef PROXY_HTTP_REDIRECT_H
#define PROXY_HTTP_REDIRECT_H

#include "proxy/http/request.h"

/*
 * What goes into Location: a target that begins with "/" gets scheme, host and (unless it is the scheme's own) port
 * in front, as absolute_redirect, server_name_in_redirect and port_in_redirect say; bytes that would end the field are
 * percent-encoded, so that a decoded $uri cannot add fields.
 */
struct span redirect_location(const struct request *r, struct span target);
/* Send status (301, 302, 303, 307, 308) with the built-in page. */
void redirect_send(struct request *r, unsigned status, struct span target);

#endif
