/* SPDX-License-Identifier: ISC */
/* explain: see explain.h. */
#include "proxy/worker/explain.h"

#include "base/mem.h"
#include "proxy/config/host_port.h"
#include "proxy/config/route.h"
#include "proxy/http/http_variable.h"
#include "proxy/http/request_life.h"
#include "proxy/net/address.h"
#include "proxy/tls/tls_facts.h"
#include "proxy/upstream/upstream.h"
#include "proxy/upstream/upstream_explain.h"
#include "proxy/worker/listen_slot.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

/* An URL, taken apart. */
struct url {
	bool tls;
	struct host_port at; /* with its port filled in */
	struct span authority, target;
};

struct explanation {
	struct request *request;
	struct buf *out;
	struct worker worker;
	struct counter_slot counters;
	struct generation generation;
	struct listen_slot slot;
	struct client client;
	struct sockaddr_in remote;
	struct conn sink;
	struct span body; /* of an answer of our own */
	bool answered;
};

static int
parse_url(struct span text, struct arena *arena, struct url *u, struct err *e)
{
	ptrdiff_t slash;
	const char *wrong;

	u->tls = span_starts(text, SPAN("https://"));
	if (!u->tls && !span_starts(text, SPAN("http://"))) {
		err_set(e, ERR_USAGE, "\"" SPAN_FMT "\" is no URL", SPAN_ARG(text));
		return err_hint(e, "write it like \"https://www.example.com/path\"");
	}
	text = span_after(text, u->tls ? 8 : 7);
	slash = span_find(text, '/');
	if (slash < 0)
		slash = span_find(text, '?');
	u->authority = slash < 0 ? text : span_of(text.p, (size_t)slash);
	u->target = slash < 0 ? SPAN("/") : span_after(text, (size_t)slash);
	if (u->target.p[0] == '?')
		u->target = arena_printf(arena, "/" SPAN_FMT, SPAN_ARG(u->target));
	wrong = host_port_split(u->authority, false, &u->at);
	if (wrong)
		return err_set(e, ERR_USAGE, "%s in \"" SPAN_FMT "\"", wrong,
		    SPAN_ARG(u->authority));
	if (u->at.port == 0)
		u->at.port = u->tls ? 443 : 80;
	return 0;
}

/* Where such a request would arrive: the address itself, else any address, else the port's first. */
static const struct listener *
find_listener(const struct snapshot *s, const struct url *u, struct arena *arena,
    const struct endpoint **found)
{
	const struct listener *listener = NULL;
	struct address address;
	bool numeric = host_port_address(&u->at, u->at.port, arena, &address);
	int best = -1;

	for (size_t i = 0; i < s->listener_count; i++) {
		const struct listener *l = &s->listeners[i];

		for (size_t k = 0; k < l->endpoint_count; k++) {
			const struct endpoint *ep = &l->endpoints[k];
			int score = 0;

			if (address_port(&ep->address.u.sa) != u->at.port || ep->tls != u->tls)
				continue;
			if (numeric && span_eq(ep->address.text, address.text))
				score = 2;
			else if (ep == &l->endpoints[l->endpoint_count - 1])
				score = 1;
			if (score <= best)
				continue;
			best = score;
			listener = l;
			*found = ep;
		}
	}
	return listener;
}

/* ---- a codec that keeps what it is given ------------------------------------------------------------ */

static struct explanation *
of(const struct request *r)
{
	return (struct explanation *)((char *)r->client - offsetof(struct explanation, client));
}

static void
keep_head(struct request *r)
{
	of(r)->answered = true;
}

static size_t
keep_body(struct request *r, struct span bytes)
{
	struct explanation *x = of(r);

	if (x->body.n == 0)
		x->body = arena_dup(r->arena, bytes);
	return bytes.n;
}

static void
keep_end(struct request *r)
{
	of(r)->answered = true;
}

static void
keep_abort(struct request *r, const char *reason)
{
	of(r)->answered = true;
	buf_printf(of(r)->out, "answer      none: %s\n", reason);
}

static enum body_state
no_body(struct request *r, struct span *bytes)
{
	*bytes = span_of(NULL, 0);
	return BODY_END;
}

static void
consume_none(struct request *r, size_t n)
{
}

static void
send_nothing(struct request *r)
{
}

static const struct codec codec = {
	.send_head = keep_head,
	.send_body = keep_body,
	.send_end = keep_end,
	.abort = keep_abort,
	.begin_tunnel = send_nothing,
	.send_eof = send_nothing,
	.body_peek = no_body,
	.body_consume = consume_none,
};

/* ---- what is told -------------------------------------------------------------------------------------- */

static void
tell_place(struct buf *out, const struct node *n)
{
	if (n && n->file && n->file->path.n > 0)
		buf_printf(out, " in " SPAN_FMT ":%u", SPAN_ARG(n->file->path), n->line);
	buf_add_char(out, '\n');
}

static void
tell_words(struct buf *out, const struct node *n)
{
	for (unsigned i = 0; n && i < n->word_count; i++) {
		buf_add_str(out, i > 0 ? " " : "");
		buf_add(out, n->words[i].text);
	}
}

static void
tell_route(struct explanation *x)
{
	const struct request *r = x->request;
	const struct server *server = r->server;
	const char *gap = "";

	buf_printf(x->out, "server      ");
	for (size_t i = 0; i < server->name_count; i++, gap = " ")
		buf_printf(x->out, "%s\"" SPAN_FMT "\"", gap, SPAN_ARG(server->names[i]));
	tell_place(x->out, server->node);
	if (!r->location || r->location == &server->root_location) {
		buf_add_str(x->out, "location    none\n");
		return;
	}
	buf_add_str(x->out, "location    ");
	tell_words(x->out, r->location->node);
	tell_place(x->out, r->location->node);
}

static void
tell_peers(struct buf *out, const struct upstream_spec *group)
{
	for (size_t i = 0; group && i < group->server_count; i++) {
		const struct upstream_server *s = &group->servers[i];

		buf_printf(out, "%s" SPAN_FMT "%s%s", i ? ", " : "peers       ", SPAN_ARG(s->name),
		    s->down ? " (down)" : "", s->backup ? " (backup)" : "");
	}
	if (group && group->server_count > 0)
		buf_add_char(out, '\n');
}

/* The head, each line indented. */
static void
tell_head(struct explanation *x)
{
	bool begins = true;

	for (struct chunk *k = x->sink.out; k; k = k->next) {
		for (unsigned i = k->start; i < k->end; i++) {
			char c = k->data[i];

			if (c == '\r')
				continue;
			if (begins && c != '\n')
				buf_add_str(x->out, "    ");
			buf_add_char(x->out, c);
			begins = c == '\n';
		}
	}
}

static void
tell_upstream(struct explanation *x)
{
	struct upstream_explanation up = { .group = NULL };

	if (upstream_explain(x->request, &x->sink, &up) < 0) {
		buf_add_str(x->out, "answer      500, see the error log\n");
		return;
	}
	buf_printf(x->out, "upstream    " SPAN_FMT "\n", SPAN_ARG(up.url));
	tell_peers(x->out, up.group);
	buf_add_str(x->out, "request\n");
	tell_head(x);
}

static void
tell_file(struct explanation *x)
{
	struct request *r = x->request;
	struct span none = variable_none(), unused;
	const struct variable *v =
	    variable_find(&http_variables, SPAN("request_filename"), &unused);
	struct span path = v ? v->get(r, none) : none;

	if (!path.p)
		buf_add_str(x->out, "answer      404: the path leads out of the directory\n");
	else
		buf_printf(x->out, "file        " SPAN_FMT "%s\n", SPAN_ARG(path),
		    access(arena_strdup(r->arena, path), F_OK) < 0 ? " (not there)" : "");
}

/* What would be started; its own answers are let come. */
static bool
look_at(struct request *r, const struct handler *h)
{
	struct explanation *x = of(r);
	bool is_directory = r->uri.n > 0 && r->uri.p[r->uri.n - 1] == '/';

	if (h == &upstream_http_handler) {
		tell_route(x);
		tell_upstream(x);
	} else if (h == &static_file_handler && !is_directory) {
		tell_route(x);
		tell_file(x);
	} else if (h == &status_handler) {
		tell_route(x);
		buf_add_str(x->out, "answer      what the running tinyproxyd has counted\n");
	} else {
		return false;
	}
	x->answered = true;
	r->intercept = NULL;
	r->response.status = 0;
	return true;
}

static void
tell_answer(struct explanation *x)
{
	const struct response *res = &x->request->response;

	if (res->status == 0)
		return;
	tell_route(x);
	buf_printf(x->out, "answer      %u\n", res->status);
	for (unsigned i = 0; i < res->headers.count; i++) {
		const struct header *h = &res->headers.rows[i];

		if (!h->hidden)
			buf_printf(x->out, "    " SPAN_FMT ": " SPAN_FMT "\n", SPAN_ARG(h->name),
			    SPAN_ARG(h->value));
	}
	if (res->content_type.n > 0)
		buf_printf(x->out, "    Content-Type: " SPAN_FMT "\n", SPAN_ARG(res->content_type));
}

/* ---- the request ------------------------------------------------------------------------------------- */

/* Of a connection that is TLS in name. */
static struct tls_facts *
facts_before(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	struct tls_facts *facts = ssl ? tls_facts_new(ssl) : NULL;

	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return facts;
}

static void
world_init(struct explanation *x, const struct snapshot *s, const struct listener *l,
    const struct endpoint *ep, const struct log *log)
{
	x->worker.loop = loop_new();
	x->worker.pool = bufpool_new();
	x->worker.pid = getpid();
	x->worker.generation = &x->generation;
	x->generation.refs = 1;
	x->generation.worker = &x->worker;
	x->generation.snapshot = (struct snapshot *)(uintptr_t)s;
	x->generation.upstreams = upstream_groups_new(&x->generation, NULL);
	x->slot.refs = 1;
	x->slot.worker = &x->worker;
	x->slot.generation = &x->generation;
	x->slot.listener = l;
	x->worker.counters = &x->counters;
	x->client.worker = &x->worker;
	x->client.slot = &x->slot;
	x->client.number = 1;
	x->client.local = &ep->address.u.sa;
	x->remote.sin_family = AF_INET;
	x->remote.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	x->client.remote = (struct sockaddr *)&x->remote;
	x->generation.error_logs = mem_zalloc((s->error_log_count + 1) * sizeof(struct log));
	for (size_t i = 0; i < s->error_log_count; i++)
		x->generation.error_logs[i] = *log;
	if (ep->tls) {
		x->client.tls.facts = facts_before();
	}
	x->sink.loop = x->worker.loop;
	x->sink.pool = x->worker.pool;
}

static void
world_release(struct explanation *x)
{
	loop_undefer(x->worker.loop, &x->sink.turn_end);
	while (x->sink.out) {
		struct chunk *k = x->sink.out;

		x->sink.out = k->next;
		bufpool_return(x->worker.pool, k);
	}
	upstream_groups_free(x->generation.upstreams);
	tls_facts_free(x->client.tls.facts);
	free(x->generation.error_logs);
	bufpool_free(x->worker.pool);
	loop_free(x->worker.loop);
}

static int
run(struct explanation *x, const struct url *u, struct arena *arena, struct err *e)
{
	struct request *r = arena_zalloc(arena, sizeof(*r));
	const struct http1_limits limits = { .max_headers = 16 };
	struct http1_request_head *head = arena_zalloc(arena, sizeof(*head));
	const char *why = NULL;
	struct span text =
	    arena_printf(arena, "GET " SPAN_FMT " HTTP/1.1\r\nHost: " SPAN_FMT "\r\n\r\n",
		SPAN_ARG(u->target), SPAN_ARG(u->authority));

	request_init(r, arena, &x->client, &codec);
	x->request = r;
	r->intercept = look_at;
	if (http1_parse_request(text, &limits, arena, head, &why) == PARSE_OK) {
		r->request_line = head->request_line;
		r->method = head->method;
		r->target = head->target;
		r->http_major = 1;
		r->http_minor = 1;
		r->headers = head->headers;
		why = request_take_target(r, head->path_query, head->host);
	}
	if (why)
		return err_set(e, ERR_USAGE, "such a request would be refused with 400: %s", why);
	request_route(r);
	if (x->answered)
		tell_answer(x);
	else
		buf_add_str(x->out,
		    "answer      depends on what only a running tinyproxyd knows\n");
	if (r->handler && r->handler->release)
		r->handler->release(r);
	return 0;
}

int
explain_url(const struct snapshot *s, struct span url, const struct log *log, struct buf *out,
    struct err *e)
{
	struct arena *arena = arena_new(0);
	struct explanation *x = mem_zalloc(sizeof(*x));
	const struct endpoint *ep = NULL;
	const struct listener *l;
	struct url u;
	int rc = -1;

	x->out = out;
	if (parse_url(url, arena, &u, e) < 0)
		goto out;
	l = find_listener(s, &u, arena, &ep);
	if (!l) {
		err_set(e, ERR_CONFIG, "nothing listens for %s on port %u",
		    u.tls ? "https" : "http", u.at.port);
		goto out;
	}
	world_init(x, s, l, ep, log);
	buf_printf(out, SPAN_FMT "\nlisten      " SPAN_FMT "%s\n", SPAN_ARG(url),
	    SPAN_ARG(ep->address.text), ep->tls ? " ssl" : "");
	rc = run(x, &u, arena, e);
	arena_free(arena);
	arena = NULL;
	world_release(x);
out:
	arena_free(arena);
	free(x);
	return rc;
}
