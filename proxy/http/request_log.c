/* SPDX-License-Identifier: ISC */
/*
 * request_log: error log lines about a request, with nginx's context behind the text:
 *
 *	*CONN text, client: …, server: …, request: "…", upstream: "…", host: "…", referrer: "…"
 */
#include "base/buf.h"
#include "proxy/http/http_variable.h"
#include "proxy/net/address.h"
#include "proxy/upstream/upstream_http.h"
#include "proxy/worker/worker_state.h"

static void
add_context(struct buf *line, const char *name, struct span value, const char *quote)
{
	buf_printf(line, ", %s: %s", name, quote);
	buf_add(line, value);
	buf_add_str(line, quote);
}

/* "http://127.0.0.1:8080/path": who was asked last, for what. */
static void
add_upstream(struct buf *line, const struct upstream_trace *t)
{
	struct span address = t->last->address;

	buf_printf(line, ", upstream: \"%s", t->tls ? "https://" : "http://");
	buf_add(line, address);
	if (span_starts(address, SPAN("unix:")))
		buf_add_str(line, ":");
	buf_add(line, t->target);
	buf_add_str(line, "\"");
}

/* The first name of the server, as $server_name has it. */
static struct span
server_name(const struct request *r)
{
	struct span arg, unused = variable_none();
	const struct variable *v = variable_find(&http_variables, SPAN("server_name"), &arg);

	return v && r->server ? v->get((void *)(uintptr_t)r, unused) : unused;
}

void
request_log(const struct request *r, enum log_level level, const char *fmt, ...)
{
	struct log log = generation_error_log(r->generation, r->settings->error_log);
	const struct header *host = header_find(&r->headers, HEADER_HOST);
	const struct header *referrer = header_find(&r->headers, HEADER_REFERER);
	struct buf line;
	char text[LOG_LINE_MAX];
	va_list ap;

	if (!log_wants(&log, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Whatever is too long for log_msg is cut there: the text itself always comes first. */
	buf_init(&line, (size_t)8 * LOG_LINE_MAX);
	buf_printf(&line, "*%llu %s", (unsigned long long)r->client->number, text);
	add_context(&line, "client", address_host(traffic_remote(&r->traffic), false, r->arena),
	    "");
	add_context(&line, "server", server_name(r), "");
	if (r->request_line.n > 0)
		add_context(&line, "request", r->request_line, "\"");
	if (r->upstream && r->upstream->last)
		add_upstream(&line, r->upstream);
	if (host)
		add_context(&line, "host", host->value, "\"");
	if (referrer)
		add_context(&line, "referrer", referrer->value, "\"");
	log_msg(&log, level, "%.*s", (int)line.len, line.p);
	buf_release(&line);
}
