/* SPDX-License-Identifier: ISC */
/*
 * upstream_attempt: one peer after the other, until one has answered or there is nobody left to ask.
 *
 * The ways out of an attempt are upstream_attempt_failed (another peer, or an error page), upstream_next_for_status
 * (another peer) and upstream_end_attempt (an answer was read, or the client is gone). Each lets go of the connection.
 */
#include "proxy/config/host_port.h"
#include "proxy/tls/upstream_tls.h"
#include "proxy/upstream/upstream_exchange.h"

#include <errno.h>
#include <string.h>

int64_t
upstream_attempt_age(const struct upstream_http *u)
{
	return loop_now_ms(upstream_worker(u)->loop) - u->attempt_started_ms;
}

void
upstream_drop_input(struct upstream_http *u)
{
	bufpool_return(upstream_worker(u)->pool, u->in);
	u->in = NULL;
	u->pending = span_of(NULL, 0);
}

void
upstream_end_attempt(struct upstream_http *u, bool keep)
{
	struct upstream_conn *uc = u->uc;

	timer_clear(&u->timer);
	timer_clear(&u->pause);
	if (u->trailer.max)
		buf_release(&u->trailer);
	loop_undefer(upstream_worker(u)->loop, &u->more);
	if (u->attempt) {
		u->attempt->response_ms = upstream_attempt_age(u);
		if (uc) {
			u->attempt->bytes_sent = uc->conn.bytes_out - u->bytes_out_before;
			u->attempt->bytes_received = uc->conn.bytes_in - u->bytes_in_before;
		}
	}
	upstream_drop_input(u);
	u->uc = NULL;
	if (!uc)
		return;
	if (keep)
		idle_pool_put(uc);
	else
		upstream_conn_close(uc);
}

const char *
upstream_doing(const struct upstream_http *u)
{
	switch (u->phase) {
	case PHASE_CONNECT:
		return u->uc && u->uc->conn.ssl ? "SSL handshaking to upstream"
						: "connecting to upstream";
	case PHASE_HEAD:
		return u->request_done ? "reading response header from upstream"
				       : "sending request to upstream";
	default:
		return "reading upstream";
	}
}

static bool
is_idempotent(struct span method)
{
	return !span_eq(method, SPAN("POST")) && !span_eq(method, SPAN("PATCH")) &&
	       !span_eq(method, SPAN("LOCK"));
}

/* May it go to another peer (proxy_next_upstream)? sent: a peer has seen at least a part of it. */
static bool
may_go_on(const struct upstream_http *u, unsigned kind, bool sent)
{
	const struct proxy_settings *s = u->settings;
	int64_t now_ms = loop_now_ms(upstream_worker(u)->loop);

	if (sent && !is_idempotent(u->request.method))
		kind |= NEXT_NON_IDEMPOTENT;
	if (u->attempts >= u->attempts_max || u->request_body_used ||
	    (s->next_upstream & kind) != kind)
		return false;
	return s->next_upstream_timeout_ms == 0 ||
	       now_ms - u->started_ms < s->next_upstream_timeout_ms;
}

/*
 * The peer closed a kept connection that it had not been asked anything on: that says nothing of the peer. Asked
 * again once, on a fresh connection, unless it may have begun to act on a request that must not be repeated.
 */
static bool
may_ask_again(const struct upstream_http *u, unsigned kind, bool sent)
{
	if (!u->reused || kind != NEXT_ERROR || u->phase == PHASE_BODY || u->request_body_used)
		return false;
	return !sent || is_idempotent(u->request.method) ||
	       (u->settings->next_upstream & NEXT_NON_IDEMPOTENT);
}

/* Something of the request itself. */
static bool
has_sent(const struct upstream_http *u)
{
	size_t header = u->reused ? 0 : u->header.n;

	return u->uc->conn.bytes_out > u->bytes_out_before + header;
}

static void
log_failure(const struct upstream_http *u, const char *why, int errnum)
{
	if (errnum)
		request_log(u->r, LOG_LEVEL_ERROR, "%s (%d: %s) while %s", why, errnum,
		    strerrordesc_np(errnum), upstream_doing(u));
	else
		request_log(u->r, LOG_LEVEL_ERROR, "%s while %s", why, upstream_doing(u));
}

static void
report_failure(const struct upstream_http *u, struct peer *p)
{
	if (balance_report(p, false, loop_now_ms(upstream_worker(u)->loop)))
		request_log(u->r, LOG_LEVEL_WARN, "upstream server temporarily disabled while %s",
		    upstream_doing(u));
}

void
upstream_attempt_failed(struct upstream_http *u, enum next_upstream kind, const char *why,
    int errnum)
{
	struct request *r = u->r;
	bool sent = u->uc && has_sent(u);
	bool again = u->uc && may_ask_again(u, kind, sent), next;
	unsigned status = kind == NEXT_TIMEOUT ? 504 : 502;

	log_failure(u, why, errnum);
	if (again) {
		balance_forget(u->uc->peer, &u->tried);
		u->want_fresh = true;
		u->attempts_max++;
	} else if (u->uc) {
		report_failure(u, u->uc->peer);
	}
	next = again || may_go_on(u, kind, sent);
	upstream_end_attempt(u, false);
	if (r->response.head_sent) {
		u->phase = PHASE_DONE;
		request_abort(r, why);
		return;
	}
	if (u->attempt)
		u->attempt->status = status;
	if (next) {
		upstream_start_attempt(u);
		return;
	}
	u->phase = PHASE_DONE;
	request_fail(r, status);
}

static unsigned
kind_of_status(unsigned status)
{
	switch (status) {
	case 500:
		return NEXT_HTTP_500;
	case 502:
		return NEXT_HTTP_502;
	case 503:
		return NEXT_HTTP_503;
	case 504:
		return NEXT_HTTP_504;
	case 403:
		return NEXT_HTTP_403;
	case 404:
		return NEXT_HTTP_404;
	case 429:
		return NEXT_HTTP_429;
	default:
		return 0;
	}
}

bool
upstream_next_for_status(struct upstream_http *u, unsigned status)
{
	unsigned kind = kind_of_status(status);

	if (!kind || !may_go_on(u, kind, true))
		return false;
	/* "Not here" is an answer, not a failure. */
	if (status != 403 && status != 404)
		report_failure(u, u->uc->peer);
	upstream_end_attempt(u, false);
	upstream_start_attempt(u);
	return true;
}

void
upstream_arm_timer(struct upstream_http *u)
{
	struct loop *loop = upstream_worker(u)->loop;

	if (!conn_out_empty(&u->uc->conn)) {
		/* Once it is sent, upstream_writable arms for what comes then. */
		conn_want_drain(&u->uc->conn);
		u->sent_before = u->uc->conn.bytes_out;
		timer_set(loop, &u->timer, u->settings->send_timeout_ms);
	} else if (u->pending.n > 0 || (!u->request_done && u->phase == PHASE_HEAD)) {
		timer_clear(&u->timer); /* the client is who keeps us waiting */
	} else {
		timer_set(loop, &u->timer, u->settings->read_timeout_ms);
	}
}

static void
on_expire(struct timer *t)
{
	struct upstream_http *u =
	    (struct upstream_http *)((char *)t - offsetof(struct upstream_http, timer));
	const struct conn *c = &u->uc->conn;

	/* A peer that takes something now and then is slow, not gone. */
	if (!conn_out_empty(c) && c->bytes_out != u->sent_before)
		upstream_arm_timer(u);
	else
		upstream_attempt_failed(u, NEXT_TIMEOUT, "upstream timed out", ETIMEDOUT);
}

static void
run_more(struct deferred *d)
{
	struct upstream_http *u =
	    (struct upstream_http *)((char *)d - offsetof(struct upstream_http, more));

	if (u->uc && !u->request_done)
		upstream_request_pump(u);
	if (u->phase == PHASE_BODY)
		upstream_pump_body(u);
	else if (u->phase == PHASE_DRAIN)
		upstream_drain(u);
}

static void
on_pause_over(struct timer *t)
{
	upstream_pump_body((struct upstream_http *)((char *)t -
						    offsetof(struct upstream_http, pause)));
}

static void
upstream_readable(struct conn *c)
{
	struct upstream_http *u = c->owner;

	if (u->phase == PHASE_CONNECT || u->pending.n > 0 || timer_active(&u->pause))
		return;
	upstream_pump_response(u);
}

/* There is a connection: TLS first, where that is spoken, within proxy_connect_timeout again (nginx). */
static void
connected(struct upstream_http *u)
{
	const struct connect_options how = { .tls = u->tls, .tls_name = u->tls_name };
	struct err e = ERR_INIT;

	if (!u->tls || u->reused) {
		upstream_request_begin(u);
		return;
	}
	if (!conn_out_empty(&u->uc->conn)) {
		conn_want_drain(&u->uc->conn); /* the PROXY header is outside */
		return;
	}
	timer_set(upstream_worker(u)->loop, &u->timer, u->settings->connect_timeout_ms);
	if (upstream_conn_begin_tls(u->uc, &how, &e) < 0)
		upstream_attempt_failed(u, NEXT_ERROR, err_text(&e), 0);
	err_release(&e);
}

static void
upstream_writable(struct conn *c)
{
	struct upstream_http *u = c->owner;

	if (u->phase != PHASE_CONNECT)
		upstream_request_pump(u);
	else if (!c->ssl)
		connected(u);
}

/* The certificate is judged here, when the log can say what is wrong with it. */
static void
upstream_handshake(struct conn *c)
{
	struct upstream_http *u = c->owner;
	const char *wrong = upstream_tls_verify(c->ssl, u->r->arena);

	if (wrong)
		upstream_attempt_failed(u, NEXT_ERROR, wrong, 0);
	else
		upstream_request_begin(u);
}

static void
upstream_error(struct conn *c)
{
	struct upstream_http *u = c->owner;

	if (u->phase == PHASE_CONNECT && c->ssl)
		upstream_tls_forget(c->ssl);
	upstream_attempt_failed(u, NEXT_ERROR, c->reason, c->saved_errno);
}

static const struct conn_ops upstream_ops = {
	.on_readable = upstream_readable,
	.on_writable = upstream_writable,
	.on_error = upstream_error,
	.on_handshake = upstream_handshake,
};

static void
note_attempt(struct upstream_http *u, const struct peer *p)
{
	struct request *r = u->r;
	struct upstream_attempt *a = arena_zalloc(r->arena, sizeof(*a));

	a->address = arena_dup(r->arena, p ? p->address.text : upstream_group_name(u->group));
	a->connect_ms = a->header_ms = -1;
	if (r->upstream->last)
		r->upstream->last->next = a;
	else
		r->upstream->first = a;
	r->upstream->last = a;
	r->upstream->head = NULL;
	r->upstream->trailers = NULL;
	a->redirected = r->upstream->redirected;
	r->upstream->redirected = false;
	u->attempt = a;
	u->attempt_started_ms = loop_now_ms(upstream_worker(u)->loop);
	r->upstream->target = u->target.uri;
	r->upstream->tls = u->target.tls;
}

/* At once, that is. Who is to blame: the peer, or we who ran out of descriptors or memory? */
static void
connect_failed(struct upstream_http *u, struct peer *p, int errnum)
{
	if (errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM) {
		request_log(u->r, LOG_LEVEL_CRIT, "socket() failed (%d: %s) while %s", errnum,
		    strerrordesc_np(errnum), upstream_doing(u));
		u->phase = PHASE_DONE;
		request_fail(u->r, 500);
		return;
	}
	report_failure(u, p);
	upstream_attempt_failed(u, NEXT_ERROR, "connect() failed", errnum);
}

/* bind: where the address goes. One that is none is logged and not used, as in nginx. */
static struct connect_options
connect_options_of(const struct upstream_http *u, struct address *bind)
{
	struct connect_options how = {
		.keepalive_probes = u->settings->socket_keepalive,
		.tls = u->tls,
		.tls_name = u->tls_name,
		.header = u->header,
	};
	struct span text;

	if (!u->settings->bind)
		return how;
	text = template_eval(u->settings->bind, u->r, u->r->arena);
	if (text.n == 0)
		return how;
	if (host_port_bind(text, u->r->arena, bind))
		how.bind = bind;
	else
		request_log(u->r, LOG_LEVEL_ERROR, "invalid local address \"" SPAN_FMT "\"",
		    SPAN_ARG(text));
	return how;
}

/* Nobody to ask: all rest, are down, were tried, or have no address. */
static void
nobody_left(struct upstream_http *u)
{
	note_attempt(u, NULL);
	u->attempt->status = 502;
	u->phase = PHASE_CONNECT;
	request_log(u->r, LOG_LEVEL_ERROR, "%s while connecting to upstream",
	    upstream_group_peer_count(u->group) ? "no live upstreams"
						: "host not found in upstream");
	u->phase = PHASE_DONE;
	request_fail(u->r, 502);
}

/* Next peer, next connection; ends in a request under way or an error page. */
void
upstream_start_attempt(struct upstream_http *u)
{
	struct worker *w = upstream_worker(u);
	struct peer *p = balance_pick(u->group, &u->tried, loop_now_ms(w->loop));
	struct connect_options how;
	struct address bind;

	u->attempts++;
	if (!p) {
		nobody_left(u);
		return;
	}
	note_attempt(u, p);
	u->request_done = false;
	u->body_offset = 0;
	memset(&u->scan, 0, sizeof(u->scan));
	memset(&u->chunked, 0, sizeof(u->chunked));
	u->interims = 0;
	u->phase = PHASE_CONNECT;
	how = connect_options_of(u, &bind);
	u->uc = u->want_fresh ? NULL : idle_pool_take(p, &how, &upstream_ops, u);
	u->reused = u->uc != NULL;
	if (!u->uc)
		u->uc = upstream_connect(w, p, &how, &upstream_ops, u);
	if (!u->uc) {
		connect_failed(u, p, errno);
		return;
	}
	balance_connected(p, w->number);
	u->uc->counted = true;
	u->uc->conn.read_after_write_error = 1;
	u->bytes_out_before = u->uc->conn.bytes_out;
	u->bytes_in_before = u->uc->conn.bytes_in;
	if (u->uc->conn.connecting)
		timer_set(w->loop, &u->timer, u->settings->connect_timeout_ms);
	else
		connected(u);
}

void
upstream_attempts_init(struct upstream_http *u)
{
	u->timer.on_expire = on_expire;
	u->more.run = run_more;
	u->pause.on_expire = on_pause_over;
	u->attempts_max = upstream_group_peer_count(u->group);
	if (u->settings->next_upstream_tries && u->attempts_max > u->settings->next_upstream_tries)
		u->attempts_max = u->settings->next_upstream_tries;
	u->started_ms = loop_now_ms(upstream_worker(u)->loop);
}
