/* SPDX-License-Identifier: ISC */
/*
 * http_variable: what the files of the $variables share. The table itself is http_variables (request.h).
 *
 * A getter's span has p == NULL when there is no value ("-" in a log, nothing elsewhere), and p != NULL with n == 0
 * when the value is there and empty: nginx keeps the two apart.
 */
#ifndef PROXY_HTTP_HTTP_VARIABLE_H
#define PROXY_HTTP_HTTP_VARIABLE_H

#include "proxy/http/request.h"

/* What the compatibility line of -V says; configurations may test for it. */
#define NGINX_COMPATIBLE_VERSION "1.31.4"

static inline struct span
variable_none(void)
{
	return span_of(NULL, 0);
}

/* "12.034" from 12034 */
struct span variable_seconds(struct arena *arena, int64_t ms);

/* http_variable_field.c: header fields, arguments, cookies */
struct span variable_http(void *subject, struct span name);
struct span variable_sent_http(void *subject, struct span name);
struct span variable_sent_trailer(void *subject, struct span name);
struct span variable_arg(void *subject, struct span name);
struct span variable_cookie(void *subject, struct span name);
struct span variable_content_length(void *subject, struct span arg);
struct span variable_content_type(void *subject, struct span arg);
struct span variable_remote_user(void *subject, struct span arg);
struct span variable_proxy_add_x_forwarded_for(void *subject, struct span arg);

/* http_variable_tls.c */
struct span variable_https(void *subject, struct span arg);
struct span variable_ssl_alpn_protocol(void *subject, struct span arg);
struct span variable_ssl_cipher(void *subject, struct span arg);
struct span variable_ssl_ciphers(void *subject, struct span arg);
struct span variable_ssl_curve(void *subject, struct span arg);
struct span variable_ssl_curves(void *subject, struct span arg);
struct span variable_ssl_protocol(void *subject, struct span arg);
struct span variable_ssl_server_name(void *subject, struct span arg);
struct span variable_ssl_session_id(void *subject, struct span arg);
struct span variable_ssl_session_reused(void *subject, struct span arg);

/* http_variable_proxied.c */
struct span variable_proxy_protocol_addr(void *subject, struct span arg);
struct span variable_proxy_protocol_port(void *subject, struct span arg);
struct span variable_proxy_protocol_server_addr(void *subject, struct span arg);
struct span variable_proxy_protocol_server_port(void *subject, struct span arg);
struct span variable_proxy_protocol_tlv(void *subject, struct span name);

/* http_variable_upstream.c */
struct span variable_proxy_host(void *subject, struct span arg);
struct span variable_proxy_port(void *subject, struct span arg);
struct span variable_upstream_addr(void *subject, struct span arg);
struct span variable_upstream_bytes_received(void *subject, struct span arg);
struct span variable_upstream_bytes_sent(void *subject, struct span arg);
struct span variable_upstream_cache_status(void *subject, struct span arg);
struct span variable_upstream_connect_time(void *subject, struct span arg);
struct span variable_upstream_header_time(void *subject, struct span arg);
struct span variable_upstream_response_length(void *subject, struct span arg);
struct span variable_upstream_response_time(void *subject, struct span arg);
struct span variable_upstream_status(void *subject, struct span arg);

#endif
