/* SPDX-License-Identifier: ISC */
/*
 * response_fields: what the configuration adds to a response's head: expires, add_header.
 */
#ifndef PROXY_HTTP_RESPONSE_FIELDS_H
#define PROXY_HTTP_RESPONSE_FIELDS_H

#include "proxy/http/request.h"

/*
 * request_send_head() does it; a handler before that, where fields of its own come behind. The second call does nothing.
 */
void response_fields_add(struct request *r);

#endif
