/* SPDX-License-Identifier: ISC */
/*
 * directive_stream: the stream block: connections that are passed on without being understood.
 *
 * A stream server is a struct server too, so names, certificates, TLS settings, logs and access
 * rules are set by the rows of their own tables; here is what only stream has.
 */
#include "proxy/config/host_port.h"
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

#define ALPN_NAME_MAX 255 /* RFC 7301, 3.1 */

static void
stream_settings_init(struct stream_settings *s)
{
	*s = (struct stream_settings){
		.handshake_timeout_ms = 60 * 1000,
		.preread_timeout_ms = 30 * 1000,
		.proxy_header_timeout_ms = 30 * 1000,
		.preread_buffer_size = 16384,
		.tcp_nodelay = true,
		.connect_timeout_ms = 60 * 1000,
		.timeout_ms = 10 * 60 * 1000,
		.buffer_size = 16384,
		.next_upstream = true,
	};
}

struct stream_settings *
scope_stream_settings(struct loader *l, struct scope *s)
{
	struct stream_settings *own;

	if (!s->owns_stream_settings) {
		own = arena_alloc(l->arena, sizeof(*own));
		*own = *s->stream_settings;
		s->stream_settings = own;
		s->owns_stream_settings = true;
	}
	return s->stream_settings;
}

/* Variables, formats and groups of stream are not http's, whatever they are called. */
static void
begin_names(struct loader *l)
{
	l->variables = *l->options->stream_variables;
	l->variables.definitions = &l->definitions;
	variable_definitions_init(&l->definitions, l->arena);
	l->mentions = NULL;
	l->mention_count = 0;
	span_map_init(&l->log_formats, l->scratch);
	span_map_init(&l->upstreams, l->arena);
}

static void
end_names(struct loader *l, const struct loader *before)
{
	struct snapshot *s = l->snapshot;

	loader_check_mentions(l);
	s->stream_variable_count = (unsigned)l->definitions.count;
	s->stream_upstream_names = memcpy(arena_alloc(l->arena, sizeof(l->upstreams)),
	    &l->upstreams, sizeof(l->upstreams));
	l->variables = before->variables;
	l->definitions = before->definitions;
	l->mentions = before->mentions;
	l->mention_count = before->mention_count;
	l->log_formats = before->log_formats;
	l->upstreams = before->upstreams;
}

static int
set_stream(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location_settings location = { .error_log = l->snapshot->main.error_log };
	struct server_settings server;
	struct stream_settings stream;
	const struct loader before = *l;
	size_t upstreams = l->snapshot->upstream_count;
	struct scope inner;

	begin_names(l);
	server_settings_init(l, &server);
	upstream_tls_settings_init(&location.proxy.tls);
	stream_settings_init(&stream);
	scope_init(&inner, s, CONTEXT_STREAM, n);
	/* On the stack: whoever changes them copies them, and whoever keeps them has them copied. */
	inner.server_settings = &server;
	inner.location_settings = &location;
	inner.stream_settings = &stream;
	(void)scope_server_settings(l, &inner);
	(void)scope_location_settings(l, &inner);
	(void)scope_stream_settings(l, &inner);
	scope_load_simple(l, &inner, n->children);
	scope_load_blocks(l, &inner, n->children);
	upstreams_finish(l, &inner.location_settings->proxy, upstreams);
	end_names(l, &before);
	return 0;
}

/* Is there such a directive in the block, right or wrong? */
static bool
says(const struct node *block, struct span name)
{
	for (const struct node *n = block->children; n; n = n->next) {
		if (span_eq(n->words[0].text, name))
			return true;
	}
	return false;
}

static int
check_handler(struct loader *l, const struct scope *s)
{
	if (says(s->node, SPAN("return")) || says(s->node, SPAN("pass")) ||
	    says(s->node, SPAN("proxy_pass")))
		return 0;
	loader_error(l, s->node, "no handler for server");
	diagnostic_hint(l->diags, "a stream server has proxy_pass, pass or return");
	return -1;
}

static int
set_server(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct server *server = arena_zalloc(l->arena, sizeof(*server));
	struct stream_server *stream = arena_zalloc(l->arena, sizeof(*stream));
	struct snapshot *snapshot = l->snapshot;
	struct scope inner;

	server->node = n;
	server->index = (unsigned)snapshot->server_count;
	server->stream = stream;
	LOADER_APPEND(l->arena, snapshot->servers, snapshot->server_count, server);
	scope_init(&inner, s, CONTEXT_STREAM_SERVER, n);
	inner.server = server;
	inner.stream_server = stream;
	inner.listens_tail = &inner.listens;
	scope_load_simple(l, &inner, n->children);
	scope_load_blocks(l, &inner, n->children);
	server_names_finish(l, server);
	server->settings = inner.server_settings;
	server->location_settings = inner.location_settings;
	server->root_location = (struct location){ .settings = inner.location_settings, .node = n };
	stream->settings = inner.stream_settings;
	loader_use_logs(l, inner.location_settings);
	if (stream->settings->proxy_ssl && stream->proxy)
		upstream_tls_use(l, n, &inner.location_settings->proxy.tls);
	tls_finish_server(l, &inner);
	if (!inner.listens && !says(n, SPAN("listen")))
		loader_error(l, n, "no \"listen\" is defined for server");
	for (struct listen *it = inner.listens; it; it = it->next)
		LOADER_APPEND(l->scratch, l->listens, l->listen_count, it);
	return check_handler(l, &inner);
}

/* return, pass and proxy_pass exclude each other. */
static int
claim_handler(struct loader *l, struct scope *s, const struct node *n)
{
	const struct stream_server *stream = s->stream_server;

	if (stream->ret || stream->pass || stream->proxy)
		return loader_fail(l, n, "is duplicate: the server has another handler");
	return 0;
}

static int
set_return(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (claim_handler(l, s, n) < 0)
		return -1;
	s->stream_server->ret = loader_template(l, n, &n->words[1]);
	return s->stream_server->ret ? 0 : -1;
}

static int
set_pass(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct host_port hp;
	struct address address;
	const char *wrong;

	if (claim_handler(l, s, n) < 0)
		return -1;
	s->stream_server->pass = loader_template(l, n, &n->words[1]);
	if (!s->stream_server->pass)
		return -1;
	if (!s->stream_server->pass->literal)
		return 0;
	wrong = host_port_split(n->words[1].text, true, &hp);
	if (!wrong && !hp.is_unix && !hp.port)
		wrong = "no port";
	if (!wrong && !host_port_address(&hp, hp.port, l->scratch, &address))
		wrong = "no address";
	return wrong ? loader_error(l, n, "%s in \"" SPAN_FMT "\" of the \"pass\" directive", wrong,
			   SPAN_ARG(n->words[1].text))
		     : 0;
}

static int
set_proxy_pass(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct stream_server *stream = s->stream_server;
	struct span to = n->words[1].text;
	struct host_port hp;

	if (claim_handler(l, s, n) < 0)
		return -1;
	if (span_starts(to, SPAN("http://")) || span_starts(to, SPAN("https://"))) {
		loader_error(l, n, "invalid host in upstream \"" SPAN_FMT "\"", SPAN_ARG(to));
		diagnostic_hint(l->diags,
		    "in \"stream\" it is an address and a port, or a group, without a scheme");
		return -1;
	}
	stream->proxy = loader_template(l, n, &n->words[1]);
	if (!stream->proxy)
		return -1;
	if (!stream->proxy->literal)
		return 0;
	stream->upstream = loader_upstream(l, n, to, 0, &hp);
	return stream->upstream ? 0 : -1;
}

/* ssl_alpn PROTOCOL...: a list in the form of the extension, the preferred one first. */
static int
set_alpn(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span *parts = arena_array(l->scratch, 2 * n->word_count, sizeof(*parts));
	size_t count = 0;

	for (unsigned i = 1; i < n->word_count; i++) {
		struct span name = n->words[i].text;

		if (loader_check_literal(l, n, &n->words[i]) < 0)
			return -1;
		if (name.n == 0 || name.n > ALPN_NAME_MAX)
			return loader_word_error(l, n, &n->words[i],
			    "a protocol of \"ssl_alpn\" has 1 to %d bytes", ALPN_NAME_MAX);
		parts[count++] = arena_printf(l->scratch, "%c", (char)name.n);
		parts[count++] = name;
	}
	scope_stream_settings(l, s)->alpn = arena_concat(l->arena, parts, count);
	return 0;
}

#define STREAM CONTEXT_STREAM_ALL

static const struct directive_range preread_size = { 1, 64 << 10 };
static const struct directive_range buffer_size = { 512, 16 << 20 };

static const struct directive rows[] = {
	{ SPAN_INIT("stream"), CONTEXT_MAIN, 0, 0, DIRECTIVE_BLOCK, .set = set_stream },
	{ SPAN_INIT("server"), CONTEXT_STREAM, 0, 0, DIRECTIVE_BLOCK | DIRECTIVE_MANY,
	    .set = set_server },
	{ SPAN_INIT("return"), CONTEXT_STREAM_SERVER, 1, 1, 0, .set = set_return },
	{ SPAN_INIT("pass"), CONTEXT_STREAM_SERVER, 1, 1, 0, .set = set_pass },
	{ SPAN_INIT("proxy_pass"), CONTEXT_STREAM_SERVER, 1, 1, 0, .set = set_proxy_pass },
	{ SPAN_INIT("ssl_preread"), STREAM, 1, 1, 0, .set = directive_set_flag,
	    STREAM_FIELD(bool, ssl_preread) },
	{ SPAN_INIT("preread_buffer_size"), STREAM, 1, 1, 0, .set = directive_set_size,
	    STREAM_FIELD(size_t, preread_buffer_size), &preread_size },
	{ SPAN_INIT("ssl_handshake_timeout"), STREAM, 1, 1, 0, .set = directive_set_duration,
	    STREAM_FIELD(int64_t, handshake_timeout_ms) },
	{ SPAN_INIT("preread_timeout"), STREAM, 1, 1, 0, .set = directive_set_duration,
	    STREAM_FIELD(int64_t, preread_timeout_ms) },
	{ SPAN_INIT("proxy_protocol_timeout"), STREAM, 1, 1, 0, .set = directive_set_duration,
	    STREAM_FIELD(int64_t, proxy_header_timeout_ms) },
	{ SPAN_INIT("tcp_nodelay"), STREAM, 1, 1, 0, .set = directive_set_flag,
	    STREAM_FIELD(bool, tcp_nodelay) },
	{ SPAN_INIT("ssl_alpn"), STREAM, 1, DIRECTIVE_ARGS_ANY, 0, .set = set_alpn },
	{ SPAN_INIT("proxy_ssl"), STREAM, 1, 1, 0, .set = directive_set_flag,
	    STREAM_FIELD(bool, proxy_ssl) },
	{ SPAN_INIT("proxy_connect_timeout"), STREAM, 1, 1, 0, .set = directive_set_duration,
	    STREAM_FIELD(int64_t, connect_timeout_ms) },
	{ SPAN_INIT("proxy_timeout"), STREAM, 1, 1, 0, .set = directive_set_duration,
	    STREAM_FIELD(int64_t, timeout_ms) },
	{ SPAN_INIT("proxy_next_upstream"), STREAM, 1, 1, 0, .set = directive_set_flag,
	    STREAM_FIELD(bool, next_upstream) },
	{ SPAN_INIT("proxy_next_upstream_tries"), STREAM, 1, 1, 0, .set = directive_set_number,
	    STREAM_FIELD(unsigned, next_upstream_tries) },
	{ SPAN_INIT("proxy_next_upstream_timeout"), STREAM, 1, 1, 0, .set = directive_set_duration,
	    STREAM_FIELD(int64_t, next_upstream_timeout_ms) },
	{ SPAN_INIT("proxy_half_close"), STREAM, 1, 1, 0, .set = directive_set_flag,
	    STREAM_FIELD(bool, half_close) },
	{ SPAN_INIT("proxy_buffer_size"), STREAM, 1, 1, 0, .set = directive_set_size,
	    STREAM_FIELD(size_t, buffer_size), &buffer_size },
	{ SPAN_INIT("proxy_upload_rate"), STREAM, 1, 1, 0, .set = directive_set_rate,
	    STREAM_FIELD(const struct template *, upload_rate) },
	{ SPAN_INIT("proxy_download_rate"), STREAM, 1, 1, 0, .set = directive_set_rate,
	    STREAM_FIELD(const struct template *, download_rate) },
};
const struct directive_table directive_stream_table = { rows, sizeof(rows) / sizeof(rows[0]) };
