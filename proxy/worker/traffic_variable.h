/* SPDX-License-Identifier: ISC */
/*
 * traffic_variable: the $variables that http and stream share. Subjects are struct traffic, which every request and
 * every stream session begins with; the tables http_variables (request.h) and stream_variables
 * (stream_session.h) hold traffic_variables besides their own.
 *
 * A getter's span has p == NULL when there is no value ("-" in a log, nothing elsewhere), and p != NULL with n == 0
 * when the value is there and empty: nginx keeps the two apart.
 */
#ifndef PROXY_WORKER_TRAFFIC_VARIABLE_H
#define PROXY_WORKER_TRAFFIC_VARIABLE_H

#include "proxy/config/template.h"
#include "proxy/worker/traffic.h"

/* What the compatibility line of -V says; configurations may test for it. */
#define NGINX_COMPATIBLE_VERSION "1.31.4"

/* The getters below, but for what only http has. */
extern const struct variable_table traffic_variables;

static inline struct span
variable_none(void)
{
	return span_of(NULL, 0);
}

/* "12.034" from 12034 */
struct span variable_seconds(struct arena *arena, int64_t ms);

/* traffic_variable.c: connection, time, process */
struct span variable_binary_remote_addr(void *subject, struct span arg);
struct span variable_connection(void *subject, struct span arg);
struct span variable_hostname(void *subject, struct span arg);
struct span variable_msec(void *subject, struct span arg);
struct span variable_nginx_version(void *subject, struct span arg);
struct span variable_pid(void *subject, struct span arg);
struct span variable_realip_remote_addr(void *subject, struct span arg);
struct span variable_realip_remote_port(void *subject, struct span arg);
struct span variable_remote_addr(void *subject, struct span arg);
struct span variable_remote_port(void *subject, struct span arg);
struct span variable_server_addr(void *subject, struct span arg);
struct span variable_server_port(void *subject, struct span arg);
struct span variable_time_iso8601(void *subject, struct span arg);
struct span variable_time_local(void *subject, struct span arg);

/* traffic_variable_tls.c */
struct span variable_https(void *subject, struct span arg);
struct span variable_ssl_alpn_protocol(void *subject, struct span arg);
struct span variable_ssl_cipher(void *subject, struct span arg);
struct span variable_ssl_ciphers(void *subject, struct span arg);
struct span variable_ssl_curve(void *subject, struct span arg);
struct span variable_ssl_curves(void *subject, struct span arg);
struct span variable_ssl_early_data(void *subject, struct span arg);
struct span variable_ssl_protocol(void *subject, struct span arg);
struct span variable_ssl_server_name(void *subject, struct span arg);
struct span variable_ssl_session_id(void *subject, struct span arg);
struct span variable_ssl_session_reused(void *subject, struct span arg);

/* traffic_variable_client.c */
struct span variable_ssl_client_cert(void *subject, struct span arg);
struct span variable_ssl_client_escaped_cert(void *subject, struct span arg);
struct span variable_ssl_client_fingerprint(void *subject, struct span arg);
struct span variable_ssl_client_i_dn(void *subject, struct span arg);
struct span variable_ssl_client_i_dn_legacy(void *subject, struct span arg);
struct span variable_ssl_client_raw_cert(void *subject, struct span arg);
struct span variable_ssl_client_s_dn(void *subject, struct span arg);
struct span variable_ssl_client_s_dn_legacy(void *subject, struct span arg);
struct span variable_ssl_client_serial(void *subject, struct span arg);
struct span variable_ssl_client_v_end(void *subject, struct span arg);
struct span variable_ssl_client_v_remain(void *subject, struct span arg);
struct span variable_ssl_client_v_start(void *subject, struct span arg);
struct span variable_ssl_client_verify(void *subject, struct span arg);

/* traffic_variable_proxied.c */
struct span variable_proxy_protocol_addr(void *subject, struct span arg);
struct span variable_proxy_protocol_port(void *subject, struct span arg);
struct span variable_proxy_protocol_server_addr(void *subject, struct span arg);
struct span variable_proxy_protocol_server_port(void *subject, struct span arg);
struct span variable_proxy_protocol_tlv(void *subject, struct span name);

#endif
