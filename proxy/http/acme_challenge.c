/* SPDX-License-Identifier: ISC */
/* acme_challenge: see acme_challenge.h. */
#include "proxy/http/acme_challenge.h"

#include "proxy/config/host_map.h"
#include "proxy/net/address.h"
#include "proxy/stream/stream_tunnel.h"

#include <sys/stat.h>

#define TOKEN_MAX 128
#define SERVICE_ADDRESSES_MAX 8

bool
acme_challenge_is_token(struct span uri)
{
	struct span prefix = SPAN(ACME_CHALLENGE_PATH), token;

	if (!span_starts(uri, prefix))
		return false;
	token = span_after(uri, prefix.n);
	for (size_t i = 0; i < token.n; i++) {
		char c = token.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '_'))
			return false;
	}
	return token.n > 0 && token.n <= TOKEN_MAX;
}

static bool
is_for(const struct request *r, const struct acme_webroot *w)
{
	return !w->hosts || host_map_find(w->hosts, r->host);
}

static bool
has_token(const struct request *r, const struct acme_webroot *w)
{
	const struct span parts[] = { w->path, r->uri };
	struct stat st;

	return is_for(r, w) && stat(arena_concat(r->arena, parts, 2).p, &st) == 0 &&
	       S_ISREG(st.st_mode);
}

/* Settings of the server's own, but for where the file is and what may be in the way. */
static const struct location_settings *
settings_for(const struct request *r, const struct acme_webroot *w)
{
	struct location_settings *s = arena_alloc(r->arena, sizeof(*s));
	struct document_root *root = arena_zalloc(r->arena, sizeof(*root));

	*s = *r->server->location_settings;
	root->path = template_literal(w->path, r->arena);
	s->root = root;
	s->types = NULL;
	s->type_count = 0;
	s->default_type = SPAN("text/plain");
	s->error_pages = NULL;
	return s;
}

/* The request came to the very address that it would be sent to. */
static bool
is_here(const struct request *r, const struct address *to)
{
	const struct sockaddr *local = r->client->local;

	return address_port(local) == address_port(&to->u.sa) &&
	       span_eq(address_binary(local), address_binary(&to->u.sa));
}

/* Where the service listens that has the name's tunnel (stream, ssl_preread). NULL: there is none. */
static const struct proxy_target *
find_service(const struct request *r, uint16_t port)
{
	struct address *found = arena_array(r->arena, SERVICE_ADDRESSES_MAX, sizeof(*found));
	size_t count = stream_tunnel_find(&r->traffic, r->host, found, SERVICE_ADDRESSES_MAX);
	struct proxy_target *t = arena_zalloc(r->arena, sizeof(*t));

	for (size_t i = 0; i < count; i++) {
		found[t->address_count] = address_with_port(&found[i], port);
		t->address_count += !is_here(r, &found[t->address_count]);
	}
	t->addresses = found;
	t->host_header = r->host;
	t->port = arena_decimal(r->arena, port);
	t->literal_url = arena_printf(r->arena, "http://" SPAN_FMT, SPAN_ARG(r->host));
	return t->address_count > 0 ? t : NULL;
}

/* Which of several servers has the token is for them to know: each is asked. */
static const struct location_settings *
forward_settings(const struct request *r)
{
	struct location_settings *s = arena_alloc(r->arena, sizeof(*s));

	*s = *r->server->location_settings;
	s->error_pages = NULL;
	s->proxy.set_headers = NULL;
	s->proxy.method = s->proxy.body = NULL;
	s->proxy.pass_request_headers = true;
	s->proxy.next_upstream = NEXT_ERROR | NEXT_TIMEOUT | NEXT_HTTP_403 | NEXT_HTTP_404;
	return s;
}

static bool
forward(struct request *r, uint16_t port)
{
	const struct proxy_target *service = find_service(r, port);
	struct location *location;

	if (!service)
		return false;
	location = arena_zalloc(r->arena, sizeof(*location));
	*location = r->server->root_location;
	location->proxy = service;
	r->location = location;
	r->settings = forward_settings(r);
	request_set_handler(r, &upstream_http_handler);
	return true;
}

/* The first that is for this host and says of a port. */
static uint16_t
forward_port(const struct request *r, const struct acme_webroot *w)
{
	while (w && !(is_for(r, w) && w->forward_port))
		w = w->next;
	return w ? w->forward_port : 0;
}

bool
acme_challenge_answer(struct request *r)
{
	const struct acme_webroot *all = r->server->settings->acme_webroots, *w = all;
	uint16_t port;

	if (!w || !acme_challenge_is_token(r->uri))
		return false;
	if (!span_eq(r->method, SPAN("GET")) && !span_eq(r->method, SPAN("HEAD")))
		return false;
	while (w && !has_token(r, w))
		w = w->next;
	if (!w) {
		port = r->client->tls.facts ? 0 : forward_port(r, all);
		return port && forward(r, port);
	}
	r->location = &r->server->root_location;
	r->settings = settings_for(r, w);
	request_set_handler(r, &static_file_handler);
	return true;
}
