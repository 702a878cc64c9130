/* SPDX-License-Identifier: ISC */
/*
 * error_redirect: what error_page says in place of the built-in page.
 */
#ifndef PROXY_HTTP_ERROR_REDIRECT_H
#define PROXY_HTTP_ERROR_REDIRECT_H

#include "proxy/http/request.h"

/*
 * true: the error page answers. An error of that one has the built-in page, unless recursive_error_pages is on.
 * Called before the head is sent.
 */
bool error_redirect(struct request *r, unsigned status);

#endif
