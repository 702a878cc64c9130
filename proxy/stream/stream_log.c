/* SPDX-License-Identifier: ISC */
/*
 * stream_log: what sessions tell the error log, with nginx's context, and the access log.
 *
 *	*CONN text, client: …, server: …, upstream: "…", bytes from/to client:…, bytes from/to upstream:…
 */
#include "base/buf.h"
#include "proxy/http/access_log.h"
#include "proxy/net/address.h"
#include "proxy/stream/stream_internal.h"
#include "proxy/worker/listen_slot.h"

#include <string.h>

static const struct stream_attempt *
last_attempt(const struct stream_session *s)
{
	const struct stream_attempt *a = s->first;

	while (a && a->next)
		a = a->next;
	return a;
}

static void
add_upstream(const struct stream_session *s, struct buf *line)
{
	const struct stream_attempt *a = last_attempt(s);
	uint64_t from = s->uc ? s->uc->conn.bytes_in : 0, to = s->uc ? s->uc->conn.bytes_out : 0;

	if (!a)
		return;
	buf_printf(line,
	    ", upstream: \"" SPAN_FMT "\", bytes from/to client:%llu/%llu, bytes from/to "
	    "upstream:%llu/%llu",
	    SPAN_ARG(a->address), (unsigned long long)stream_session_received(s),
	    (unsigned long long)stream_session_sent(s), (unsigned long long)from,
	    (unsigned long long)to);
}

static struct log
error_log_of(const struct stream_session *s)
{
	return generation_error_log(s->generation, s->server->location_settings->error_log);
}

void
stream_log(const struct stream_session *s, enum log_level level, const char *fmt, ...)
{
	struct log log = error_log_of(s);
	char text[LOG_LINE_MAX];
	struct buf line;
	va_list ap;

	if (!log_wants(&log, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_init(&line, (size_t)8 * LOG_LINE_MAX);
	buf_printf(&line, "*%llu %s, client: ", (unsigned long long)s->client->number, text);
	buf_add(&line, address_host(traffic_remote(&s->traffic), false, s->arena));
	buf_printf(&line, ", server: " SPAN_FMT, SPAN_ARG(s->client->slot->listener->address.text));
	add_upstream(s, &line);
	log_msg(&log, level, "%.*s", (int)line.len, line.p);
	buf_release(&line);
}

void
stream_log_arrival(const struct stream_session *s)
{
	const struct sockaddr *local = s->client->local;
	struct log log = error_log_of(s);
	unsigned port = address_port(local);
	char client[ADDRESS_TEXT];

	if (!log_wants(&log, LOG_LEVEL_INFO))
		return;
	stream_log(s, LOG_LEVEL_INFO, "client " SPAN_FMT " connected to " SPAN_FMT "%s%.0u",
	    SPAN_ARG(address_text(s->client->remote, client)),
	    SPAN_ARG(address_host(local, true, s->arena)), port ? ":" : "", port);
}

const char *
stream_errno_text(struct stream_session *s, int errnum)
{
	if (!errnum)
		return "";
	return arena_printf(s->arena, " (%d: %s)", errnum, strerrordesc_np(errnum)).p;
}

void
stream_log_access(struct stream_session *s)
{
	const struct access_log *l = s->server->location_settings->access_logs;

	for (; l; l = l->next) {
		if (access_log_wants(l, &s->traffic))
			log_sink_add(s->generation->sinks[l->file->index],
			    access_log_line(l, &s->traffic));
	}
}
