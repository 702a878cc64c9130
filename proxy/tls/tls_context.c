/* SPDX-License-Identifier: ISC */
/*
 * tls_context: see tls_context.h.
 *
 * An SSL_CTX may outlive the tls_context that made it (each SSL holds its own), so its callbacks find everything
 * through the SSL's accept state and the worker, never through memory of the tls_context.
 */
#include "proxy/tls/tls_context.h"

#include "base/mem.h"
#include "proxy/config/route.h"
#include "proxy/http/request.h"
#include "proxy/tls/certificate_cache.h"
#include "proxy/tls/ticket_key.h"
#include "proxy/tls/tls_settings.h"
#include "proxy/worker/listen_slot.h"
#include "proxy/worker/worker_state.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define NAME_MAX_BYTES 255 /* of a host name: RFC 1035, 2.3.4 */
#define SETTINGS_ID_BYTES 16

/* One SSL_CTX, shared by generations. */
struct tls_context {
	unsigned refs;
	unsigned char digest[TLS_SETTINGS_DIGEST];
	SSL_CTX *ctx;
};

/* What sessions of a server are bound to; see SSL_set_session_id_context. */
struct session_id_context {
	unsigned char settings[SETTINGS_ID_BYTES];
	uint64_t server;
};

_Static_assert(sizeof(struct session_id_context) <= SSL_MAX_SID_CTX_LENGTH,
    "OpenSSL takes no longer ones");

struct tls_contexts {
	struct tls_context **distinct;
	size_t count;
	struct tls_context **by_server; /* by server->index; NULL = no server has TLS */
	uint64_t *server_ids;           /* by server->index */
	struct span *certificates; /* bundle entries by certificate_ref->index; empty = disabled */
};

/* What hangs on each accepted SSL. */
struct accept_state {
	struct client *client;
	struct generation *generation; /* counted; from ClientHello to tls_accept_done */
	const struct server *server;   /* in that generation */
	char *name;                    /* SNI or NULL; owned */
	size_t name_length;
};

/* ---- the state on the SSL ------------------------------------------------------------------------ */

static void
state_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	struct accept_state *state = ptr;

	if (!state)
		return;
	generation_unref(state->generation);
	free(state->name);
	free(state);
}

/* OpenSSL's number for our place on an SSL: asked for once per process, the same from then on. */
static int
state_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, state_free);
	return index;
}

static struct accept_state *
state_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, state_index());
}

SSL *
tls_accept_new(struct generation *g, const struct endpoint *ep, struct client *client)
{
	struct accept_state *state;
	SSL *ssl = NULL;

	if (g->tls->by_server)
		ssl = SSL_new(g->tls->by_server[ep->default_server->index]->ctx);
	if (!ssl)
		return NULL;
	state = mem_zalloc(sizeof(*state));
	state->client = client;
	if (SSL_set_ex_data(ssl, state_index(), state) != 1) {
		free(state);
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_accept_state(ssl);
	return ssl;
}

void
tls_accept_done(SSL *ssl)
{
	struct accept_state *state = state_of(ssl);

	generation_unref(state->generation);
	state->generation = NULL;
	state->server = NULL;
	state->client = NULL;
}

struct span
tls_server_name(const SSL *ssl)
{
	const struct accept_state *state = state_of(ssl);

	return state ? span_of(state->name, state->name_length) : span_of(NULL, 0);
}

/* ---- ClientHello: which server ---------------------------------------------------------------------- */

static unsigned
take_u16(struct span *s)
{
	unsigned v = (unsigned)(unsigned char)s->p[0] << 8 | (unsigned char)s->p[1];

	*s = span_after(*s, 2);
	return v;
}

/*
 * The host name of a server_name extension (RFC 6066, 3): a list with one entry of type 0. Empty when it is
 * anything else; what is malformed OpenSSL refuses itself later.
 */
static struct span
parse_server_name(struct span ext)
{
	struct span none = { NULL, 0 };

	if (ext.n < 5 || take_u16(&ext) != ext.n || ext.p[0] != TLSEXT_NAMETYPE_host_name)
		return none;
	ext = span_after(ext, 1);
	if (take_u16(&ext) != ext.n || ext.n == 0 || ext.n > NAME_MAX_BYTES ||
	    span_find(ext, '\0') >= 0)
		return none;
	return ext;
}

static void
remember_name(struct accept_state *state, SSL *ssl)
{
	const unsigned char *bytes;
	struct span name;
	size_t n;

	free(state->name);
	state->name = NULL;
	state->name_length = 0;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &n) != 1)
		return;
	name = parse_server_name(span_of(bytes, n));
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0)
		return;
	state->name = mem_dup_span(name);
	state->name_length = name.n;
	for (size_t i = 0; i < name.n; i++) {
		if (state->name[i] >= 'A' && state->name[i] <= 'Z')
			state->name[i] |= 0x20;
	}
}

static bool
has_certificate(const struct tls_contexts *t, const struct server *server)
{
	for (size_t i = 0; i < server->certificate_count; i++) {
		if (t->certificates[server->certificates[i]->index].n > 0)
			return true;
	}
	return false;
}

/* Pick server and generation anew: a second ClientHello (after HelloRetryRequest) comes here again. */
static void
choose_server(struct accept_state *state)
{
	const struct listen_slot *slot = state->client->slot;
	const struct endpoint *ep = route_endpoint(slot->listener, &state->client->local.u.sa);
	struct span name = span_of(state->name, state->name_length);

	generation_ref(slot->generation);
	generation_unref(state->generation);
	state->generation = slot->generation;
	/* A reload may have made the endpoint plain: then no server has a certificate for it. */
	if (!ep->tls || !state->generation->tls->by_server)
		state->server = NULL;
	else
		state->server = name.n > 0 ? route_server(ep, name) : ep->default_server;
}

static void
use_server_settings(SSL *ssl, const struct accept_state *state)
{
	const struct tls_contexts *t = state->generation->tls;
	const struct tls_context *c = t->by_server[state->server->index];
	struct session_id_context id = { .server = t->server_ids[state->server->index] };

	if (SSL_get_SSL_CTX(ssl) != c->ctx) {
		SSL_set_SSL_CTX(ssl, c->ctx);
		tls_settings_apply(ssl, c->ctx);
	}
	memcpy(id.settings, c->digest, sizeof(id.settings));
	SSL_set_session_id_context(ssl, (const unsigned char *)&id, sizeof(id));
}

static void
log_accept(const struct accept_state *state, enum log_level level, const char *what,
    const char *why)
{
	const struct server *server = state->server;
	const struct error_log *el = server ? server->location_settings->error_log
					    : state->generation->snapshot->main.error_log;
	struct log log = generation_error_log(state->generation, el);

	log_msg(&log, level, "*%llu %s \"%.*s\"%s while SSL handshaking, client: " SPAN_FMT,
	    (unsigned long long)state->client->number, what, (int)state->name_length,
	    state->name ? state->name : "", why, SPAN_ARG(state->client->remote.text));
}

static int
on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct accept_state *state = state_of(ssl);

	remember_name(state, ssl);
	choose_server(state);
	if (!state->server || !has_certificate(state->generation->tls, state->server)) {
		log_accept(state, LOG_LEVEL_INFO, "TLS is off for",
		    ": it has no usable certificate");
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_CLIENT_HELLO_ERROR;
	}
	use_server_settings(ssl, state);
	ERR_clear_error();
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* ---- the other callbacks ---------------------------------------------------------------------------- */

/* All pairs of the server that can be used: OpenSSL picks by the client's algorithms. */
static int
on_certificate(SSL *ssl, void *arg)
{
	struct accept_state *state = state_of(ssl);
	const struct server *server = state->server;
	struct certificate_cache *cache = state->client->worker->certificates;
	bool any = false;

	for (size_t i = 0; i < server->certificate_count; i++) {
		struct span entry =
		    state->generation->tls->certificates[server->certificates[i]->index];
		struct err e = ERR_INIT;

		if (entry.n == 0)
			continue;
		if (certificate_cache_use(cache, entry, ssl, &e) == 0)
			any = true;
		else
			log_accept(state, LOG_LEVEL_ERROR, "certificate refused for", err_text(&e));
		err_release(&e);
	}
	return any;
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
    unsigned inlen, void *arg)
{
	static const unsigned char all[] = "\x02h2\x08http/1.1\x08http/1.0";
	const struct accept_state *state = state_of(ssl);
	const struct endpoint *ep =
	    route_endpoint(state->client->slot->listener, &state->client->local.u.sa);
	size_t skipped = ep->http2 || state->server->settings->http2 ? 0 : 3;
	unsigned char *chosen;

	/* RFC 7301, 3.2: no_application_protocol when nothing fits. */
	if (SSL_select_next_proto(&chosen, outlen, all + skipped,
		(unsigned)(sizeof(all) - 1 - skipped), in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int
start_ticket(const struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int encrypt)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac,
		    sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, encrypt) == 1 &&
	       EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* Without a key that fits, 0: the client gets a full handshake. 2: resumed, with a ticket of the newest key. */
static int
on_ticket(SSL *ssl, unsigned char name[TICKET_KEY_NAME], unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int encrypt)
{
	const struct ticket_keys *keys = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const struct ticket_key *key;
	bool newest = true;

	if (encrypt) {
		key = ticket_keys_newest(keys);
		memcpy(name, key->name, TICKET_KEY_NAME);
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
			return -1;
	} else {
		key = ticket_keys_find(keys, name, &newest);
		if (!key)
			return 0;
	}
	if (!start_ticket(key, iv, cipher, mac, encrypt))
		return -1;
	return newest ? 1 : 2;
}

/* ---- building ------------------------------------------------------------------------------------------ */

static struct tls_context *
context_new(const struct tls_settings *s, struct span dh, const unsigned char *digest,
    const struct ticket_keys *tickets, struct err *e)
{
	SSL_CTX *ctx = tls_settings_context(s, dh, e);
	struct tls_context *c;

	if (!ctx)
		return NULL;
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, NULL);
	SSL_CTX_set_cert_cb(ctx, on_certificate, NULL);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	if (tickets) {
		SSL_CTX_set_app_data(ctx, (void *)(uintptr_t)tickets);
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	}
	c = mem_zalloc(sizeof(*c));
	c->ctx = ctx;
	memcpy(c->digest, digest, TLS_SETTINGS_DIGEST);
	return c;
}

static void
context_unref(struct tls_context *c)
{
	if (--c->refs > 0)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
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
	c = context_find(t, digest);
	if (c)
		return c;
	c = context_find(previous, digest);
	if (!c)
		c = context_new(s, dh, digest, g->worker->tickets, e);
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
		}
		t->by_server[server->index] = c;
		t->server_ids[server->index] = server_id(server);
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
