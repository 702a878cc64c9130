/* SPDX-License-Identifier: ISC */
/*
 * real_ip: the client's address as a trusted proxy in front of us reports it.
 */
#ifndef PROXY_HTTP_REAL_IP_H
#define PROXY_HTTP_REAL_IP_H

#include "proxy/http/request.h"

/*
 * By the settings that hold now: r->remote, unless it was found already. Called once the server is known, and again
 * with the location.
 */
void real_ip_find(struct request *r);

#endif
