/* SPDX-License-Identifier: ISC */
/*
 * directive_listen: what a server listens on.
 */
#include "proxy/config/host_port.h"
#include "proxy/config/loader.h"
#include "proxy/config/value.h"

#define DEFAULT_PORT 80

static struct listen *
listen_new(struct loader *l, struct server *server, const struct node *n)
{
	struct listen *it = arena_zalloc(l->scratch, sizeof(*it));

	it->server = server;
	it->node = n;
	it->ipv6only = -1;
	return it;
}

struct listen *
listen_default(struct loader *l, struct server *server, const struct node *n)
{
	struct listen *it = listen_new(l, server, n);
	const struct host_port any = { .port = DEFAULT_PORT };

	host_port_address(&any, any.port, l->scratch, &it->address);
	return it;
}

/* known "VALUE" of "known=VALUE", or false. */
static bool
has_value(struct span word, struct span known, struct span *value)
{
	if (!span_starts(word, known))
		return false;
	*value = span_after(word, known.n);
	return true;
}

static int
set_ipv6only(struct loader *l, const struct node *n, const struct word *w, struct span value,
    struct listen *it)
{
	if (span_eq(value, SPAN("on")))
		it->ipv6only = 1;
	else if (span_eq(value, SPAN("off")))
		it->ipv6only = 0;
	else
		return loader_word_error(l, n, w, "invalid ipv6only flags \"" SPAN_FMT "\"",
		    SPAN_ARG(value));
	if (it->address.u.sa.sa_family != AF_INET6)
		return loader_word_error(l, n, w,
		    "ipv6only is not supported on addr \"" SPAN_FMT "\"",
		    SPAN_ARG(it->address.text));
	return 0;
}

/* so_keepalive=on|off|[IDLE]:[INTERVAL]:[COUNT] */
static int
set_so_keepalive(struct loader *l, const struct node *n, const struct word *w, struct span value,
    struct socket_options *o)
{
	struct span parts[3], rest = value;
	int *seconds[] = { &o->keepalive_idle_s, &o->keepalive_interval_s };
	uint64_t count;
	int64_t ms;

	o->keepalive = span_eq(value, SPAN("off")) ? -1 : 1;
	if (o->keepalive < 0 || span_eq(value, SPAN("on")))
		return 0;
	for (size_t i = 0; i < 3; i++) {
		if (!span_split(&rest, ':', &parts[i]))
			parts[i] = span_of(NULL, 0);
	}
	if (rest.n > 0 || parts[0].n + parts[1].n + parts[2].n == 0)
		goto invalid;
	for (size_t i = 0; i < 2; i++) {
		if (parts[i].n == 0)
			continue;
		if (value_parse_duration(parts[i], DURATION_S, &ms) < 0 || ms < 1000 ||
		    ms / 1000 > INT32_MAX)
			goto invalid;
		*seconds[i] = (int)(ms / 1000);
	}
	if (parts[2].n > 0) {
		if (span_to_u64(parts[2], INT32_MAX, &count) < 0 || count == 0)
			goto invalid;
		o->keepalive_count = (int)count;
	}
	return 0;
invalid:
	loader_word_error(l, n, w, "invalid so_keepalive value: \"" SPAN_FMT "\"", SPAN_ARG(value));
	diagnostic_hint(l->diags, "it is on, off, or IDLE:INTERVAL:COUNT like \"30m::10\"");
	return -1;
}

static int
set_buffer(struct loader *l, const struct node *n, const struct word *w, struct span value,
    int *out)
{
	uint64_t size;

	if (value_parse_size(value, INT32_MAX, &size) < 0 || size == 0)
		return loader_word_error(l, n, w, "invalid %s \"" SPAN_FMT "\"",
		    span_starts(w->text, SPAN("rcvbuf")) ? "rcvbuf" : "sndbuf", SPAN_ARG(value));
	*out = (int)size;
	return 0;
}

/* Of its socket; false when the word is none of them. */
static bool
set_socket_option(struct loader *l, const struct node *n, const struct word *w, struct listen *it,
    int *rc)
{
	struct socket_options *o = &it->options;
	struct span value;
	uint64_t backlog;

	*rc = 0;
	if (has_value(w->text, SPAN("backlog="), &value)) {
		if (span_to_u64(value, INT32_MAX, &backlog) < 0 || backlog == 0)
			*rc = loader_word_error(l, n, w, "invalid backlog \"" SPAN_FMT "\"",
			    SPAN_ARG(value));
		else
			o->backlog = (int)backlog;
	} else if (has_value(w->text, SPAN("rcvbuf="), &value)) {
		*rc = set_buffer(l, n, w, value, &o->receive_buffer);
	} else if (has_value(w->text, SPAN("sndbuf="), &value)) {
		*rc = set_buffer(l, n, w, value, &o->send_buffer);
	} else if (has_value(w->text, SPAN("so_keepalive="), &value)) {
		*rc = set_so_keepalive(l, n, w, value, o);
	} else if (span_eq(w->text, SPAN("deferred"))) {
		o->deferred = true;
	} else if (span_eq(w->text, SPAN("reuseport"))) {
		o->reuseport = true;
	} else {
		return false;
	}
	it->options_said = true;
	return true;
}

/* What nginx listens for, or did, besides. */
static int
bad_parameter(struct loader *l, const struct node *n, const struct word *w)
{
	static const char *const later[] = { "fastopen=", "setfib=", "accept_filter=", "bind",
		NULL };
	static const struct {
		struct span name;
		const char *hint;
	} others[] = {
		{ SPAN_INIT("quic"),
		    "clients are served by HTTP/2 and HTTP/1.1 over TCP: delete the line" },
		{ SPAN_INIT("spdy"), "SPDY has become HTTP/2: write \"http2\"" },
		{ SPAN_INIT("udp"), "only TCP is passed on: leave this server to another proxy" },
	};

	(void)loader_bad_parameter(l, n, w, later);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (span_eq(w->text, others[i].name))
			diagnostic_hint(l->diags, "%s", others[i].hint);
	}
	return -1;
}

static int
set_parameter(struct loader *l, const struct node *n, const struct word *w, struct listen *it)
{
	struct span value;
	int rc;

	if (span_eq(w->text, SPAN("ssl"))) {
		it->ssl = true;
	} else if (span_eq(w->text, SPAN("proxy_protocol"))) {
		it->proxy_protocol = true;
	} else if (span_eq(w->text, SPAN("http2")) && !it->server->stream) {
		it->http2 = true;
	} else if (span_eq(w->text, SPAN("default_server")) || span_eq(w->text, SPAN("default"))) {
		it->default_server = true;
	} else if (set_socket_option(l, n, w, it, &rc)) {
		return rc;
	} else if (has_value(w->text, SPAN("ipv6only="), &value)) {
		return set_ipv6only(l, n, w, value, it);
	} else {
		return bad_parameter(l, n, w);
	}
	return 0;
}

static int
add_listen(struct loader *l, struct scope *s, const struct node *n, const struct address *address)
{
	struct listen *it = listen_new(l, s->server, n);

	it->address = *address;
	for (unsigned i = 2; i < n->word_count; i++) {
		if (set_parameter(l, n, &n->words[i], it) < 0)
			return -1;
	}
	for (const struct listen *other = s->listens; other; other = other->next) {
		if (span_eq(other->address.text, it->address.text))
			return loader_error(l, n, "a duplicate listen " SPAN_FMT,
			    SPAN_ARG(it->address.text));
	}
	*s->listens_tail = it;
	s->listens_tail = &it->next;
	return 0;
}

/* listen NAME:PORT stands for each address of the name. */
static int
add_by_name(struct loader *l, struct scope *s, const struct node *n, const struct host_port *hp,
    uint16_t port)
{
	struct err e = ERR_INIT;
	struct span *texts = NULL;
	size_t count = 0;
	int rc = 0;

	if (l->source->resolve(l->source, hp->host, l->scratch, &texts, &count, &e) < 0 ||
	    count == 0) {
		loader_error(l, n, "host not found in \"" SPAN_FMT "\" of the \"listen\" directive",
		    SPAN_ARG(n->words[1].text));
		if (e.text)
			diagnostic_hint(l->diags, "%s", err_text(&e));
		err_release(&e);
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		const struct host_port one = { .host = texts[i] };
		struct address address;

		if (host_port_address(&one, port, l->scratch, &address))
			rc |= add_listen(l, s, n, &address);
	}
	return rc;
}

/* listen ADDRESS[:PORT] | PORT | unix:PATH [PARAMETER]... */
static int
set_listen(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span text = n->words[1].text;
	struct address address;
	struct host_port hp;
	const char *wrong;
	uint16_t port;

	wrong = host_port_split(text, true, &hp);
	if (wrong) {
		loader_error(l, n, "%s in \"" SPAN_FMT "\" of the \"listen\" directive", wrong,
		    SPAN_ARG(text));
		if (span_find(text, '/') >= 0)
			diagnostic_hint(l->diags,
			    "listen takes an address or a port; names go to server_name");
		return -1;
	}
	if (s->context == CONTEXT_STREAM_SERVER && !hp.port && !hp.is_unix)
		return loader_error(l, n, "no port in \"" SPAN_FMT "\" of the \"listen\" directive",
		    SPAN_ARG(text));
	port = hp.port ? hp.port : DEFAULT_PORT;
	if (host_port_address(&hp, port, l->scratch, &address))
		return add_listen(l, s, n, &address);
	return add_by_name(l, s, n, &hp, port);
}

static const struct directive rows[] = {
	{ SPAN_INIT("listen"), CONTEXT_SERVER | CONTEXT_STREAM_SERVER, 1, DIRECTIVE_ARGS_ANY,
	    DIRECTIVE_MANY, .set = set_listen },
};
const struct directive_table directive_listen_table = { rows, sizeof(rows) / sizeof(rows[0]) };
