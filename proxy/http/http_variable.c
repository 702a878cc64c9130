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
	return ((struct request *)subject)->client->tls.facts ? SPAN("https") : SPAN("http");
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
	return r->client->tls.facts ? SPAN("h2") : SPAN("h2c");
}

/* HTTP/3 is not spoken. */
static struct span
get_http3(void *subject, struct span arg)
{
	return SPAN("");
}

/* ---- response ------------------------------------------------------------------------------------ */

/* Nothing is compressed here. */
static struct span
get_gzip_ratio(void *subject, struct span arg)
{
	return variable_none();
}

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

static const struct variable rows[] = {
	VARIABLE_SETTABLE("args", get_args, set_args),
	VARIABLE("body_bytes_sent", get_body_bytes_sent),
	VARIABLE("bytes_sent", get_bytes_sent),
	VARIABLE("connection_requests", get_connection_requests),
	VARIABLE("connection_time", get_connection_time),
	VARIABLE("content_length", variable_content_length),
	VARIABLE("content_type", variable_content_type),
	VARIABLE("document_root", get_document_root),
	VARIABLE("document_uri", get_uri),
	VARIABLE("gzip_ratio", get_gzip_ratio),
	VARIABLE("host", get_host),
	VARIABLE("http2", get_http2),
	VARIABLE("http3", get_http3),
	VARIABLE("https", variable_https),
	VARIABLE("is_args", get_is_args),
	VARIABLE_SETTABLE("limit_rate", get_limit_rate, set_limit_rate),
	VARIABLE("proxy_add_x_forwarded_for", variable_proxy_add_x_forwarded_for),
	VARIABLE("proxy_host", variable_proxy_host),
	VARIABLE("proxy_port", variable_proxy_port),
	VARIABLE("query_string", get_args),
	VARIABLE("remote_user", variable_remote_user),
	VARIABLE("request_body", variable_request_body),
	VARIABLE("request_body_file", variable_request_body_file),
	VARIABLE("request", get_request),
	VARIABLE("request_completion", get_request_completion),
	VARIABLE("request_filename", get_request_filename),
	VARIABLE("request_id", get_request_id),
	VARIABLE("request_length", get_request_length),
	VARIABLE("request_method", get_request_method),
	VARIABLE("request_time", get_request_time),
	VARIABLE("request_uri", get_request_uri),
	VARIABLE("scheme", get_scheme),
	VARIABLE("server_name", get_server_name),
	VARIABLE("server_protocol", get_server_protocol),
	VARIABLE("ssl_early_data", variable_ssl_early_data),
	VARIABLE("status", get_status),
	VARIABLE("upstream_addr", variable_upstream_addr),
	VARIABLE("upstream_bytes_received", variable_upstream_bytes_received),
	VARIABLE("upstream_bytes_sent", variable_upstream_bytes_sent),
	VARIABLE("upstream_cache_status", variable_upstream_cache_status),
	VARIABLE("upstream_connect_time", variable_upstream_connect_time),
	VARIABLE("upstream_header_time", variable_upstream_header_time),
	VARIABLE("upstream_response_length", variable_upstream_response_length),
	VARIABLE("upstream_response_time", variable_upstream_response_time),
	VARIABLE("upstream_status", variable_upstream_status),
	VARIABLE("uri", get_uri),
	VARIABLE_FAMILY("arg_", variable_arg),
	VARIABLE_FAMILY("cookie_", variable_cookie),
	VARIABLE_FAMILY("http_", variable_http),
	VARIABLE_FAMILY("sent_http_", variable_sent_http),
	VARIABLE_FAMILY("sent_trailer_", variable_sent_trailer),
	VARIABLE_FAMILY("upstream_cookie_", variable_upstream_cookie),
	VARIABLE_FAMILY("upstream_http_", variable_upstream_http),
	VARIABLE_FAMILY("upstream_trailer_", variable_upstream_trailer),
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
	.shared = &traffic_variables,
	.store = store_of,
	.unset = tell_unset,
};
