/* SPDX-License-Identifier: ISC */
/* upstream_tls: see upstream_tls.h. */
#include "proxy/tls/upstream_tls.h"

#include "base/buf.h"
#include "base/mem.h"
#include "proxy/monitor/bundle.h"
#include "proxy/tls/certificate_cache.h"
#include "proxy/tls/client_trust.h"
#include "proxy/tls/tls_settings.h"
#include "proxy/worker/worker_state.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <uthash.h>
#include <utlist.h>

#include <arpa/inet.h>
#include <string.h>

#define DIGEST_BYTES 32
#define SESSIONS_MAX 1024

/* The latest session with a peer under a name. */
struct peer_session {
	char *key; /* "address\nname" */
	SSL_SESSION *session;
	UT_hash_handle hh;
};

struct upstream_tls {
	unsigned refs;
	unsigned char digest[DIGEST_BYTES];
	SSL_CTX *ctx;
	bool server_name, verify, session_reuse;
	struct peer_session *sessions; /* oldest first */
	struct worker *worker;
	struct upstream_tls *prev, *next; /* in worker->upstream_tls */
};

/* What hangs on each SSL. */
struct peer_state_tls {
	struct upstream_tls *tls; /* counted */
	char *key;                /* of its session */
	const char *name;         /* in key */
};

/* By address of the settings, which stay where they are as long as the generation. */
struct upstream_tls_uses {
	const struct upstream_tls_settings *settings;
	struct upstream_tls *tls; /* counted */
	UT_hash_handle hh;
};

/* ---- contexts --------------------------------------------------------------------------------- */

static void
session_drop(struct upstream_tls *t, struct peer_session *s)
{
	HASH_DEL(t->sessions, s);
	SSL_SESSION_free(s->session);
	free(s->key);
	free(s);
}

static void
tls_unref(struct upstream_tls *t)
{
	if (--t->refs > 0)
		return;
	while (t->sessions)
		session_drop(t, t->sessions);
	DL_DELETE(t->worker->upstream_tls, t);
	SSL_CTX_free(t->ctx);
	free(t);
}

static void
free_state(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	struct peer_state_tls *state = ptr;

	if (!state)
		return;
	tls_unref(state->tls);
	free(state->key);
	free(state);
}

/* Made once per process, immutable after. */
static int
state_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_state);
	return index;
}

static struct peer_state_tls *
state_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, state_index());
}

/* 1: the session is ours now. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct peer_state_tls *state = state_of(ssl);
	struct upstream_tls *t = state->tls;
	struct peer_session *s = NULL;

	HASH_FIND_STR(t->sessions, state->key, s);
	if (s)
		session_drop(t, s);
	else if (HASH_COUNT(t->sessions) >= SESSIONS_MAX)
		session_drop(t, t->sessions);
	s = mem_zalloc(sizeof(*s));
	s->key = mem_dup_span(span_str(state->key));
	s->session = session;
	HASH_ADD_KEYPTR(hh, t->sessions, s->key, strlen(s->key), s);
	return 1;
}

/* The verdict is kept by OpenSSL and looked at when the handshake is done. */
static int
on_verify(int ok, X509_STORE_CTX *store)
{
	return 1;
}

static int
use_certificate(SSL_CTX *ctx, struct certificate_cache *cache, struct span entry, struct err *e)
{
	SSL *ssl = SSL_new(ctx);
	STACK_OF(X509) *chain = NULL;
	int rc;

	if (!ssl)
		return err_set_openssl(e, ERR_UNAVAILABLE, "cannot make a TLS connection");
	rc = certificate_cache_use(cache, entry, ssl, e);
	if (rc == 0) {
		SSL_get0_chain_certs(ssl, &chain);
		if (SSL_CTX_use_cert_and_key(ctx, SSL_get_certificate(ssl), SSL_get_privatekey(ssl),
			chain, 1) != 1)
			rc = err_set_openssl(e, ERR_DATA, "cannot use the certificate");
	}
	SSL_free(ssl);
	return rc;
}

static int
set_trust(SSL_CTX *ctx, const struct upstream_tls_settings *s, struct err *e)
{
	if (client_trust_load(ctx, &s->trusted_ca, NULL, e) < 0 ||
	    client_trust_load(ctx, &s->crl, NULL, e) < 0)
		return -1;
	if (s->crl.text.n > 0)
		X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx),
		    X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	SSL_CTX_set_verify_depth(ctx, (int)s->verify_depth);
	if (s->verify)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
	return 0;
}

static SSL_CTX *
context_new(const struct upstream_tls_settings *s, struct worker *w, struct span certificate,
    struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx) {
		err_set_openssl(e, ERR_UNAVAILABLE, "cannot make a TLS context");
		return NULL;
	}
	/*
	 * As nginx: services that do not say close_notify are common. Where a length or chunks tell a message's end, a cut
	 * is seen all the same; a body that only the connection's end ends is taken as it came (RFC 9112, 9.8 would not).
	 */
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_read_ahead(ctx, 1);
	if (s->session_reuse) {
		SSL_CTX_set_session_cache_mode(ctx,
		    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, on_session);
	}
	if (tls_settings_set_ciphers(ctx, s->ciphers, e) < 0 ||
	    tls_settings_set_protocols(ctx, s->protocols, e) < 0 || set_trust(ctx, s, e) < 0 ||
	    (s->cert_path.n > 0 && use_certificate(ctx, w->certificates, certificate, e) < 0)) {
		SSL_CTX_free(ctx);
		ctx = NULL;
	}
	ERR_clear_error();
	return ctx;
}

static void
add_field(struct buf *out, struct span s)
{
	buf_printf(out, " %zu:", s.n);
	(void)buf_add(out, s);
}

/* name is no part of it: it differs from connection to connection. */
static void
settings_digest(const struct upstream_tls_settings *s, struct span certificate,
    unsigned char digest[DIGEST_BYTES])
{
	struct buf all;

	buf_init_secret(&all, SIZE_MAX / 2);
	buf_printf(&all, "%u %d %d %d %u", s->protocols, s->server_name, s->verify,
	    s->session_reuse, s->verify_depth);
	add_field(&all, s->ciphers);
	add_field(&all, s->trusted_ca.text);
	add_field(&all, s->crl.text);
	add_field(&all, s->cert_path);
	add_field(&all, certificate);
	if (EVP_Digest(all.p, all.len, digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
	buf_release(&all);
}

static struct upstream_tls *
tls_new(struct worker *w, const struct upstream_tls_settings *s, struct span certificate,
    const unsigned char *digest, struct err *e)
{
	SSL_CTX *ctx = context_new(s, w, certificate, e);
	struct upstream_tls *t;

	if (!ctx)
		return NULL;
	t = mem_zalloc(sizeof(*t));
	memcpy(t->digest, digest, DIGEST_BYTES);
	t->ctx = ctx;
	t->server_name = s->server_name;
	t->verify = s->verify;
	t->session_reuse = s->session_reuse;
	t->worker = w;
	DL_APPEND(w->upstream_tls, t);
	return t;
}

static struct upstream_tls *
find_or_make(struct generation *g, const struct upstream_tls_settings *s, struct err *e)
{
	unsigned char digest[DIGEST_BYTES];
	struct span certificate = { NULL, 0 };
	struct upstream_tls *t;

	if (s->cert_path.n > 0) {
		char *name = mem_printf(SPAN_FMT "\n" SPAN_FMT, SPAN_ARG(s->cert_path),
		    SPAN_ARG(s->key_path));

		(void)bundle_find(g->bundle, BUNDLE_CERTIFICATE, span_str(name), &certificate);
		free(name);
	}
	settings_digest(s, certificate, digest);
	DL_FOREACH(g->worker->upstream_tls, t) {
		if (memcmp(t->digest, digest, DIGEST_BYTES) == 0)
			return t;
	}
	t = tls_new(g->worker, s, certificate, digest, e);
	if (!t && s->cert_path.n > 0)
		err_wrap(e, "\"" SPAN_FMT "\"", SPAN_ARG(s->cert_path));
	return t;
}

struct upstream_tls *
upstream_tls_get(struct generation *g, const struct upstream_tls_settings *s, struct err *e)
{
	struct upstream_tls_uses *use = NULL;
	struct upstream_tls *t;

	HASH_FIND_PTR(g->tls_uses, &s, use);
	if (use)
		return use->tls;
	t = find_or_make(g, s, e);
	if (!t)
		return NULL;
	t->refs++;
	use = mem_zalloc(sizeof(*use));
	use->settings = s;
	use->tls = t;
	HASH_ADD_PTR(g->tls_uses, settings, use);
	return t;
}

void
upstream_tls_release(struct generation *g)
{
	struct upstream_tls_uses *use = g->tls_uses, *next;

	HASH_CLEAR(hh, g->tls_uses);
	for (; use; use = next) {
		next = use->hh.next;
		tls_unref(use->tls);
		free(use);
	}
}

/* ---- connections ------------------------------------------------------------------------------ */

struct span
upstream_tls_name(struct span host)
{
	ptrdiff_t end;

	if (span_starts(host, SPAN("["))) {
		end = span_find(host, ']');
		return end < 0 ? host : span_of(host.p + 1, (size_t)end - 1);
	}
	end = span_find(host, ':');
	/* More than one colon: an address without brackets. */
	if (end < 0 || span_find(span_after(host, (size_t)end + 1), ':') >= 0)
		return host;
	return span_of(host.p, (size_t)end);
}

static bool
is_address(const char *name)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* An address is no name to send (RFC 6066, 3). */
static int
set_name(const struct upstream_tls *t, SSL *ssl, const char *name, struct err *e)
{
	if (!t->server_name || name[0] == '\0' || is_address(name))
		return 0;
	if (SSL_set_tlsext_host_name(ssl, name) != 1)
		return err_set_openssl(e, ERR_DATA, "cannot send the name \"%s\"", name);
	return 0;
}

SSL *
upstream_tls_connect(struct upstream_tls *t, struct span address, struct span name, struct err *e)
{
	struct peer_state_tls *state;
	struct peer_session *session = NULL;
	SSL *ssl;

	if (name.n > 0 && memchr(name.p, '\0', name.n)) {
		err_set(e, ERR_DATA, "the upstream's name holds a NUL");
		return NULL;
	}
	ssl = SSL_new(t->ctx);
	if (!ssl) {
		err_set_openssl(e, ERR_UNAVAILABLE, "cannot make a TLS connection");
		return NULL;
	}
	state = mem_zalloc(sizeof(*state));
	state->tls = t;
	t->refs++;
	state->key = mem_printf(SPAN_FMT "\n" SPAN_FMT, SPAN_ARG(address), SPAN_ARG(name));
	state->name = state->key + address.n + 1;
	if (SSL_set_ex_data(ssl, state_index(), state) != 1)
		abort();
	SSL_set_connect_state(ssl);
	if (set_name(t, ssl, state->name, e) < 0) {
		SSL_free(ssl);
		return NULL;
	}
	if (t->session_reuse)
		HASH_FIND_STR(t->sessions, state->key, session);
	if (session && SSL_set_session(ssl, session->session) != 1)
		session_drop(t, session);
	ERR_clear_error();
	return ssl;
}

bool
upstream_tls_fits(const SSL *ssl, const struct upstream_tls *t, struct span name)
{
	const struct peer_state_tls *state = state_of(ssl);

	return state && state->tls == t && span_eq(span_str(state->name), name);
}

static bool
has_name(X509 *cert, const char *name)
{
	return X509_check_host(cert, name, 0, 0, NULL) == 1 ||
	       (is_address(name) && X509_check_ip_asc(cert, name, 0) == 1);
}

const char *
upstream_tls_verify(const SSL *ssl, struct arena *arena)
{
	const struct peer_state_tls *state = state_of(ssl);
	long verdict = SSL_get_verify_result(ssl);
	X509 *cert = SSL_get0_peer_certificate(ssl);
	struct span words;

	if (!state->tls->verify)
		return NULL;
	if (verdict != X509_V_OK)
		words = arena_printf(arena, "upstream SSL certificate verify error: (%ld:%s)",
		    verdict, X509_verify_cert_error_string(verdict));
	else if (!cert)
		words = SPAN("upstream sent no SSL certificate");
	else if (!has_name(cert, state->name))
		words = arena_printf(arena, "upstream SSL certificate does not match \"%s\"",
		    state->name);
	else
		return NULL;
	upstream_tls_forget(ssl);
	return arena_strdup(arena, words);
}

void
upstream_tls_forget(const SSL *ssl)
{
	const struct peer_state_tls *state = state_of(ssl);
	struct peer_session *s = NULL;

	HASH_FIND_STR(state->tls->sessions, state->key, s);
	if (s)
		session_drop(state->tls, s);
}
