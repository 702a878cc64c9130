/* SPDX-License-Identifier: ISC */
/*
 * try_files: the first of a list of files that is there becomes the request's path; none: the last word decides.
 */
#ifndef PROXY_HTTP_TRY_FILES_H
#define PROXY_HTTP_TRY_FILES_H

#include "proxy/http/request.h"

/* true: it is answered, or goes on elsewhere. false: r->uri is a file that is there. */
bool try_files_run(struct request *r);

#endif
