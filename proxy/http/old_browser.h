/* SPDX-License-Identifier: ISC */
/*
 * old_browser: clients whose kept connections do not work, by their User-Agent (keepalive_disable).
 */
#ifndef PROXY_HTTP_OLD_BROWSER_H
#define PROXY_HTTP_OLD_BROWSER_H

#include "proxy/http/request.h"

bool old_browser_keeps_badly(const struct request *r);

#endif
