/* SPDX-License-Identifier: ISC */
/* tls_reason: what went wrong in TLS, in words an operator can act on; static text. */
#ifndef PROXY_TLS_TLS_REASON_H
#define PROXY_TLS_TLS_REASON_H

/* Of an entry of OpenSSL's error queue. */
const char *tls_reason_of(unsigned long code);
/* Of an alert that the peer sent (RFC 8446, 6.2). */
const char *tls_reason_of_alert(unsigned description);

#endif
