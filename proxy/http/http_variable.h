/* SPDX-License-Identifier: ISC */
/*
 * http_variable: what the files of the $variables share. The table itself is http_variables (request.h).
 */
#ifndef PROXY_HTTP_HTTP_VARIABLE_H
#define PROXY_HTTP_HTTP_VARIABLE_H

#include "proxy/http/request.h"
#include "proxy/worker/traffic_variable.h"

/* http_variable_field.c: header fields, arguments, cookies */
struct span variable_http(void *subject, struct span name);
struct span variable_sent_http(void *subject, struct span name);
struct span variable_sent_trailer(void *subject, struct span name);
struct span variable_arg(void *subject, struct span name);
struct span variable_cookie(void *subject, struct span name);
struct span variable_content_length(void *subject, struct span arg);
struct span variable_content_type(void *subject, struct span arg);
struct span variable_request_body(void *subject, struct span arg);
struct span variable_request_body_file(void *subject, struct span arg);
struct span variable_remote_user(void *subject, struct span arg);
struct span variable_proxy_add_x_forwarded_for(void *subject, struct span arg);

/* http_variable_upstream.c */
struct span variable_proxy_host(void *subject, struct span arg);
struct span variable_proxy_port(void *subject, struct span arg);
struct span variable_upstream_addr(void *subject, struct span arg);
struct span variable_upstream_bytes_received(void *subject, struct span arg);
struct span variable_upstream_bytes_sent(void *subject, struct span arg);
struct span variable_upstream_cache_status(void *subject, struct span arg);
struct span variable_upstream_http(void *subject, struct span name);
struct span variable_upstream_cookie(void *subject, struct span name);
struct span variable_upstream_trailer(void *subject, struct span name);
struct span variable_upstream_connect_time(void *subject, struct span arg);
struct span variable_upstream_header_time(void *subject, struct span arg);
struct span variable_upstream_response_length(void *subject, struct span arg);
struct span variable_upstream_response_time(void *subject, struct span arg);
struct span variable_upstream_status(void *subject, struct span arg);

#endif
