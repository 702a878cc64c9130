/* SPDX-License-Identifier: ISC */
/* client_conn: see client_conn.h. */
#include "proxy/http/client_conn.h"

#include "base/mem.h"
#include "proxy/config/route.h"
#include "proxy/http/h2_conn.h"
#include "proxy/net/address.h"
#include "proxy/tls/tls_context.h"
#include "proxy/tls/tls_facts.h"
#include "proxy/worker/arrival.h"
#include "proxy/worker/listen_slot.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define from_member(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct client_conn *
client_conn_of(struct client *client)
{
	return from_member(client, struct client_conn, client);
}

const struct server *
client_conn_default_server(const struct client_conn *cc)
{
	return route_endpoint(cc->client.slot->listener, cc->client.local)->default_server;
}

const struct server *
client_conn_first_server(struct client_conn *cc)
{
	const struct listen_slot *slot = cc->client.slot;
	struct span name;

	if (cc->named && cc->named_in == slot->generation->number)
		return cc->named;
	name = tls_server_name(&cc->client);
	if (name.n == 0)
		return client_conn_default_server(cc);
	cc->named = route_server(route_endpoint(slot->listener, cc->client.local), name, NULL);
	cc->named_in = slot->generation->number;
	return cc->named;
}

static void
log_client(const struct client_conn *cc, enum log_level level, const char *what, const char *why)
{
	const struct generation *g = cc->client.slot->generation;
	const struct error_log *el = client_conn_default_server(cc)->location_settings->error_log;
	struct log log = generation_error_log(g, el);
	char client[ADDRESS_TEXT];

	if (!log_wants(&log, level))
		return;
	log_msg(&log, level, "*%llu %s%s, client: " SPAN_FMT ", server: " SPAN_FMT,
	    (unsigned long long)cc->client.number, why, what,
	    SPAN_ARG(address_text(cc->client.remote, client)),
	    SPAN_ARG(cc->client.slot->listener->address.text));
}

void
client_conn_log(const struct client_conn *cc, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_client(cc, LOG_LEVEL_INFO, cc->wire->doing(cc), text);
}

bool
client_conn_allows_h2(const struct client_conn *cc)
{
	const struct endpoint *ep = route_endpoint(cc->client.slot->listener, cc->client.local);

	return ep->http2 || ep->default_server->settings->http2;
}

void
client_conn_close(struct client_conn *cc, const char *why)
{
	struct worker *w = cc->client.worker;

	if (cc->conn.closed)
		return;
	if (why)
		log_client(cc, LOG_LEVEL_INFO,
		    cc->conn.handshaking ? " while SSL handshaking" : cc->wire->doing(cc), why);
	if (cc->conn.handshaking)
		counter_add(&w->counters->handshake_failures, 1);
	timer_clear(&cc->timer);
	timer_clear(&cc->send_timer);
	cc->wire->release(cc);
	*cc->prev = cc->next;
	if (cc->next)
		cc->next->prev = cc->prev;
	conn_close(&cc->conn);
	arrival_ended(w);
}

static void
on_free(struct conn *c)
{
	struct client_conn *cc = from_member(c, struct client_conn, conn);

	client_release(&cc->client);
	free(cc);
}

static void
on_readable(struct conn *c)
{
	struct client_conn *cc = c->owner;

	cc->wire->readable(cc);
}

static void
on_writable(struct conn *c)
{
	struct client_conn *cc = c->owner;

	cc->wire->writable(cc);
}

static void
on_error(struct conn *c)
{
	client_conn_close(c->owner, c->reason);
}

/* The protocol that TLS was told of. */
static void
start_codec(struct client_conn *cc)
{
	http1_start(cc);
	if (span_eq(cc->client.tls.facts->alpn, SPAN("h2")))
		h2_start(cc, span_of(NULL, 0));
}

static void
on_handshake(struct conn *c)
{
	struct client_conn *cc = c->owner;

	if (!conn_is_tls(c)) {
		cc->client.plain_to_tls = true;
		tls_accept_done(&cc->client, NULL);
		http1_start(cc);
		return;
	}
	counter_add(&cc->client.worker->counters->handshakes, 1);
	if (tls_is_validation(&cc->client)) {
		client_conn_close(cc, NULL);
		return;
	}
	/* Else it is done when the handshake is. */
	if (!cc->client.tls.facts->early)
		tls_accept_done(&cc->client, c->ssl);
	start_codec(cc);
}

static struct client *
client_of(const struct conn *c)
{
	struct client_conn *cc = c->owner;

	return &cc->client;
}

static const struct conn_ops client_ops = {
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_error = on_error,
	.on_handshake = on_handshake,
	.client = client_of,
};

static void
on_expire(struct timer *t)
{
	struct client_conn *cc = from_member(t, struct client_conn, timer);

	if (cc->conn.handshaking)
		client_conn_close(cc, "client timed out");
	else
		cc->wire->expired(cc);
}

void
client_conn_wait_drain(struct client_conn *cc, int64_t timeout_ms)
{
	/* More to send is no reason to wait longer for one that takes nothing. */
	if (timer_active(&cc->send_timer) && conn_sent(&cc->conn) == cc->sent_before &&
	    timeout_ms == cc->send_timeout_ms)
		return;
	cc->send_timeout_ms = timeout_ms;
	cc->sent_before = conn_sent(&cc->conn);
	timer_set(cc->client.worker->loop, &cc->send_timer, timeout_ms);
}

/* A client that takes something now and then is slow, not gone. */
static void
on_send_expire(struct timer *t)
{
	struct client_conn *cc = from_member(t, struct client_conn, send_timer);

	if (conn_sent(&cc->conn) != cc->sent_before)
		client_conn_wait_drain(cc, cc->send_timeout_ms);
	else
		client_conn_time_out(cc, "client timed out");
}

void
client_conn_set_nodelay(struct client_conn *cc, bool on)
{
	int value = on;

	if (on == cc->conn.nodelay || cc->client.remote->sa_family == AF_UNIX)
		return;
	cc->conn.nodelay = on;
	setsockopt(cc->conn.watch.fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value));
}

/* What waits for the client in the kernel goes at once, instead of being offered for minutes. */
void
client_conn_time_out(struct client_conn *cc, const char *why)
{
	const struct request *r = cc->wire->next_request(cc, NULL);
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (r ? r->settings->reset_timedout_connection : cc->http1.reset_timedout)
		setsockopt(cc->conn.watch.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	client_conn_close(cc, why);
}

/* TLS or straight to the codec. up: TLS that is up already (taken), if any. */
static bool
start_transport(struct client_conn *cc, const struct conn_tls *up)
{
	const struct endpoint *ep = route_endpoint(cc->client.slot->listener, cc->client.local);
	bool is_up = conn_tls_is_up(up);
	SSL *ssl;

	if (is_up)
		conn_resume_tls_take(&cc->conn, up);
	if (is_up && client_conn_allows_h2(cc)) {
		start_codec(cc);
		return true;
	}
	if (is_up || !ep->tls) {
		http1_start(cc);
		return true;
	}
	ssl = tls_accept_new(cc->client.slot->generation, ep, &cc->client);
	if (!ssl)
		return false;
	conn_set_tls_take(&cc->conn, ssl);
	cc->conn.accept_plain = 1;
	cc->conn.early_data = tls_accept_may_be_early(cc->client.slot->generation);
	timer_set(cc->client.worker->loop, &cc->timer,
	    ep->default_server->settings->client_header_timeout_ms);
	return true;
}

void
client_conn_accept_take(struct listen_slot *slot, const struct accepted *a)
{
	struct worker *w = slot->worker;
	struct client_conn *cc = mem_zalloc(sizeof(*cc));

	cc->wire = &http1_wire;
	client_init(&cc->client, slot, a);
	cc->timer.on_expire = on_expire;
	cc->send_timer.on_expire = on_send_expire;
	cc->conn.on_free = on_free;
	if (conn_start(&cc->conn, w->loop, w->pool, a->fd, false, &client_ops, cc) < 0) {
		conn_tls_free(&a->transport, w->pool);
		on_free(&cc->conn);
		arrival_ended(w);
		return;
	}
	client_conn_set_nodelay(cc, client_conn_default_server(cc)->location_settings->tcp_nodelay);
	cc->next = w->clients;
	cc->prev = &w->clients;
	if (cc->next)
		cc->next->prev = &cc->next;
	w->clients = cc;
	if (!start_transport(cc, &a->transport))
		client_conn_close(cc, "cannot start TLS");
}

bool
client_conn_serves(const struct client_conn *cc, const struct generation *g)
{
	const struct request *r = NULL;

	while ((r = cc->wire->next_request(cc, r))) {
		if (r->generation == g)
			return true;
	}
	return false;
}

bool
client_conn_serves_other(const struct client_conn *cc, const struct generation *g)
{
	const struct request *r = NULL;

	while ((r = cc->wire->next_request(cc, r))) {
		if (r->generation != g)
			return true;
	}
	return false;
}

void
client_conns_retire(struct worker *w, bool only_gone)
{
	struct client_conn *next;

	for (struct client_conn *cc = w->clients; cc; cc = next) {
		next = cc->next;
		if ((!only_gone || cc->client.slot->gone) && !cc->conn.handshaking)
			cc->wire->retire(cc);
	}
}

/* Each of its requests that g serves; the connection, when it has nothing else to live for. */
static void
close_of(struct client_conn *cc, const struct generation *g, const char *why)
{
	const struct listen_slot *slot = cc->client.slot;
	struct request *r, *next;

	if (slot->gone && slot->generation == g) {
		client_conn_close(cc, why);
		return;
	}
	for (r = cc->wire->next_request(cc, NULL); r && !cc->conn.closed; r = next) {
		next = cc->wire->next_request(cc, r);
		if (r->generation == g)
			cc->wire->cut(cc, r, why);
	}
}

void
client_conns_close_of(struct worker *w, const struct generation *g, const char *why)
{
	struct client_conn *next;

	for (struct client_conn *cc = w->clients; cc; cc = next) {
		next = cc->next;
		close_of(cc, g, why);
	}
}
