/* SPDX-License-Identifier: ISC */
/*
 * directive_http: the http block, and what it and the blocks inside it say about requests and
 * connections.
 */
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

void
server_settings_init(struct loader *l, struct server_settings *s)
{
	*s = (struct server_settings){
		.tls = {
			.protocols = TLS_PROTO_1_2 | TLS_PROTO_1_3,
			.ciphers = SPAN("HIGH:!aNULL:!MD5"),
			.buffer_size = 16384,
			.watch = true,
			.session_timeout_ms = 5 * 60 * 1000,
			.tickets = true,
			.verify_depth = 1,
		},
		.client_header_timeout_ms = 60 * 1000,
		.client_header_buffer_size = 1024,
		.large_header_buffer_count = 4,
		.large_header_buffer_size = 8192,
		.max_headers = 1000,
		.merge_slashes = true,
		.ignore_invalid_headers = true,
		.http2_max_concurrent_streams = 128,
		.http2_body_preread_size = 65536,
	};
}

void
location_settings_init(struct loader *l, struct location_settings *s)
{
	/* Sorted by extension. */
	static const struct mime_type types[] = {
		{ SPAN_INIT("gif"), SPAN_INIT("image/gif") },
		{ SPAN_INIT("html"), SPAN_INIT("text/html") },
		{ SPAN_INIT("jpg"), SPAN_INIT("image/jpeg") },
	};
	const struct template **indexes = arena_array(l->arena, 1, sizeof(*indexes));

	indexes[0] = template_literal(SPAN("index.html"), l->arena);
	*s = (struct location_settings){
		.root = document_root_default(l),
		.index = indexes,
		.index_count = 1,
		.types = types,
		.type_count = sizeof(types) / sizeof(types[0]),
		.default_type = SPAN("text/plain"),
		.client_body_timeout_ms = 60 * 1000,
		.send_timeout_ms = 60 * 1000,
		.keepalive_timeout_ms = 75 * 1000,
		.keepalive_requests = 1000,
		.keepalive_time_ms = 60 * 60 * 1000,
		.keepalive_disable = OLD_BROWSER_MSIE6,
		.lingering_close = LINGERING_ON,
		.lingering_time_ms = 30 * 1000,
		.lingering_timeout_ms = 5 * 1000,
		.tcp_nodelay = true,
		.chunked = true,
		.etag = true,
		.log_not_found = true,
		.if_modified_since = MODIFIED_SINCE_EXACT,
		.client_max_body_size = 1024 * 1024,
		.body = {
			.buffer_size = 16384,
			.temp_path = temp_path_default(l, SPAN("client_body_temp")),
		},
		.server_tokens = true,
		.http2_chunk_size = 8192,
		.absolute_redirect = true,
		.port_in_redirect = true,
		.access_logs = access_log_default(l),
		.error_log = l->snapshot->main.error_log,
		.proxy = {
			.connect_timeout_ms = 60 * 1000,
			.send_timeout_ms = 60 * 1000,
			.read_timeout_ms = 60 * 1000,
			.buffer_size = 4096,
			.pass_request_headers = true,
			.pass_request_body = true,
			.request_buffering = true,
			.buffering = true,
			.buffer_count = 8,
			.one_buffer_size = 4096,
			.buffers_size = 8 * 4096,
			.max_temp_size = UINT64_C(1) << 30,
			.temp_path = temp_path_default(l, SPAN("proxy_temp")),
			.next_upstream = NEXT_ERROR | NEXT_TIMEOUT,
			.resolver_timeout_ms = 30 * 1000,
		},
	};
	upstream_tls_settings_init(&s->proxy.tls);
}

static int
set_http(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct server_settings server;
	struct location_settings location;
	size_t upstreams = l->snapshot->upstream_count;
	struct scope inner;

	if (log_formats_init(l) < 0)
		return -1;
	server_settings_init(l, &server);
	location_settings_init(l, &location);
	scope_init(&inner, s, CONTEXT_HTTP, n);
	/*
	 * On the stack: whoever changes them copies them, and whoever keeps them has them copied.
	 */
	inner.server_settings = &server;
	inner.location_settings = &location;
	(void)scope_server_settings(l, &inner);
	(void)scope_location_settings(l, &inner);
	scope_load_simple(l, &inner, n->children);
	scope_load_blocks(l, &inner, n->children);
	upstreams_finish(l, &inner.location_settings->proxy, upstreams);
	return 0;
}

/* keepalive_timeout TIME [HEADER_TIME] */
static int
set_keepalive_timeout(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	struct location_settings *ls = scope_location_settings(l, s);
	int64_t timeout, header = 0;

	if (value_parse_duration(n->words[1].text, DURATION_MS, &timeout) < 0 ||
	    (n->word_count == 3 && value_parse_duration(n->words[2].text, DURATION_S, &header) < 0))
		return loader_fail(l, n, "invalid value");
	ls->keepalive_timeout_ms = timeout;
	ls->keepalive_header_ms = header;
	return 0;
}

/* large_client_header_buffers NUMBER SIZE */
static int
set_large_header_buffers(struct loader *l, struct scope *s, const struct directive *d,
    const struct node *n)
{
	struct server_settings *ss = scope_server_settings(l, s);
	uint64_t count, size;

	if (span_to_u64(n->words[1].text, 1024, &count) < 0 || count == 0 ||
	    value_parse_size(n->words[2].text, 16 << 20, &size) < 0 || size < 512) {
		loader_fail(l, n, "invalid value");
		diagnostic_hint(l->diags, "it takes a number from 1 and a size from 512 to 16m");
		return -1;
	}
	ss->large_header_buffer_count = count;
	ss->large_header_buffer_size = size;
	return 0;
}

static const struct directive_range header_buffer = { 128, 16 << 20 };

static const struct directive rows[] = {
	{ SPAN_INIT("http"), CONTEXT_MAIN, 0, 0, DIRECTIVE_BLOCK, .set = set_http },
	{ SPAN_INIT("client_header_timeout"), CONTEXT_HTTP_SERVER, 1, 1, 0,
	    .set = directive_set_duration, SERVER_FIELD(int64_t, client_header_timeout_ms) },
	{ SPAN_INIT("client_header_buffer_size"), CONTEXT_HTTP_SERVER, 1, 1, 0,
	    .set = directive_set_size, SERVER_FIELD(size_t, client_header_buffer_size),
	    &header_buffer },
	{ SPAN_INIT("large_client_header_buffers"), CONTEXT_HTTP_SERVER, 2, 2, 0,
	    .set = set_large_header_buffers },
	{ SPAN_INIT("merge_slashes"), CONTEXT_HTTP_SERVER, 1, 1, 0, .set = directive_set_flag,
	    SERVER_FIELD(bool, merge_slashes) },
	{ SPAN_INIT("underscores_in_headers"), CONTEXT_HTTP_SERVER, 1, 1, 0,
	    .set = directive_set_flag, SERVER_FIELD(bool, underscores_in_headers) },
	{ SPAN_INIT("ignore_invalid_headers"), CONTEXT_HTTP_SERVER, 1, 1, 0,
	    .set = directive_set_flag, SERVER_FIELD(bool, ignore_invalid_headers) },
	{ SPAN_INIT("client_body_timeout"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_duration, LOCATION_FIELD(int64_t, client_body_timeout_ms) },
	{ SPAN_INIT("send_timeout"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_duration,
	    LOCATION_FIELD(int64_t, send_timeout_ms) },
	{ SPAN_INIT("keepalive_timeout"), CONTEXT_HTTP_ALL, 1, 2, 0, .set = set_keepalive_timeout },
	{ SPAN_INIT("keepalive_requests"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_number,
	    LOCATION_FIELD(unsigned, keepalive_requests) },
	{ SPAN_INIT("client_max_body_size"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_offset,
	    LOCATION_FIELD(uint64_t, client_max_body_size) },
	{ SPAN_INIT("server_tokens"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_flag,
	    LOCATION_FIELD(bool, server_tokens) },
};
const struct directive_table directive_http_table = { rows, sizeof(rows) / sizeof(rows[0]) };
