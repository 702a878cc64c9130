/* SPDX-License-Identifier: ISC */
/* tls_context: the contexts of a generation; see tls_context.h. */
#include "proxy/tls/tls_context.h"

#include "base/mem.h"
#include "proxy/tls/tls_internal.h"
#include "proxy/worker/worker_state.h"

#include <openssl/evp.h>

static void
context_unref(struct tls_context *c)
{
	if (--c->refs > 0)
		return;
	tls_session_close(c);
	SSL_CTX_free(c->ctx);
	free(c);
}

/* With no reference yet. */
static struct tls_context *
context_new(const struct tls_settings *s, struct span dh, const unsigned char *digest,
    const struct generation *g, struct err *e)
{
	struct tls_context *c = mem_zalloc(sizeof(*c));

	memcpy(c->digest, digest, TLS_SETTINGS_DIGEST);
	tls_settings_digest(s, dh, c->settings);
	client_trust_digest(s, c->rules);
	c->ctx = tls_settings_context(s, dh, e);
	if (!c->ctx || tls_session_open(c, s, g, e) < 0) {
		c->refs = 1;
		context_unref(c);
		return NULL;
	}
	c->pads = tls_settings_pad(s);
	tls_accept_set_callbacks(c->ctx);
	tls_handover_set_callbacks(c->ctx);
	tls_session_set_callbacks(c->ctx, c, g->worker->tickets);
	return c;
}

static struct tls_context *
context_find(const struct tls_contexts *t, const unsigned char *digest)
{
	for (size_t i = 0; t && i < t->count; i++) {
		if (memcmp(t->distinct[i]->digest, digest, TLS_SETTINGS_DIGEST) == 0)
			return t->distinct[i];
	}
	return NULL;
}

/* Other keys, other context; but the same sessions: what a ticket was encrypted with is in the ticket. */
static void
add_ticket_keys(unsigned char digest[TLS_SETTINGS_DIGEST], const struct tls_settings *s,
    const struct bundle *b)
{
	EVP_MD_CTX *md;
	struct span bytes;

	if (!s->ticket_keys)
		return;
	md = EVP_MD_CTX_new();
	if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		abort();
	EVP_DigestUpdate(md, digest, TLS_SETTINGS_DIGEST);
	for (const struct tls_path *p = s->ticket_keys; p; p = p->next) {
		if (bundle_find(b, BUNDLE_TICKET_KEY, p->path, &bytes))
			EVP_DigestUpdate(md, bytes.p, bytes.n);
	}
	if (EVP_DigestFinal_ex(md, digest, NULL) != 1)
		abort();
	EVP_MD_CTX_free(md);
}

/* The context for these settings: ours, the previous generation's, or a new one. */
static struct tls_context *
context_get(struct tls_contexts *t, const struct tls_contexts *previous, const struct generation *g,
    const struct tls_settings *s, struct err *e)
{
	unsigned char digest[TLS_SETTINGS_DIGEST];
	struct span dh = { NULL, 0 };
	struct tls_context *c;

	if (s->dhparam.n > 0 && !bundle_find(g->bundle, BUNDLE_DHPARAM, s->dhparam, &dh)) {
		err_set(e, ERR_BUG, "bundle lacks " SPAN_FMT, SPAN_ARG(s->dhparam));
		return NULL;
	}
	tls_settings_digest(s, dh, digest);
	add_ticket_keys(digest, s, g->bundle);
	c = context_find(t, digest);
	if (c)
		return c;
	c = context_find(previous, digest);
	if (!c)
		c = context_new(s, dh, digest, g, e);
	if (!c)
		return NULL;
	c->refs++;
	t->distinct = mem_realloc_array(t->distinct, t->count + 1, sizeof(struct tls_context *));
	t->distinct[t->count++] = c;
	return c;
}

static bool
any_tls(const struct snapshot *s)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		for (size_t k = 0; k < s->listeners[i].endpoint_count; k++) {
			if (s->listeners[i].endpoints[k].tls)
				return true;
		}
	}
	return false;
}

static uint64_t
hash_add(uint64_t h, struct span s)
{
	/* FNV-1a; nobody outside chooses names, and a name and its end are told apart by the NUL. */
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return h * UINT64_C(0x100000001b3);
}

/* Stays the same over reloads as long as the server keeps its names and certificate files. */
static uint64_t
server_id(const struct server *server)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < server->name_count; i++)
		h = hash_add(h, server->names[i]);
	h = hash_add(h, SPAN("\n"));
	for (size_t i = 0; i < server->certificate_count; i++)
		h = hash_add(h, server->certificates[i]->cert_path);
	return h;
}

static void
find_certificates(struct tls_contexts *t, const struct generation *g)
{
	const struct snapshot *s = g->snapshot;
	struct arena *arena = arena_new(0);

	t->certificates = mem_zalloc((s->certificate_count + 1) * sizeof(t->certificates[0]));
	for (size_t i = 0; i < s->certificate_count; i++) {
		const struct certificate_ref *ref = s->certificates[i];
		const struct span name[] = { ref->cert_path, SPAN_INIT("\n"), ref->key_path };

		bundle_find(g->bundle, BUNDLE_CERTIFICATE, arena_concat(arena, name, 3),
		    &t->certificates[i]);
		arena_reset(arena);
	}
	arena_free(arena);
}

static int
at_server(const struct server *server, struct err *e)
{
	if (e && server->node && server->node->file) {
		char *path = mem_dup_span(server->node->file->path);

		err_at(e, path, server->node->line);
		free(path);
	}
	return -1;
}

bool
tls_context_keeps(const struct tls_context *c)
{
	return (SSL_CTX_get_session_cache_mode(c->ctx) & SSL_SESS_CACHE_SERVER) != 0;
}

static int
find_contexts(struct tls_contexts *t, const struct tls_contexts *previous,
    const struct generation *g, struct err *e)
{
	const struct snapshot *s = g->snapshot;
	const struct server_settings *last = NULL;
	struct tls_context *c = NULL;

	t->by_server = mem_zalloc((s->server_count + 1) * sizeof(struct tls_context *));
	t->server_ids = mem_zalloc((s->server_count + 1) * sizeof(t->server_ids[0]));
	for (size_t i = 0; i < s->server_count; i++) {
		const struct server *server = s->servers[i];

		/* Inherited settings are the same object: most servers cost no more than this. */
		if (server->settings != last) {
			c = context_get(t, previous, g, &server->settings->tls, e);
			if (!c)
				return at_server(server, e);
			last = server->settings;
			t->early_data |= server->settings->tls.early_data;
		}
		t->by_server[server->index] = c;
		t->server_ids[server->index] = server_id(server);
		if (!t->keeper || !tls_context_keeps(t->keeper))
			t->keeper = c;
	}
	return 0;
}

int
tls_contexts_new(struct generation *g, struct tls_contexts *previous, struct tls_contexts **out,
    struct err *e)
{
	struct tls_contexts *t = mem_zalloc(sizeof(*t));

	if (any_tls(g->snapshot)) {
		find_certificates(t, g);
		if (find_contexts(t, previous, g, e) < 0) {
			tls_contexts_free(t);
			return -1;
		}
	}
	*out = t;
	return 0;
}

void
tls_contexts_free(struct tls_contexts *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		context_unref(t->distinct[i]);
	free(t->distinct);
	free(t->by_server);
	free(t->server_ids);
	free(t->certificates);
	free(t);
}

size_t
tls_contexts_count(const struct tls_contexts *t)
{
	return t->count;
}
