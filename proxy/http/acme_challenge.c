/* SPDX-License-Identifier: ISC */
/* acme_challenge: see acme_challenge.h. */
#include "proxy/http/acme_challenge.h"

#include "proxy/config/host_map.h"

#include <sys/stat.h>

#define TOKEN_MAX 128

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
has_token(const struct request *r, const struct acme_webroot *w)
{
	const struct span parts[] = { w->path, r->uri };
	struct stat st;

	if (w->hosts && !host_map_find(w->hosts, r->host))
		return false;
	return stat(arena_concat(r->arena, parts, 2).p, &st) == 0 && S_ISREG(st.st_mode);
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

bool
acme_challenge_answer(struct request *r)
{
	const struct acme_webroot *w = r->server->settings->acme_webroots;

	if (!w || !acme_challenge_is_token(r->uri))
		return false;
	if (!span_eq(r->method, SPAN("GET")) && !span_eq(r->method, SPAN("HEAD")))
		return false;
	while (w && !has_token(r, w))
		w = w->next;
	if (!w)
		return false;
	r->location = &r->server->root_location;
	r->settings = settings_for(r, w);
	request_set_handler(r, &static_file_handler);
	return true;
}
