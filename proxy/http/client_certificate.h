/* SPDX-License-Identifier: ISC */
/*
 * client_certificate: may this request be served to whoever its connection's certificate says is there?
 */
#ifndef PROXY_HTTP_CLIENT_CERTIFICATE_H
#define PROXY_HTTP_CLIENT_CERTIFICATE_H

#include "proxy/http/request.h"

/*
 * 0, or the status to refuse it with, logged: 497 it came without TLS where TLS is spoken, 495 the certificate is not good, 496 there is none, 421 the connection was
 * made for another host than this one, whose clients must show certificates (RFC 9110, 15.5.20).
 */
unsigned client_certificate_check(struct request *r);

#endif
