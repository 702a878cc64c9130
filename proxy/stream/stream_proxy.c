/* SPDX-License-Identifier: ISC */
/*
 * stream_proxy: a session's way to an upstream: peer after peer until one takes the connection,
 * then the relay.
 */
#include "proxy/config/host_port.h"
#include "proxy/config/value.h"
#include "proxy/net/proxy_protocol.h"
#include "proxy/stream/stream_internal.h"
#include "proxy/tls/tls_context.h"
#include "proxy/tls/tls_facts.h"
#include "proxy/tls/upstream_tls.h"
#include "proxy/worker/arrival.h"

#include <errno.h>
#include <netinet/tcp.h>

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static void try_next(struct stream_session *s);
static void attempt_failed(struct stream_session *s, const char *why, int errnum);
static void set_connect_timer(struct stream_session *s);

static int64_t
now(const struct stream_session *s)
{
	return loop_now_ms(s->client->worker->loop);
}

static void
note_attempt(struct stream_session *s, struct span address)
{
	struct stream_attempt *a = arena_zalloc(s->arena, sizeof(*a));

	a->address = arena_dup(s->arena, address);
	a->connect_ms = a->first_byte_ms = a->session_ms = -1;
	*s->last = a;
	s->last = &a->next;
	s->attempt = a;
	s->attempt_started_ms = now(s);
}

/* The attempt is over, one way or the other. */
static void
end_attempt(struct stream_session *s)
{
	struct stream_attempt *a = s->attempt;

	timer_clear(&s->timer);
	if (a) {
		a->session_ms = now(s) - s->attempt_started_ms;
		if (s->relay.down.first_ms)
			a->first_byte_ms = s->relay.down.first_ms - s->attempt_started_ms;
	}
	if (s->uc) {
		a->bytes_sent = s->uc->conn.bytes_out;
		a->bytes_received = s->uc->conn.bytes_in;
		upstream_conn_close(s->uc);
		s->uc = NULL;
	}
	s->attempt = NULL;
}

void
stream_proxy_release(struct stream_session *s)
{
	relay_stop(&s->relay);
	end_attempt(s);
	if (s->group)
		upstream_group_unref(s->group);
	s->group = NULL;
}

static void
relay_ended(struct relay *r, enum relay_end how, struct conn *by)
{
	struct stream_session *s = from_member(r, struct stream_session, relay);
	const char *side = by == &s->conn ? "client" : "upstream";

	switch (how) {
	case RELAY_DONE:
		stream_log(s, LOG_LEVEL_INFO, "%s disconnected", side);
		break;
	case RELAY_FAILED:
		stream_log(s, LOG_LEVEL_INFO, "%s%s: %s disconnected", by->reason,
		    stream_errno_text(s, by->saved_errno), side);
		break;
	case RELAY_TIMEOUT:
		stream_log(s, LOG_LEVEL_INFO, "connection timed out");
		break;
	}
	stream_session_close(s, 200);
}

/* What is spoken on the connection, if that is known: the client that names several leaves the choice to the server. */
static struct span
protocol_of(const struct stream_session *s)
{
	if (!s->client->tls.facts)
		return span_find(s->hello_alpn, ',') < 0 ? s->hello_alpn : SPAN("");
	return s->client->tls.facts->alpn;
}

/* Whose the connection is; in the arena. */
static struct span
header_of(struct stream_session *s)
{
	unsigned version = s->server->location_settings->proxy.proxy_protocol;
	const struct proxy_claim claim = {
		.source = traffic_remote(&s->traffic),
		.destination = traffic_destination(&s->traffic),
		.authority = s->client->tls.facts ? tls_server_name(s->client) : s->hello_name,
		.alpn = protocol_of(s),
	};
	char *out = arena_bytes(s->arena, PROXY_HEADER_WRITE_MAX);

	return span_of(out, proxy_header_write(version, &claim, out));
}

/* A value that is no size bounds nothing, as in nginx. */
static uint64_t
rate_of(struct stream_session *s, const struct template *t)
{
	struct span text;
	uint64_t rate;

	if (!t)
		return 0;
	text = template_eval(t, s, s->arena);
	if (value_parse_size(text, INT64_MAX, &rate) == 0)
		return rate;
	stream_log(s, LOG_LEVEL_ERROR, "invalid size \"" SPAN_FMT "\"", SPAN_ARG(text));
	return 0;
}

/* All that goes before the bytes is done. */
static void
start_relay(struct stream_session *s)
{
	timer_clear(&s->timer);
	s->attempt->connect_ms = now(s) - s->attempt_started_ms;
	stream_log(s, LOG_LEVEL_INFO, "proxy connected to " SPAN_FMT,
	    SPAN_ARG(s->attempt->address));
	balance_report(s->uc->peer, true, now(s));
	s->step = STREAM_RELAY;
	s->relay.pipes = s->client->worker->pipes;
	s->relay.buffer_size = s->settings->buffer_size;
	s->relay.half_close = s->settings->half_close;
	s->relay.timeout_ms = s->settings->timeout_ms;
	s->relay.up.rate = rate_of(s, s->settings->upload_rate);
	s->relay.down.rate = rate_of(s, s->settings->download_rate);
	s->relay.ended = relay_ended;
	relay_start(&s->relay, &s->conn, &s->uc->conn);
}

static void
begin_tls(struct stream_session *s)
{
	const struct connect_options how = { .tls = s->tls, .tls_name = s->tls_name };
	struct err e = ERR_INIT;

	s->step = STREAM_UPSTREAM_TLS;
	if (upstream_conn_begin_tls(s->uc, &how, &e) < 0)
		attempt_failed(s, err_text(&e), 0);
	err_release(&e);
}

static void
connected(struct stream_session *s)
{
	if (!s->tls && !stream_session_open_conn(s))
		return;
	if (!s->tls) {
		start_relay(s);
		return;
	}
	set_connect_timer(s);
	if (conn_out_empty(&s->uc->conn)) {
		begin_tls(s);
		return;
	}
	s->step = STREAM_HEADER;
	conn_want_drain(&s->uc->conn);
}

/* The peer did not take the connection: the next one, where that is wanted and there is time. */
static void
attempt_failed(struct stream_session *s, const char *why, int errnum)
{
	const struct stream_settings *settings = s->settings;
	unsigned tries = upstream_group_peer_count(s->group);
	bool late = settings->next_upstream_timeout_ms &&
		    now(s) - s->first_attempt_ms >= settings->next_upstream_timeout_ms;

	stream_log(s, LOG_LEVEL_ERROR, "%s%s while %s to upstream", why,
	    stream_errno_text(s, errnum),
	    s->step == STREAM_UPSTREAM_TLS ? "SSL handshaking" : "connecting");
	if (s->uc)
		balance_report(s->uc->peer, false, now(s));
	end_attempt(s);
	if (settings->next_upstream_tries && settings->next_upstream_tries < tries)
		tries = settings->next_upstream_tries;
	if (settings->next_upstream && !late && s->attempts < tries)
		try_next(s);
	else
		stream_session_close(s, 502);
}

static void
on_readable(struct conn *c)
{
	(void)c;
}

static void
on_writable(struct conn *c)
{
	struct stream_session *s = c->owner;

	if (s->step == STREAM_CONNECT)
		connected(s);
	else if (s->step == STREAM_HEADER)
		begin_tls(s);
}

/* The certificate is judged here, when the log can say what is wrong with it. */
static void
on_handshake(struct conn *c)
{
	struct stream_session *s = c->owner;
	const char *wrong = upstream_tls_verify(c->ssl, s->arena);

	if (wrong)
		attempt_failed(s, wrong, 0);
	else if (stream_session_open_conn(s))
		start_relay(s);
}

static void
on_error(struct conn *c)
{
	if (c->ssl)
		upstream_tls_forget(c->ssl);
	attempt_failed(c->owner, c->reason, c->saved_errno);
}

static const struct conn_ops connecting_ops = {
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_error = on_error,
	.on_handshake = on_handshake,
};

static void
on_connect_timeout(struct timer *t)
{
	attempt_failed(from_member(t, struct stream_session, timer), "upstream timed out",
	    ETIMEDOUT);
}

static void
set_connect_timer(struct stream_session *s)
{
	s->timer.on_expire = on_connect_timeout;
	timer_set(s->client->worker->loop, &s->timer, s->settings->connect_timeout_ms);
}

/* At once, that is. Who is to blame: the peer, or we who ran out of descriptors or memory? */
static void
connect_failed(struct stream_session *s, struct peer *p, int errnum)
{
	if (errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM) {
		stream_log(s, LOG_LEVEL_CRIT, "socket() failed%s while connecting to upstream",
		    stream_errno_text(s, errnum));
		stream_session_close(s, 500);
		return;
	}
	balance_report(p, false, now(s));
	attempt_failed(s, "connect() failed", errnum);
}

static void
try_next(struct stream_session *s)
{
	const struct proxy_settings *proxy = &s->server->location_settings->proxy;
	struct connect_options how = {
		.keepalive_probes = proxy->socket_keepalive,
		.nagle = !s->settings->tcp_nodelay,
		.tls = s->tls,
	};
	struct worker *w = s->client->worker;
	struct peer *p;
	struct address bind;

	if (proxy->proxy_protocol)
		how.header = header_of(s);
	if (proxy->bind && host_port_bind(template_eval(proxy->bind, s, s->arena), s->arena, &bind))
		how.bind = &bind;
	s->attempts++;
	s->step = STREAM_CONNECT;
	p = balance_pick(s->group, &s->tried, now(s));
	if (!p) {
		note_attempt(s, upstream_group_name(s->group));
		stream_log(s, LOG_LEVEL_ERROR,
		    upstream_group_peer_count(s->group)
			? "no live upstreams while connecting to upstream"
			: "host not found in upstream");
		stream_session_close(s, 502);
		return;
	}
	note_attempt(s, p->address.text);
	s->uc = upstream_connect(w, p, &how, &connecting_ops, s);
	if (!s->uc) {
		connect_failed(s, p, errno);
		return;
	}
	balance_connected(p, w->number);
	s->uc->counted = true;
	if (!s->uc->conn.connecting) {
		connected(s);
		return;
	}
	set_connect_timer(s);
}

/* With variables: a group's name, or a numeric address. */
struct upstream_group *
stream_proxy_group(struct stream_session *s)
{
	const struct stream_server *how = s->server->stream;
	const struct upstream_spec *spec = how->upstream;
	struct span text;
	struct host_port hp;
	struct address address;

	if (!spec) {
		text = template_eval(how->proxy, s, s->arena);
		spec =
		    snapshot_stream_upstream(s->generation->snapshot, arena_lower(s->arena, text));
	}
	if (spec) {
		if (spec->hash_key)
			s->tried.key = template_eval(spec->hash_key, s, s->arena);
		return upstream_group_ref(upstream_groups_get(s->generation->upstreams, spec));
	}
	if (host_port_split(text, false, &hp) == NULL && (hp.is_unix || hp.port) &&
	    host_port_address(&hp, hp.port, s->arena, &address))
		return upstream_group_for_addresses(s->client->worker, text, &address, 1);
	stream_log(s, LOG_LEVEL_ERROR, "no upstream \"" SPAN_FMT "\"", SPAN_ARG(text));
	return NULL;
}

/* proxy_ssl. False: told. */
static bool
prepare_tls(struct stream_session *s)
{
	const struct upstream_tls_settings *t = &s->server->location_settings->proxy.tls;
	struct err e = ERR_INIT;

	if (!s->settings->proxy_ssl)
		return true;
	s->tls_name =
	    upstream_tls_name(t->name ? template_eval(t->name, s, s->arena)
				      : template_eval(s->server->stream->proxy, s, s->arena));
	s->tls = upstream_tls_get(s->generation, t, &e);
	if (!s->tls)
		stream_log(s, LOG_LEVEL_ERROR, "cannot speak TLS to upstream: %s", err_text(&e));
	err_release(&e);
	return s->tls != NULL;
}

void
stream_proxy_start(struct stream_session *s)
{
	s->step = STREAM_CONNECT;
	s->group = prepare_tls(s) ? stream_proxy_group(s) : NULL;
	if (!s->group) {
		stream_session_close(s, 500);
		return;
	}
	s->first_attempt_ms = now(s);
	try_next(s);
}
