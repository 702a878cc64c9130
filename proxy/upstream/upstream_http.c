/* SPDX-License-Identifier: ISC */
/*
 * upstream_http: one request's way to an upstream and back; see upstream_http.h. What has to be there before the first
 * peer is asked: target, body, addresses.
 */
#include "proxy/http/body_buffer.h"
#include "proxy/net/address.h"
#include "proxy/net/proxy_protocol.h"
#include "proxy/tls/tls_context.h"
#include "proxy/tls/upstream_tls.h"
#include "proxy/upstream/orphan.h"
#include "proxy/upstream/upstream_exchange.h"
#include "proxy/upstream/upstream_tracker.h"

/* What hash and ip_hash go by. */
static struct span
balance_key(const struct upstream_http *u)
{
	const struct sockaddr *remote = traffic_remote(&u->r->traffic);
	struct span key = { NULL, 0 };

	switch (upstream_group_method(u->group)) {
	case BALANCE_HASH:
	case BALANCE_HASH_CONSISTENT:
		return template_eval(u->target.spec->hash_key, u->r, u->r->arena);
	case BALANCE_IP_HASH:
		/* Of IPv4 the network; a unix socket has no address. */
		key = address_binary(remote);
		if (remote->sa_family != AF_INET6)
			key = remote->sa_family == AF_INET ? span_of(key.p, 3) : SPAN("\0\0\0");
		return key;
	default:
		return key;
	}
}

/* -1: told, and the request is being ended. */
static int
prepare_tls(struct upstream_http *u)
{
	const struct upstream_tls_settings *s = &u->settings->tls;
	struct request *r = u->r;
	struct err e = ERR_INIT;

	if (!u->target.tls)
		return 0;
	u->tls_name = upstream_tls_name(s->name ? template_eval(s->name, r, r->arena)
						: u->target.host_header);
	u->tls = upstream_tls_get(r->generation, s, &e);
	if (!u->tls) {
		request_log(r, LOG_LEVEL_ERROR, "cannot speak TLS to upstream: %s", err_text(&e));
		u->phase = PHASE_DONE;
		request_fail(r, 502);
	}
	err_release(&e);
	return u->tls ? 0 : -1;
}

/* proxy_protocol: whose the request is, to whom they spoke, and what is spoken to the upstream. */
static void
prepare_header(struct upstream_http *u)
{
	struct request *r = u->r;
	const struct proxy_claim claim = {
		.source = traffic_remote(&r->traffic),
		.destination = traffic_destination(&r->traffic),
		.authority = tls_server_name(r->client),
		.alpn = u->settings->http_1_0 ? SPAN("http/1.0") : SPAN("http/1.1"),
	};
	char *out;

	out = arena_bytes(r->arena, PROXY_HEADER_WRITE_MAX);
	u->header = span_of(out, proxy_header_write(u->settings->proxy_protocol, &claim, out));
}

/* The group is known and the request can be sent, as often as it takes. */
static void
start_exchange(struct upstream_http *u)
{
	if (prepare_tls(u) < 0)
		return;
	if (u->settings->proxy_protocol)
		prepare_header(u);
	upstream_attempts_init(u);
	u->tried.key = balance_key(u);
	upstream_start_attempt(u);
}

static void
on_resolved(struct resolver_query *q, const struct resolver_answer *answer)
{
	struct upstream_http *u =
	    (struct upstream_http *)((char *)q - offsetof(struct upstream_http, query));
	struct request *r = u->r;
	struct address addresses[8];
	size_t count = 0;

	if (answer->count == 0) {
		request_log(r, LOG_LEVEL_ERROR, SPAN_FMT " could not be resolved (%s)",
		    SPAN_ARG(u->target.host),
		    answer->reason ? answer->reason : "3: Host not found");
		u->phase = PHASE_DONE;
		request_fail(r, 502);
		return;
	}
	for (; count < answer->count && count < sizeof(addresses) / sizeof(addresses[0]); count++)
		addresses[count] =
		    resolved_with_port(&answer->addresses[count], u->target.host_port);
	u->group =
	    upstream_group_for_addresses(upstream_worker(u), u->target.host, addresses, count);
	start_exchange(u);
}

/* The name that proxy_pass came to. */
static void
resolve_target(struct upstream_http *u)
{
	const struct resolver_spec *spec = u->settings->resolver;
	struct resolver *resolver = spec ? worker_resolver(upstream_worker(u), spec) : NULL;

	u->phase = PHASE_RESOLVE;
	if (!resolver) {
		request_log(u->r, LOG_LEVEL_ERROR, "no resolver defined to resolve " SPAN_FMT,
		    SPAN_ARG(u->target.host));
		u->phase = PHASE_DONE;
		request_fail(u->r, 502);
		return;
	}
	u->query.done = on_resolved;
	resolver_ask(resolver, &u->query, u->target.host, u->settings->resolver_timeout_ms);
}

/* proxy_request_buffering: nobody is asked before all of the body is here. */
static void
read_body(struct upstream_http *u)
{
	struct request *r = u->r;

	if (!u->unbuffered && body_buffer_fill(r) != BODY_END)
		return;
	if (upstream_request_prepare(u) < 0) {
		u->phase = PHASE_DONE;
		request_fail(r, 500);
		return;
	}
	if (u->group)
		start_exchange(u);
	else
		resolve_target(u);
}

/* HTTP/1.0 has no chunks: what has no length is read whole whatever was asked for. */
static bool
wants_buffering(const struct upstream_http *u)
{
	const struct request *r = u->r;

	if (r->body_dropped || (!r->body_buffer && r->body_framing == BODY_NONE))
		return false;
	if (r->body_buffer)
		return true;
	return u->settings->request_buffering ||
	       (u->settings->http_1_0 && r->body_framing == BODY_CHUNKED);
}

static void
start_trace(struct upstream_http *u)
{
	struct request *r = u->r;

	if (!r->upstream)
		r->upstream = arena_zalloc(r->arena, sizeof(*r->upstream));
	r->upstream->redirected = r->upstream->first != NULL;
	r->upstream->host_header = u->target.host_header;
	r->upstream->port = u->target.port;
}

static void
handler_start(struct request *r)
{
	struct upstream_http *u = arena_zalloc(r->arena, sizeof(*u));

	r->handler_state = u;
	u->r = r;
	u->settings = &r->settings->proxy;
	u->phase = PHASE_REQUEST_BODY;
	if (upstream_target_find(r, &u->target) < 0) {
		u->phase = PHASE_DONE;
		request_fail(r, 500);
		return;
	}
	u->group = u->target.group;
	start_trace(u);
	if (wants_buffering(u))
		body_buffer_start(r);
	else
		u->unbuffered = true;
	read_body(u);
}

static void
handler_body(struct request *r)
{
	struct upstream_http *u = r->handler_state;

	if (u->phase == PHASE_REQUEST_BODY)
		read_body(u);
	else if (u->uc && u->phase != PHASE_CONNECT && !u->request_done)
		upstream_request_pump(u);
}

static void
handler_writable(struct request *r)
{
	struct upstream_http *u = r->handler_state;

	if (u->uc && u->phase == PHASE_BODY)
		upstream_pump_body(u);
	else if (u->phase == PHASE_DRAIN)
		upstream_drain(u);
}

static void
handler_release(struct request *r)
{
	struct upstream_http *u = r->handler_state;

	/* An upstream may act on what it was asked, should the configuration want it. */
	if (u->uc && u->settings->ignore_client_abort && u->request_done &&
	    u->phase == PHASE_HEAD) {
		orphan_start_take(u->uc, u->settings->read_timeout_ms);
		u->uc = NULL;
	}
	u->phase = PHASE_DONE;
	resolver_forget(&u->query);
	upstream_end_attempt(u, false);
	response_spool_release(&u->spool);
	if (u->group)
		upstream_group_unref(u->group);
	u->group = NULL;
}

const struct handler upstream_http_handler = {
	.name = "proxy",
	.start = handler_start,
	.on_body = handler_body,
	.on_writable = handler_writable,
	.release = handler_release,
};
