/* SPDX-License-Identifier: ISC */
/*
 * stream_session: the steps up to the relay, and the one way out; see stream_session.h.
 */
#include "proxy/stream/stream_session.h"

#include "base/mem.h"
#include "proxy/config/cidr.h"
#include "proxy/config/host_port.h"
#include "proxy/config/route.h"
#include "proxy/net/address.h"
#include "proxy/stream/stream_internal.h"
#include "proxy/tls/client_trust.h"
#include "proxy/tls/tls_context.h"
#include "proxy/tls/tls_facts.h"
#include "proxy/worker/arrival.h"
#include "proxy/worker/listen_slot.h"

#include <openssl/x509_vfy.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_SIZE 1000

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static void serve(struct stream_session *s);

uint64_t
stream_session_received(const struct stream_session *s)
{
	return s->conn.bytes_in;
}

uint64_t
stream_session_sent(const struct stream_session *s)
{
	return s->conn.bytes_out;
}

/* ---- the end --------------------------------------------------------------------------------------- */

static void
session_free(struct stream_session *s)
{
	arena_free(s->arena);
	client_release(&s->peer);
	generation_unref(s->generation);
	free(s);
}

static void
reap(struct deferred *d)
{
	session_free(from_member(d, struct stream_session, reap));
}

static void
on_free(struct conn *c)
{
	session_free(from_member(c, struct stream_session, conn));
}

/* Its socket is closed or given away; memory goes at the end of the turn. */
static void
leave(struct stream_session *s)
{
	s->step = STREAM_CLOSED;
	timer_clear(&s->timer);
	preread_stop(&s->preread);
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	if (s->conn.loop)
		conn_close(&s->conn); /* detached, it is on its way already */
	else
		loop_defer(s->client->worker->loop, &s->reap);
}

void
stream_session_close(struct stream_session *s, unsigned status)
{
	struct worker *w = s->client->worker;

	if (s->step == STREAM_CLOSED)
		return;
	stream_proxy_release(s);
	s->status = status;
	/* One that ended in its handshake is logged by what it has told until then. */
	if (s->conn.handshaking && s->conn.ssl)
		tls_client_note(&s->conn);
	stream_log_access(s);
	counter_add(&w->counters->bytes_in, (int64_t)stream_session_received(s));
	counter_add(&w->counters->bytes_out, (int64_t)stream_session_sent(s));
	if (s->fd >= 0)
		close(s->fd);
	leave(s);
	arrival_ended(w);
}

void
stream_sessions_close_of(struct worker *w, const struct generation *g, const char *why)
{
	struct stream_session *next;

	for (struct stream_session *s = w->sessions; s; s = next) {
		next = s->next;
		if (g && s->generation != g)
			continue;
		if (why)
			stream_log(s, LOG_LEVEL_INFO, "%s", why);
		stream_session_close(s, s->step == STREAM_RELAY ? 200 : 500);
	}
}

/* ---- return ---------------------------------------------------------------------------------------- */

static void
send_rest(struct conn *c)
{
	struct stream_session *s = c->owner;

	if (s->step != STREAM_RETURN)
		return;
	timer_set(c->loop, &s->timer, s->settings->timeout_ms);
	s->rest = span_after(s->rest, conn_write(c, s->rest));
	if (s->rest.n > 0)
		return;
	if (c->shut_done) {
		stream_session_close(s, 200);
		return;
	}
	conn_shutdown_write(c);
	conn_want_drain(c);
}

static void
start_return(struct stream_session *s)
{
	s->step = STREAM_RETURN;
	s->rest = template_eval(s->server->stream->ret, s, s->arena);
	if (stream_session_open_conn(s))
		send_rest(&s->conn);
}

/* ---- pass ------------------------------------------------------------------------------------------ */

/* "127.0.0.1:8080", "[::1]:8080", "8080", "unix:/path", as in listen. */
static bool
read_address(struct span text, struct arena *arena, struct address *a)
{
	struct host_port hp;

	return host_port_split(text, true, &hp) == NULL && (hp.is_unix || hp.port) &&
	       host_port_address(&hp, hp.port, arena, a);
}

static const struct endpoint *
find_endpoint(const struct listener *l, const struct address *a)
{
	for (size_t i = 0; i < l->endpoint_count; i++) {
		if (span_eq(l->endpoints[i].address.text, a->text))
			return &l->endpoints[i];
	}
	return NULL;
}

/*
 * The listener with this very address, held: of the newest generation, else of the session's own, which nobody accepts
 * for any more.
 */
static struct listen_slot *
find_slot(const struct stream_session *s, const struct address *a, const struct endpoint **ep)
{
	const struct snapshot *own = s->generation->snapshot;

	for (struct listen_slot *slot = s->client->worker->slots; slot; slot = slot->next) {
		*ep = find_endpoint(slot->listener, a);
		if (*ep)
			return listen_slot_ref(slot);
	}
	for (size_t i = 0; i < own->listener_count; i++) {
		*ep = find_endpoint(&own->listeners[i], a);
		if (*ep)
			return listen_slot_new_gone(s->generation, &own->listeners[i]);
	}
	return NULL;
}

/* Why the connection cannot go on at ep; NULL: it can. */
static const char *
pass_obstacle(const struct stream_session *s, const struct endpoint *ep)
{
	if (s->client->passes >= ARRIVAL_PASSES_MAX)
		return "going round in circles through";
	if (s->client->tls.facts && (ep->tls || ep->proxy_protocol))
		return "TLS is terminated already before";
	return NULL;
}

/* As if it had been accepted there, from the client's real address (nginx, ngx_stream_realip_module). */
static void
pass_on(struct stream_session *s, struct listen_slot *slot, const struct address *to)
{
	const struct sockaddr *peer = traffic_remote(&s->traffic);
	struct accepted a = {
		.fd = s->fd,
		.peer = peer,
		.peer_len = address_size(peer),
		.local = to,
		.number = s->client->number,
		.started_ms = s->client->started_ms,
		.proxied = s->client->proxied,
		.tls = s->client->tls,
		.passes = (uint8_t)(s->client->passes + 1),
	};

	s->client->tls = (struct client_tls){ .accept = NULL };
	s->fd = -1;
	if (s->conn.loop)
		a.fd = conn_detach(&s->conn, &a.transport);
	/* What a points to lives to the end of the turn, but for what its PROXY header said. */
	leave(s);
	arrival_pass_take(slot, &a);
	s->client->proxied = NULL;
}

static void
start_pass(struct stream_session *s)
{
	struct span text = template_eval(s->server->stream->pass, s, s->arena);
	const struct endpoint *ep = NULL;
	struct listen_slot *slot = NULL;
	const char *wrong = NULL;
	struct address to;

	if (!read_address(text, s->arena, &to))
		wrong = "invalid address";
	else if (!(slot = find_slot(s, &to, &ep)))
		wrong = "nobody listens on";
	else
		wrong = pass_obstacle(s, ep);
	if (wrong) {
		stream_log(s, LOG_LEVEL_ERROR, "%s \"" SPAN_FMT "\" of \"pass\"", wrong,
		    SPAN_ARG(text));
		stream_session_close(s, 500);
	} else {
		pass_on(s, slot, &to);
	}
	if (slot)
		listen_slot_unref(slot);
}

/* ---- TLS, ClientHello ------------------------------------------------------------------------------- */

/* What comes before it is asked for is left where it is. */
static void
on_readable(struct conn *c)
{
	(void)c;
}

static void
on_error(struct conn *c)
{
	struct stream_session *s = c->owner;

	stream_log(s, LOG_LEVEL_INFO, "%s%s", c->reason, stream_errno_text(s, c->saved_errno));
	stream_session_close(s, s->step == STREAM_HANDSHAKE ? 500 : 200);
}

static void
choose_server(struct stream_session *s, const struct server *server)
{
	s->server = server;
	s->settings = server->stream->settings;
}

/* What ssl_verify_client asks for (nginx, ngx_stream_ssl_handler). False: told. */
static bool
shows_certificate(struct stream_session *s)
{
	const struct tls_settings *tls = &s->server->settings->tls;

	if (tls->verify == TLS_VERIFY_OFF)
		return true;
	tls_client_judge(&s->traffic, s->server);
	if (s->verdict != X509_V_OK &&
	    !(tls->verify == TLS_VERIFY_OPTIONAL_NO_CA && client_trust_is_about_ca(s->verdict))) {
		stream_log(s, LOG_LEVEL_INFO, "client SSL certificate verify error: (%ld:%s)",
		    s->verdict, X509_verify_cert_error_string(s->verdict));
		return false;
	}
	if (tls->verify == TLS_VERIFY_ON && !s->client->tls.facts->certificate) {
		stream_log(s, LOG_LEVEL_INFO, "client sent no required SSL certificate");
		return false;
	}
	return true;
}

static void
on_handshake(struct conn *c)
{
	struct stream_session *s = c->owner;

	counter_add(&s->client->worker->counters->handshakes, 1);
	timer_clear(&s->timer);
	choose_server(s, route_server(s->endpoint, tls_server_name(s->client), &s->variables));
	if (tls_is_validation(s->client)) {
		stream_session_close(s, 200);
		return;
	}
	tls_accept_done(s->client, s->conn.ssl);
	if (shows_certificate(s))
		serve(s);
	else
		stream_session_close(s, 500);
}

static struct client *
client_of(const struct conn *c)
{
	const struct stream_session *s = c->owner;

	return s->client;
}

static const struct conn_ops session_ops = {
	.on_readable = on_readable,
	.on_writable = send_rest,
	.on_error = on_error,
	.on_handshake = on_handshake,
	.client = client_of,
};

bool
stream_session_open_conn(struct stream_session *s)
{
	struct worker *w = s->client->worker;
	int fd = s->fd;

	if (s->conn.loop)
		return true;
	s->fd = -1;
	if (conn_start(&s->conn, w->loop, w->pool, fd, false, &session_ops, s) == 0) {
		s->conn.nodelay_later = s->settings->tcp_nodelay && !s->endpoint->tls &&
					s->client->remote->sa_family != AF_UNIX;
		return true;
	}
	s->conn.loop = NULL;
	stream_log(s, LOG_LEVEL_ALERT, "epoll_ctl() failed%s", stream_errno_text(s, errno));
	stream_session_close(s, 500);
	return false;
}

static void
start_tls(struct stream_session *s)
{
	SSL *ssl;

	s->step = STREAM_HANDSHAKE;
	if (!stream_session_open_conn(s))
		return;
	ssl = tls_accept_new(s->generation, s->endpoint, s->client);
	if (!ssl) {
		stream_log(s, LOG_LEVEL_INFO, "cannot start TLS");
		stream_session_close(s, 500);
		return;
	}
	conn_set_tls_take(&s->conn, ssl);
	timer_set(s->client->worker->loop, &s->timer, s->settings->handshake_timeout_ms);
}

/* TLS that was terminated before the connection was passed on. False: told. */
static bool
resume_tls(struct stream_session *s, const struct conn_tls *tls)
{
	if (!stream_session_open_conn(s)) {
		conn_tls_free(tls, s->client->worker->pool);
		return false;
	}
	conn_resume_tls_take(&s->conn, tls);
	return true;
}

static enum parse_result
parse_hello(struct preread *p, char *bytes, size_t n)
{
	struct stream_session *s = from_member(p, struct stream_session, preread);
	struct client_hello hello;
	enum parse_result result = client_hello_parse(bytes, n, &hello);

	if (result != PARSE_OK)
		return result;
	/* bytes are gone when this returns. */
	s->hello_name = arena_dup(s->arena, hello.server_name);
	s->hello_alpn = client_hello_alpn(&hello, s->arena);
	s->hello_version = client_hello_version(&hello);
	return PARSE_OK;
}

/* Statuses are nginx's (ngx_stream_core_preread_phase). */
static void
hello_read(struct preread *p, enum preread_end end)
{
	struct stream_session *s = from_member(p, struct stream_session, preread);

	switch (end) {
	case PREREAD_OK:
		choose_server(s,
		    route_server(s->endpoint, arena_lower(s->arena, s->hello_name), &s->variables));
		serve(s);
		return;
	case PREREAD_BAD: /* whatever it is, it is passed on */
		serve(s);
		return;
	case PREREAD_FULL:
		stream_log(s, LOG_LEVEL_ERROR,
		    "ClientHello is larger than \"preread_buffer_size\"");
		stream_session_close(s, 400);
		return;
	case PREREAD_EOF:
		stream_session_close(s, 200);
		return;
	case PREREAD_ERROR:
		stream_log(s, LOG_LEVEL_INFO, "recv() failed%s", stream_errno_text(s, errno));
		stream_session_close(s, 200);
		return;
	case PREREAD_TIMEOUT:
		stream_log(s, LOG_LEVEL_INFO, "client timed out");
		stream_session_close(s, 200);
		return;
	}
}

static void
start_preread(struct stream_session *s)
{
	const struct stream_settings *settings = s->settings;
	struct worker *w = s->client->worker;

	s->step = STREAM_PREREAD;
	s->preread.parse = parse_hello;
	s->preread.done = hello_read;
	preread_start(&s->preread, w->loop, w->pool, s->fd, settings->preread_buffer_size,
	    settings->preread_timeout_ms);
}

/* ---- the beginning ---------------------------------------------------------------------------------- */

static void
serve(struct stream_session *s)
{
	const struct stream_server *how = s->server->stream;

	if (how->ret)
		start_return(s);
	else if (how->pass)
		start_pass(s);
	else
		stream_proxy_start(s);
}

static void
on_expire(struct timer *t)
{
	struct stream_session *s = from_member(t, struct stream_session, timer);

	stream_log(s, LOG_LEVEL_INFO, "client timed out");
	stream_session_close(s, s->step == STREAM_HANDSHAKE ? 500 : 200);
}

/* A trusted sender's PROXY header says whose the connection is (nginx, ngx_stream_realip_module). */
static void
find_real_ip(struct stream_session *s)
{
	const struct real_ip *settings = s->server->location_settings->real_ip;
	const struct proxied *p = s->client->proxied;

	if (settings && p && p->header.has_addresses && real_ip_trusts(settings, s->client->remote))
		s->remote = &p->header.source.u.sa;
}

static struct stream_session *
session_new(struct listen_slot *slot, const struct endpoint *ep, const struct accepted *a)
{
	struct stream_session *s = mem_zalloc(sizeof(*s));
	struct worker *w = slot->worker;

	s->client = &s->peer;
	client_init(s->client, slot, a);
	s->arena = arena_new(ARENA_SIZE);
	s->generation = generation_ref(slot->generation);
	s->started_ms = loop_now_ms(w->loop);
	variable_store_init(&s->variables, s->arena,
	    s->generation->snapshot->stream_variable_count);
	s->endpoint = ep;
	choose_server(s, ep->default_server);
	s->fd = a->fd;
	s->conn.watch.fd = s->preread.watch.fd = -1;
	s->conn.on_free = on_free;
	s->last = &s->first;
	s->timer.on_expire = on_expire;
	s->reap.run = reap;
	s->next = w->sessions;
	s->prev = &w->sessions;
	if (s->next)
		s->next->prev = &s->next;
	w->sessions = s;
	return s;
}

void
stream_session_accept_take(struct listen_slot *slot, const struct endpoint *ep,
    const struct accepted *a)
{
	struct stream_session *s = session_new(slot, ep, a);
	bool terminated = conn_tls_is_up(&a->transport);
	int nodelay = s->settings->tcp_nodelay;

	if (nodelay && ep->tls && s->client->remote->sa_family != AF_UNIX)
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof(nodelay));
	stream_log_arrival(s);
	if (terminated && !resume_tls(s, &a->transport))
		return;
	find_real_ip(s);
	if (!access_rule_allows(s->server->location_settings->access,
		traffic_remote(&s->traffic))) {
		stream_log(s, LOG_LEVEL_ERROR, "access forbidden by rule");
		stream_session_close(s, 403);
	} else if (ep->tls) {
		start_tls(s);
	} else if (s->settings->ssl_preread && !terminated) {
		start_preread(s);
	} else {
		serve(s);
	}
}
