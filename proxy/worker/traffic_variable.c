/* SPDX-License-Identifier: ISC */
/*
 * traffic_variable: $variables about the connection, the time and the process.
 */
#include "proxy/worker/traffic_variable.h"

#include "proxy/net/address.h"
#include "proxy/worker/worker_state.h"

#include <limits.h>
#include <unistd.h>

struct span
variable_seconds(struct arena *arena, int64_t ms)
{
	uint64_t v = ms < 0 ? 0 : (uint64_t)ms;
	char digits[] = { '.', (char)('0' + v / 100 % 10), (char)('0' + v / 10 % 10),
		(char)('0' + v % 10) };
	const struct span parts[] = { arena_decimal(arena, v / 1000),
		span_of(digits, sizeof(digits)) };

	return arena_concat(arena, parts, 2);
}

struct span
variable_remote_addr(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return address_host(traffic_remote(t), false, t->arena);
}

struct span
variable_binary_remote_addr(void *subject, struct span arg)
{
	return address_binary(traffic_remote(subject));
}

static struct span
port_text(struct traffic *t, const struct sockaddr *sa)
{
	unsigned port = address_port(sa);

	return port ? arena_decimal(t->arena, port) : SPAN("");
}

struct span
variable_remote_port(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return port_text(t, traffic_remote(t));
}

struct span
variable_realip_remote_addr(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return address_host(t->client->remote, false, t->arena);
}

struct span
variable_realip_remote_port(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return port_text(t, t->client->remote);
}

struct span
variable_server_addr(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return address_host(t->client->local, false, t->arena);
}

struct span
variable_server_port(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return port_text(t, t->client->local);
}

struct span
variable_connection(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return arena_decimal(t->arena, t->client->number);
}

static int64_t
wall_second(struct traffic *t)
{
	return loop_wall_ms(t->client->worker->loop) / 1000;
}

struct span
variable_time_local(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return arena_dup(t->arena, time_text_common(&t->client->worker->time_text, wall_second(t)));
}

struct span
variable_time_iso8601(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return arena_dup(t->arena,
	    time_text_iso8601(&t->client->worker->time_text, wall_second(t)));
}

struct span
variable_msec(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return variable_seconds(t->arena, loop_wall_ms(t->client->worker->loop));
}

struct span
variable_pid(void *subject, struct span arg)
{
	struct traffic *t = subject;

	return arena_decimal(t->arena, (uint64_t)t->client->worker->pid);
}

struct span
variable_hostname(void *subject, struct span arg)
{
	struct traffic *t = subject;
	char name[HOST_NAME_MAX + 1] = "";

	if (gethostname(name, sizeof(name) - 1) < 0)
		return variable_none();
	for (char *p = name; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p |= 0x20;
	}
	return arena_dup(t->arena, span_str(name));
}

struct span
variable_nginx_version(void *subject, struct span arg)
{
	return SPAN(NGINX_COMPATIBLE_VERSION);
}

static const struct variable rows[] = {
	VARIABLE("binary_remote_addr", variable_binary_remote_addr),
	VARIABLE("connection", variable_connection),
	VARIABLE("hostname", variable_hostname),
	VARIABLE("msec", variable_msec),
	VARIABLE("nginx_version", variable_nginx_version),
	VARIABLE("pid", variable_pid),
	VARIABLE("proxy_protocol_addr", variable_proxy_protocol_addr),
	VARIABLE("proxy_protocol_port", variable_proxy_protocol_port),
	VARIABLE("proxy_protocol_server_addr", variable_proxy_protocol_server_addr),
	VARIABLE("proxy_protocol_server_port", variable_proxy_protocol_server_port),
	VARIABLE("realip_remote_addr", variable_realip_remote_addr),
	VARIABLE("realip_remote_port", variable_realip_remote_port),
	VARIABLE("remote_addr", variable_remote_addr),
	VARIABLE("remote_port", variable_remote_port),
	VARIABLE("server_addr", variable_server_addr),
	VARIABLE("server_port", variable_server_port),
	VARIABLE("ssl_alpn_protocol", variable_ssl_alpn_protocol),
	VARIABLE("ssl_cipher", variable_ssl_cipher),
	VARIABLE("ssl_ciphers", variable_ssl_ciphers),
	VARIABLE("ssl_client_cert", variable_ssl_client_cert),
	VARIABLE("ssl_client_escaped_cert", variable_ssl_client_escaped_cert),
	VARIABLE("ssl_client_fingerprint", variable_ssl_client_fingerprint),
	VARIABLE("ssl_client_i_dn", variable_ssl_client_i_dn),
	VARIABLE("ssl_client_i_dn_legacy", variable_ssl_client_i_dn_legacy),
	VARIABLE("ssl_client_raw_cert", variable_ssl_client_raw_cert),
	VARIABLE("ssl_client_s_dn", variable_ssl_client_s_dn),
	VARIABLE("ssl_client_s_dn_legacy", variable_ssl_client_s_dn_legacy),
	VARIABLE("ssl_client_serial", variable_ssl_client_serial),
	VARIABLE("ssl_client_v_end", variable_ssl_client_v_end),
	VARIABLE("ssl_client_v_remain", variable_ssl_client_v_remain),
	VARIABLE("ssl_client_v_start", variable_ssl_client_v_start),
	VARIABLE("ssl_client_verify", variable_ssl_client_verify),
	VARIABLE("ssl_curve", variable_ssl_curve),
	VARIABLE("ssl_curves", variable_ssl_curves),
	VARIABLE("ssl_protocol", variable_ssl_protocol),
	VARIABLE("ssl_server_name", variable_ssl_server_name),
	VARIABLE("ssl_session_id", variable_ssl_session_id),
	VARIABLE("ssl_session_reused", variable_ssl_session_reused),
	VARIABLE("time_iso8601", variable_time_iso8601),
	VARIABLE("time_local", variable_time_local),
	VARIABLE_FAMILY("proxy_protocol_tlv_", variable_proxy_protocol_tlv),
};

const struct variable_table traffic_variables = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
};
