/* SPDX-License-Identifier: ISC */
/*
 * http_variable: the table of $variables, and those about the request, the connection and the time.
 *
 * Adding one is a row and a function. A row goes in when its value is honoured; names of features to come stay out,
 * so that a configuration that needs them is refused by name.
 */
#include "proxy/http/http_variable.h"

#include "base/buf.h"
#include "base/encode.h"
#include "proxy/config/value.h"
#include "proxy/http/file_path.h"
#include "proxy/http/rate_limit.h"
#include "proxy/net/address.h"
#include "proxy/worker/worker_state.h"

#include <openssl/rand.h>

#include <limits.h>
#include <unistd.h>

#define ID_BYTES 16

/* ---- request ---------------------------------------------------------------------------------- */

static struct span
get_args(void *subject, struct span arg)
{
	struct request *r = subject;

	return r->args.n > 0 ? r->args : variable_none();
}

static void
set_args(void *subject, struct span value)
{
	struct request *r = subject;

	r->args = value;
	r->uri_changed = true;
}

static struct span
get_is_args(void *subject, struct span arg)
{
	struct request *r = subject;

	return r->args.n > 0 ? SPAN("?") : SPAN("");
}

static struct span
get_request(void *subject, struct span arg)
{
	return ((struct request *)subject)->request_line;
}

static struct span
get_request_method(void *subject, struct span arg)
{
	return ((struct request *)subject)->method;
}

/* The target without scheme and host, as sent. */
static struct span
get_request_uri(void *subject, struct span arg)
{
	return ((struct request *)subject)->path_query;
}

static struct span
get_uri(void *subject, struct span arg)
{
	return ((struct request *)subject)->uri;
}

static struct span
get_server_protocol(void *subject, struct span arg)
{
	struct request *r = subject;

	if (r->http_major == 2)
		return SPAN("HTTP/2.0");
	return r->http_minor == 0 ? SPAN("HTTP/1.0") : SPAN("HTTP/1.1");
}

static struct span
get_request_length(void *subject, struct span arg)
{
	struct request *r = subject;

	return arena_decimal(r->arena, r->head_bytes + r->body_received);
}

static struct span
get_request_id(void *subject, struct span arg)
{
	struct request *r = subject;
	unsigned char bytes[ID_BYTES];
	struct buf text;

	if (r->id.n > 0)
		return r->id;
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return variable_none();
	buf_init(&text, 2 * ID_BYTES + 1);
	if (encode_hex(&text, span_of(bytes, sizeof(bytes))) == 0)
		r->id = arena_dup(r->arena, buf_span(&text));
	buf_release(&text);
	return r->id;
}

static struct span
get_request_completion(void *subject, struct span arg)
{
	return ((struct request *)subject)->complete ? SPAN("OK") : SPAN("");
}

static struct span
get_request_time(void *subject, struct span arg)
{
	struct request *r = subject;

	return variable_seconds(r->arena, loop_now_ms(r->client->worker->loop) - r->started_ms);
}

/* ---- host and file ------------------------------------------------------------------------------ */

static struct span
get_server_name(void *subject, struct span arg)
{
	const struct server *server = ((struct request *)subject)->server;

	return server && server->name_count > 0 ? server_first_name(server) : SPAN("");
}

static struct span
get_host(void *subject, struct span arg)
{
	struct request *r = subject;

	return r->host.n > 0 ? r->host : get_server_name(subject, arg);
}

static struct span
get_document_root(void *subject, struct span arg)
{
	struct request *r = subject;

	return r->location ? file_path_root(r) : variable_none();
}

static struct span
get_request_filename(void *subject, struct span arg)
{
	struct request *r = subject;

	return r->location ? file_path_map(r) : variable_none();
}

/* ---- connection ---------------------------------------------------------------------------------- */

static struct span
get_limit_rate(void *subject, struct span arg)
{
	struct request *r = subject;

	return arena_decimal(r->arena, rate_limit_get(r));
}

static void
set_limit_rate(void *subject, struct span value)
{
	struct request *r = subject;
	uint64_t rate;

	if (value_parse_size(value, INT64_MAX, &rate) == 0)
		rate_limit_set(r, rate);
	else
		request_log(r, LOG_LEVEL_ERROR, "invalid $limit_rate \"" SPAN_FMT "\"",
		    SPAN_ARG(value));
}

static struct span
get_scheme(void *subject, struct span arg)
{
	return ((struct request *)subject)->client->ssl ? SPAN("https") : SPAN("http");
}

static struct span
get_connection_requests(void *subject, struct span arg)
{
	struct request *r = subject;

	return arena_decimal(r->arena, r->client->requests);
}

static struct span
get_connection_time(void *subject, struct span arg)
{
	struct request *r = subject;

	return variable_seconds(r->arena,
	    loop_now_ms(r->client->worker->loop) - r->client->started_ms);
}

static struct span
get_http2(void *subject, struct span arg)
{
	const struct request *r = subject;

	if (r->http_major != 2)
		return SPAN("");
	return r->client->ssl ? SPAN("h2") : SPAN("h2c");
}

/* ---- response ------------------------------------------------------------------------------------ */

static struct span
get_status(void *subject, struct span arg)
{
	struct request *r = subject;

	unsigned status = r->response.override ? r->response.override : r->response.status;

	return status ? arena_decimal(r->arena, status) : SPAN("000");
}

static struct span
get_body_bytes_sent(void *subject, struct span arg)
{
	struct request *r = subject;

	return arena_decimal(r->arena, r->response.body_bytes);
}

static struct span
get_bytes_sent(void *subject, struct span arg)
{
	struct request *r = subject;

	return arena_decimal(r->arena, r->response.wire_bytes);
}

/* ---- the table ------------------------------------------------------------------------------------ */

#define ROW(name_, get_)                                \
	{                                               \
		.name = SPAN_INIT(name_), .get = (get_) \
	}
#define SETTABLE(name_, get_, set_)                                    \
	{                                                              \
		.name = SPAN_INIT(name_), .get = (get_), .set = (set_) \
	}
#define FAMILY(name_, get_)                                             \
	{                                                               \
		.name = SPAN_INIT(name_), .prefix = true, .get = (get_) \
	}

static const struct variable rows[] = {
	SETTABLE("args", get_args, set_args),
	ROW("binary_remote_addr", variable_binary_remote_addr),
	ROW("body_bytes_sent", get_body_bytes_sent),
	ROW("bytes_sent", get_bytes_sent),
	ROW("connection", variable_connection),
	ROW("connection_requests", get_connection_requests),
	ROW("connection_time", get_connection_time),
	ROW("content_length", variable_content_length),
	ROW("content_type", variable_content_type),
	ROW("document_root", get_document_root),
	ROW("document_uri", get_uri),
	ROW("host", get_host),
	ROW("hostname", variable_hostname),
	ROW("http2", get_http2),
	ROW("https", variable_https),
	ROW("is_args", get_is_args),
	SETTABLE("limit_rate", get_limit_rate, set_limit_rate),
	ROW("msec", variable_msec),
	ROW("nginx_version", variable_nginx_version),
	ROW("pid", variable_pid),
	ROW("proxy_add_x_forwarded_for", variable_proxy_add_x_forwarded_for),
	ROW("proxy_host", variable_proxy_host),
	ROW("proxy_port", variable_proxy_port),
	ROW("proxy_protocol_addr", variable_proxy_protocol_addr),
	ROW("proxy_protocol_port", variable_proxy_protocol_port),
	ROW("proxy_protocol_server_addr", variable_proxy_protocol_server_addr),
	ROW("proxy_protocol_server_port", variable_proxy_protocol_server_port),
	ROW("query_string", get_args),
	ROW("realip_remote_addr", variable_realip_remote_addr),
	ROW("realip_remote_port", variable_realip_remote_port),
	ROW("remote_addr", variable_remote_addr),
	ROW("remote_port", variable_remote_port),
	ROW("remote_user", variable_remote_user),
	ROW("request_body", variable_request_body),
	ROW("request_body_file", variable_request_body_file),
	ROW("request", get_request),
	ROW("request_completion", get_request_completion),
	ROW("request_filename", get_request_filename),
	ROW("request_id", get_request_id),
	ROW("request_length", get_request_length),
	ROW("request_method", get_request_method),
	ROW("request_time", get_request_time),
	ROW("request_uri", get_request_uri),
	ROW("scheme", get_scheme),
	ROW("server_addr", variable_server_addr),
	ROW("server_name", get_server_name),
	ROW("server_port", variable_server_port),
	ROW("server_protocol", get_server_protocol),
	ROW("ssl_alpn_protocol", variable_ssl_alpn_protocol),
	ROW("ssl_cipher", variable_ssl_cipher),
	ROW("ssl_ciphers", variable_ssl_ciphers),
	ROW("ssl_client_cert", variable_ssl_client_cert),
	ROW("ssl_client_escaped_cert", variable_ssl_client_escaped_cert),
	ROW("ssl_client_fingerprint", variable_ssl_client_fingerprint),
	ROW("ssl_client_i_dn", variable_ssl_client_i_dn),
	ROW("ssl_client_i_dn_legacy", variable_ssl_client_i_dn_legacy),
	ROW("ssl_client_raw_cert", variable_ssl_client_raw_cert),
	ROW("ssl_client_s_dn", variable_ssl_client_s_dn),
	ROW("ssl_client_s_dn_legacy", variable_ssl_client_s_dn_legacy),
	ROW("ssl_client_serial", variable_ssl_client_serial),
	ROW("ssl_client_v_end", variable_ssl_client_v_end),
	ROW("ssl_client_v_remain", variable_ssl_client_v_remain),
	ROW("ssl_client_v_start", variable_ssl_client_v_start),
	ROW("ssl_client_verify", variable_ssl_client_verify),
	ROW("ssl_curve", variable_ssl_curve),
	ROW("ssl_curves", variable_ssl_curves),
	ROW("ssl_early_data", variable_ssl_early_data),
	ROW("ssl_protocol", variable_ssl_protocol),
	ROW("ssl_server_name", variable_ssl_server_name),
	ROW("ssl_session_id", variable_ssl_session_id),
	ROW("ssl_session_reused", variable_ssl_session_reused),
	ROW("status", get_status),
	ROW("time_iso8601", variable_time_iso8601),
	ROW("time_local", variable_time_local),
	ROW("upstream_addr", variable_upstream_addr),
	ROW("upstream_bytes_received", variable_upstream_bytes_received),
	ROW("upstream_bytes_sent", variable_upstream_bytes_sent),
	ROW("upstream_cache_status", variable_upstream_cache_status),
	ROW("upstream_connect_time", variable_upstream_connect_time),
	ROW("upstream_header_time", variable_upstream_header_time),
	ROW("upstream_response_length", variable_upstream_response_length),
	ROW("upstream_response_time", variable_upstream_response_time),
	ROW("upstream_status", variable_upstream_status),
	ROW("uri", get_uri),
	FAMILY("arg_", variable_arg),
	FAMILY("cookie_", variable_cookie),
	FAMILY("http_", variable_http),
	FAMILY("proxy_protocol_tlv_", variable_proxy_protocol_tlv),
	FAMILY("sent_http_", variable_sent_http),
	FAMILY("sent_trailer_", variable_sent_trailer),
	FAMILY("upstream_cookie_", variable_upstream_cookie),
	FAMILY("upstream_http_", variable_upstream_http),
	FAMILY("upstream_trailer_", variable_upstream_trailer),
};

static struct variable_store *
store_of(void *subject)
{
	return &((struct request *)subject)->variables;
}

static void
tell_unset(void *subject, struct span name)
{
	request_log(subject, LOG_LEVEL_WARN, "using uninitialized \"" SPAN_FMT "\" variable",
	    SPAN_ARG(name));
}

const struct variable_table http_variables = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.store = store_of,
	.unset = tell_unset,
};
