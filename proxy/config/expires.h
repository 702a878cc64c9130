/* SPDX-License-Identifier: ISC */
/*
 * expires: what "expires" takes, at load and, when it holds variables, for each response.
 */
#ifndef PROXY_CONFIG_EXPIRES_H
#define PROXY_CONFIG_EXPIRES_H

#include "proxy/config/snapshot.h"

/*
 * "epoch", "max", "off", "@18h30m", "24h", "-1". modified: the word "modified" stood before, which
 * goes with plain times only. NULL, or what is wrong in nginx's words; *out is then untouched.
 */
const char *expires_parse(struct span value, bool modified, struct expires *out);

#endif
