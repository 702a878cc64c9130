/* SPDX-License-Identifier: ISC */
/*
 * tls_accept: an accepted connection's handshake: server by name, its settings, its certificate, the protocol above.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "libcert/validation_cert.h"
#include "proxy/config/route.h"
#include "proxy/http/request.h"
#include "proxy/net/address.h"
#include "proxy/tls/certificate_cache.h"
#include "proxy/tls/tls_facts.h"
#include "proxy/tls/tls_internal.h"
#include "proxy/tls/tls_io.h"
#include "proxy/worker/listen_slot.h"
#include "proxy/worker/worker_state.h"

#include <openssl/err.h>

#define NAME_MAX_BYTES 255 /* of a host name: RFC 1035, 2.3.4 */
#define SETTINGS_ID_BYTES 16

/* What sessions of a server are bound to; see SSL_set_session_id_context. */
struct session_id_context {
	unsigned char settings[SETTINGS_ID_BYTES];
	uint64_t server;
};

_Static_assert(sizeof(struct session_id_context) <= SSL_MAX_SID_CTX_LENGTH,
    "OpenSSL takes no longer ones");

/* ---- the handshake's state -------------------------------------------------------------------------- */

struct accept_state *
tls_accept_state(const SSL *ssl)
{
	const struct conn *c = tls_io_conn(ssl);

	return c->ops->client ? c->ops->client(c)->tls.accept : NULL;
}

const struct tls_context *
tls_accept_context(const struct accept_state *state)
{
	return state && state->generation && state->server
		   ? state->generation->tls->by_server[state->server->index]
		   : NULL;
}

/*
 * The default server's. But whether sessions are kept OpenSSL asks that which a connection began with, for good: one that
 * does keep them begins where the default server's does not, and the chosen server's caches have the last word.
 */
static const struct tls_context *
first_context(const struct tls_contexts *t, const struct endpoint *ep)
{
	const struct tls_context *c = t->by_server[ep->default_server->index];

	return tls_context_keeps(c) ? c : t->keeper;
}

SSL *
tls_accept_new(struct generation *g, const struct endpoint *ep, struct client *client)
{
	const struct tls_context *first = g->tls->by_server ? first_context(g->tls, ep) : NULL;
	SSL *ssl = first ? SSL_new(first->ctx) : NULL;
	struct accept_state *state;

	if (!ssl)
		return NULL;
	state = mem_zalloc(sizeof(*state));
	state->client = client;
	state->pads = first->pads;
	client->tls.accept = state;
	SSL_set_accept_state(ssl);
	return ssl;
}

bool
tls_accept_may_be_early(const struct generation *g)
{
	return g->tls->early_data;
}

static void
state_free(struct accept_state *state)
{
	if (!state)
		return;
	key_schedule_follow(NULL);
	hkdf_forget();
	generation_unref(state->generation);
	mem_wipe_free(state, sizeof(*state));
}

void
tls_accept_done(struct client *client, SSL *ssl)
{
	state_free(client->tls.accept);
	client->tls.accept = NULL;
	if (client->tls.facts)
		client->tls.facts->early = false;
	if (!ssl)
		return;
	/* Shown, and of no more use, however long the connection lasts. */
	SSL_certs_clear(ssl);
	SSL_set_tlsext_status_ocsp_resp(ssl, NULL, 0L);
}

void
tls_client_note(struct conn *c)
{
	struct client *client = c->ops->client ? c->ops->client(c) : NULL;

	if (!client)
		return;
	tls_facts_free(client->tls.facts);
	client->tls.facts = tls_facts_new(c->ssl);
}

static void
forget_name(struct client_tls *t)
{
	free((char *)(uintptr_t)t->server_name.p);
	t->server_name = span_of(NULL, 0);
}

void
tls_client_release(struct client_tls *t)
{
	state_free(t->accept);
	forget_name(t);
	free(t->verdict);
	tls_facts_free(t->facts);
	*t = (struct client_tls){ .accept = NULL };
}

struct span
tls_server_name(const struct client *client)
{
	return client->tls.server_name;
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
remember_name(struct client_tls *t, SSL *ssl)
{
	const unsigned char *bytes;
	struct span name;
	char *own;
	size_t n;

	forget_name(t);
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &n) != 1)
		return;
	name = parse_server_name(span_of(bytes, n));
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0)
		return;
	own = mem_dup_span(name);
	for (size_t i = 0; i < name.n; i++) {
		if (own[i] >= 'A' && own[i] <= 'Z')
			own[i] |= 0x20;
	}
	t->server_name = span_of(own, name.n);
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
	const struct endpoint *ep = route_endpoint(slot->listener, state->client->local);
	struct span name = tls_server_name(state->client);

	generation_ref(slot->generation);
	generation_unref(state->generation);
	state->generation = slot->generation;
	/* A reload may have made the endpoint plain: then no server has a certificate for it. */
	if (!ep->tls || !state->generation->tls->by_server)
		state->server = NULL;
	else
		state->server = name.n > 0 ? route_server(ep, name, NULL) : ep->default_server;
	/* One that says nothing of TLS is served with the default server's. */
	if (state->server && state->server->certificate_count == 0 &&
	    !state->server->settings->tls.reject_handshake)
		state->server = ep->default_server;
}

/* OpenSSL's, in the handshake. */
static struct client_verdict *
verdict_new(const struct tls_context *c)
{
	struct client_verdict *v = mem_zalloc(sizeof(*v));

	memcpy(v->handshake, c->rules, sizeof(v->handshake));
	return v;
}

static void
use_server_settings(SSL *ssl, struct accept_state *state)
{
	const struct tls_contexts *t = state->generation->tls;
	const struct tls_context *c = t->by_server[state->server->index];
	struct session_id_context id = { .server = t->server_ids[state->server->index] };

	state->pads |= c->pads;
	if (SSL_get_SSL_CTX(ssl) != c->ctx) {
		SSL_set_SSL_CTX(ssl, c->ctx);
		tls_settings_apply(ssl, c->ctx, &state->server->settings->tls);
	}
	free(state->client->tls.verdict);
	state->client->tls.verdict =
	    state->server->settings->tls.verify == TLS_VERIFY_OFF ? NULL : verdict_new(c);
	memcpy(id.settings, c->settings, sizeof(id.settings));
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
	char client[ADDRESS_TEXT];

	log_msg(&log, level, "*%llu %s \"" SPAN_FMT "\"%s while SSL handshaking, client: " SPAN_FMT,
	    (unsigned long long)state->client->number, what,
	    SPAN_ARG(tls_server_name(state->client)), why,
	    SPAN_ARG(address_text(state->client->remote, client)));
}

/* RFC 8737, 3: acme-tls/1 and nothing else in ALPN. */
static bool
asks_for_validation(SSL *ssl)
{
	static const unsigned char only[] = "\0\x0b" VALIDATION_CERT_ALPN_WIRE;
	const unsigned char *bytes;
	size_t n;

	return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
		   &bytes, &n) == 1 &&
	       n == sizeof(only) - 1 && memcmp(bytes, only, n) == 0;
}

/* The certificate that proves the name asked for; empty: there is none. */
static struct span
validation_entry(const struct accept_state *state)
{
	const struct bundle *all = state->client->worker->validation;
	struct span name = tls_server_name(state->client), entry = { NULL, 0 };

	if (all && name.n > 0)
		(void)bundle_find(all, BUNDLE_CERTIFICATE, name, &entry);
	return entry;
}

/* Any server's settings would do, but for those that keep clients out. */
static int
accept_validation(SSL *ssl, const struct accept_state *state, int *alert)
{
	bool known = validation_entry(state).n > 0;

	log_accept(state, LOG_LEVEL_INFO, known ? "answering acme-tls/1 for" : "no acme-tls/1 for",
	    "");
	if (!known) {
		*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
		return SSL_CLIENT_HELLO_ERROR;
	}
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	SSL_set_options(ssl, SSL_OP_NO_TICKET);
	SSL_clear_options(ssl, SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3);
	SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
	SSL_set_max_proto_version(ssl, 0);
	SSL_set_cipher_list(ssl, "ECDHE+AESGCM");
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int
on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct accept_state *state = tls_accept_state(ssl);

	remember_name(&state->client->tls, ssl);
	choose_server(state);
	state->validation = state->client->worker->validation && asks_for_validation(ssl);
	if (state->validation)
		return accept_validation(ssl, state, alert);
	if (!state->server || state->server->settings->tls.reject_handshake ||
	    !has_certificate(state->generation->tls, state->server)) {
		log_accept(state, LOG_LEVEL_INFO, "TLS is off for",
		    state->server && state->server->settings->tls.reject_handshake
			? ": ssl_reject_handshake is on"
			: ": it has no usable certificate");
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
	struct accept_state *state = tls_accept_state(ssl);
	const struct server *server = state->server;
	struct certificate_cache *cache = state->client->worker->certificates;
	bool any = false;

	if (state->validation)
		return certificate_cache_use(cache, validation_entry(state), ssl, NULL) == 0;
	/* The session's lifetime came from the first SSL_CTX. */
	SSL_SESSION_set_timeout(SSL_get_session(ssl),
	    (long)(server->settings->tls.session_timeout_ms / 1000));
	for (size_t i = 0; i < server->certificate_count; i++) {
		struct span entry =
		    state->generation->tls->certificates[server->certificates[i]->index];
		struct err e = ERR_INIT;

		if (entry.n == 0)
			continue;
		if (certificate_cache_use(cache, entry, ssl, &e) == 0) {
			any = true;
		} else {
			char *why = mem_printf(": %s", err_text(&e));

			log_accept(state, LOG_LEVEL_ERROR, "certificate refused for", why);
			free(why);
		}
		err_release(&e);
	}
	return any;
}

/* The OCSP response for the certificate that was chosen, while it holds. */
static int
on_status(SSL *ssl, void *arg)
{
	const struct accept_state *state = tls_accept_state(ssl);
	X509 *cert = SSL_get_certificate(ssl);
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct span entry;
	int64_t expires;
	unsigned n = 0;
	void *copy;

	if (!cert || !state->server || !state->server->settings->tls.stapling ||
	    X509_digest(cert, EVP_sha256(), digest, &n) != 1 ||
	    !bundle_find(state->generation->bundle, BUNDLE_STAPLE, span_of(digest, n), &entry) ||
	    entry.n <= sizeof(expires))
		return SSL_TLSEXT_ERR_NOACK;
	memcpy(&expires, entry.p, sizeof(expires));
	if (clock_wall() >= expires)
		return SSL_TLSEXT_ERR_NOACK;
	entry = span_after(entry, sizeof(expires));
	copy = OPENSSL_memdup(entry.p, entry.n);
	if (!copy)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)entry.n);
	return SSL_TLSEXT_ERR_OK;
}

/* What the server speaks, as ALPN lists it. Empty: of a stream server that does not say. */
static struct span
spoken(const struct accept_state *state)
{
	static const char all[] = "\x02h2\x08http/1.1\x08http/1.0";
	const struct server *server = state->server;
	const struct endpoint *ep =
	    route_endpoint(state->client->slot->listener, state->client->local);

	if (server->stream)
		return server->stream->settings->alpn;
	return span_after(span_of(all, sizeof(all) - 1),
	    ep->http2 || server->settings->http2 ? 0 : 3);
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
    unsigned inlen, void *arg)
{
	const struct accept_state *state = tls_accept_state(ssl);
	unsigned char *chosen;
	struct span ours;

	if (state->validation) {
		*out = in + 1;
		*outlen = in[0];
		return SSL_TLSEXT_ERR_OK;
	}
	ours = spoken(state);
	if (ours.n == 0)
		return SSL_TLSEXT_ERR_NOACK;
	/* RFC 7301, 3.2: no_application_protocol when nothing fits. */
	if (SSL_select_next_proto(&chosen, outlen, (const unsigned char *)ours.p, (unsigned)ours.n,
		in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

bool
tls_is_validation(const struct client *client)
{
	const struct accept_state *state = client->tls.accept;

	return state && state->validation;
}

/*
 * With early data it ends while requests are served already: where OpenSSL leaves it, for it says that it is done before
 * a new ticket goes out.
 */
static void
on_info(const SSL *ssl, int where, int value)
{
	const struct accept_state *state = tls_accept_state(ssl);

	if (state && (where & SSL_CB_EXIT) && SSL_is_init_finished(ssl) &&
	    SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED)
		tls_accept_done(state->client, (SSL *)(uintptr_t)ssl);
}

void
tls_accept_set_callbacks(SSL_CTX *ctx)
{
	SSL_CTX_set_info_callback(ctx, on_info);
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, NULL);
	SSL_CTX_set_cert_cb(ctx, on_certificate, NULL);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_tlsext_status_cb(ctx, on_status);
}

/* ---- clients' certificates ------------------------------------------------------------------------- */

/* By other rules than those of its handshake: a reload, or another server on the same connection. */
static long
judge_anew(struct client *client, const struct tls_context *c)
{
	struct client_verdict *v = client->tls.verdict;

	if (!v)
		client->tls.verdict = v = mem_zalloc(sizeof(*v));
	if (memcmp(v->rules, c->rules, sizeof(v->rules)) != 0) {
		memcpy(v->rules, c->rules, sizeof(v->rules));
		v->result = client_trust_judge(client->tls.facts, c->ctx);
	}
	return v->result;
}

void
tls_client_judge(struct traffic *t, const struct server *server)
{
	const struct tls_contexts *all = t->generation->tls;
	const struct tls_context *c = all->by_server ? all->by_server[server->index] : NULL;
	const struct client_verdict *v = t->client->tls.verdict;
	const struct tls_facts *f = t->client->tls.facts;

	t->judged = true;
	if (!f || !c)
		t->verdict = X509_V_ERR_UNSPECIFIED;
	else if (v && memcmp(v->handshake, c->rules, sizeof(v->handshake)) == 0)
		t->verdict = f->verdict;
	else
		t->verdict = judge_anew(t->client, c);
}
