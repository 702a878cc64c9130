/* SPDX-License-Identifier: ISC */
/*
 * named_log: an access log whose name holds variables: opened, written and closed for each line.
 *
 * The worker's user must be able to create files in the directory, and as in nginx the document root of the request
 * must be there, so that made-up host names make no files.
 */
#ifndef PROXY_HTTP_NAMED_LOG_H
#define PROXY_HTTP_NAMED_LOG_H

#include "proxy/http/request.h"

void named_log_write(const struct access_log *log, struct request *r, struct span line);

#endif
