/* SPDX-License-Identifier: ISC */
/*
 * stream_variable: $variables of stream; those that http has too are traffic_variable.c's.
 *
 * Values of several attempts stand behind each other, ", " between them (nginx).
 */
#include "proxy/stream/stream_session.h"
#include "proxy/worker/traffic_variable.h"
#include "proxy/worker/worker_state.h"

static struct span
get_bytes_received(void *subject, struct span arg)
{
	struct stream_session *s = subject;

	return arena_decimal(s->arena, stream_session_received(s));
}

static struct span
get_bytes_sent(void *subject, struct span arg)
{
	struct stream_session *s = subject;

	return arena_decimal(s->arena, stream_session_sent(s));
}

static struct span
get_protocol(void *subject, struct span arg)
{
	return SPAN("TCP");
}

static struct span
get_session_time(void *subject, struct span arg)
{
	struct stream_session *s = subject;

	return variable_seconds(s->arena, loop_now_ms(s->client->worker->loop) - s->started_ms);
}

static struct span
get_status(void *subject, struct span arg)
{
	struct stream_session *s = subject;

	return s->status ? arena_decimal(s->arena, s->status) : SPAN("000");
}

/* ---- ClientHello ----------------------------------------------------------------------------------- */

static struct span
get_preread_name(void *subject, struct span arg)
{
	return ((struct stream_session *)subject)->hello_name;
}

static struct span
get_preread_alpn(void *subject, struct span arg)
{
	return ((struct stream_session *)subject)->hello_alpn;
}

static struct span
get_preread_protocol(void *subject, struct span arg)
{
	return ((struct stream_session *)subject)->hello_version;
}

/* ---- upstream -------------------------------------------------------------------------------------- */

/* What each attempt has to say, joined. No attempt: no value. */
static struct span
of_attempts(struct stream_session *s,
    struct span (*value)(struct arena *arena, const struct stream_attempt *a))
{
	struct span *parts;
	size_t count = 0, n = 0;

	for (const struct stream_attempt *a = s->first; a; a = a->next)
		count++;
	if (count == 0)
		return variable_none();
	parts = arena_array(s->arena, 2 * count, sizeof(*parts));
	for (const struct stream_attempt *a = s->first; a; a = a->next) {
		if (n > 0)
			parts[n++] = SPAN(", ");
		parts[n++] = value(s->arena, a);
	}
	return arena_concat(s->arena, parts, n);
}

static struct span
seconds_or_dash(struct arena *arena, int64_t ms)
{
	return ms < 0 ? SPAN("-") : variable_seconds(arena, ms);
}

static struct span
attempt_address(struct arena *arena, const struct stream_attempt *a)
{
	(void)arena;
	return a->address;
}

static struct span
attempt_sent(struct arena *arena, const struct stream_attempt *a)
{
	return arena_decimal(arena, a->bytes_sent);
}

static struct span
attempt_received(struct arena *arena, const struct stream_attempt *a)
{
	return arena_decimal(arena, a->bytes_received);
}

static struct span
attempt_connect_time(struct arena *arena, const struct stream_attempt *a)
{
	return seconds_or_dash(arena, a->connect_ms);
}

static struct span
attempt_first_byte_time(struct arena *arena, const struct stream_attempt *a)
{
	return seconds_or_dash(arena, a->first_byte_ms);
}

static struct span
attempt_session_time(struct arena *arena, const struct stream_attempt *a)
{
	return seconds_or_dash(arena, a->session_ms);
}

static struct span
get_upstream_addr(void *subject, struct span arg)
{
	return of_attempts(subject, attempt_address);
}

static struct span
get_upstream_bytes_sent(void *subject, struct span arg)
{
	return of_attempts(subject, attempt_sent);
}

static struct span
get_upstream_bytes_received(void *subject, struct span arg)
{
	return of_attempts(subject, attempt_received);
}

static struct span
get_upstream_connect_time(void *subject, struct span arg)
{
	return of_attempts(subject, attempt_connect_time);
}

static struct span
get_upstream_first_byte_time(void *subject, struct span arg)
{
	return of_attempts(subject, attempt_first_byte_time);
}

static struct span
get_upstream_session_time(void *subject, struct span arg)
{
	return of_attempts(subject, attempt_session_time);
}

/* ---- the table ------------------------------------------------------------------------------------- */

static struct variable_store *
get_store(void *subject)
{
	return &((struct stream_session *)subject)->variables;
}

static const struct variable rows[] = {
	VARIABLE("bytes_received", get_bytes_received),
	VARIABLE("bytes_sent", get_bytes_sent),
	VARIABLE("protocol", get_protocol),
	VARIABLE("session_time", get_session_time),
	VARIABLE("ssl_preread_alpn_protocols", get_preread_alpn),
	VARIABLE("ssl_preread_protocol", get_preread_protocol),
	VARIABLE("ssl_preread_server_name", get_preread_name),
	VARIABLE("status", get_status),
	VARIABLE("upstream_addr", get_upstream_addr),
	VARIABLE("upstream_bytes_received", get_upstream_bytes_received),
	VARIABLE("upstream_bytes_sent", get_upstream_bytes_sent),
	VARIABLE("upstream_connect_time", get_upstream_connect_time),
	VARIABLE("upstream_first_byte_time", get_upstream_first_byte_time),
	VARIABLE("upstream_session_time", get_upstream_session_time),
};

const struct variable_table stream_variables = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.shared = &traffic_variables,
	.store = get_store,
};
