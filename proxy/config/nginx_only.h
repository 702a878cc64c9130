/* SPDX-License-Identifier: ISC */
/*
 * nginx_only: directives that nginx has and tinyproxyd refuses, and what somebody who brings one can do.
 */
#ifndef PROXY_CONFIG_NGINX_ONLY_H
#define PROXY_CONFIG_NGINX_ONLY_H

#include "base/span.h"

/* A hint for the error message, static text; NULL: not a name of nginx's that is known here. */
const char *nginx_only_hint(struct span name);

#endif
