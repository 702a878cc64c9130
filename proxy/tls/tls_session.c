/* SPDX-License-Identifier: ISC */
/*
 * tls_session: resumption by ticket and by ID.
 *
 * OpenSSL asks the SSL_CTX a connection began with, whatever server was chosen later; so all contexts have the same
 * callbacks, which look at the chosen server's.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "proxy/http/request.h"
#include "proxy/tls/tls_internal.h"
#include "proxy/worker/shared_zone.h"
#include "proxy/worker/worker_state.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <errno.h>

/* Room for a session without a client's certificate. */
#define SESSION_TYPICAL 288

/* ---- tickets -------------------------------------------------------------------------------------- */

static const EVP_CIPHER *
cipher_of(const struct ticket_key *key)
{
	return key->key_bytes == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
}

static int
start_ticket(const struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int encrypt)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac,
		    key->key_bytes),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CipherInit_ex(cipher, cipher_of(key), NULL, key->cipher, iv, encrypt) == 1 &&
	       EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* Of the server's own keys, or the worker's. NULL: the name is not (or no longer) known. */
static const struct ticket_key *
find_key(const SSL *ssl, const unsigned char *name, bool *newest)
{
	const struct accept_state *state = tls_accept_state(ssl);
	const struct tls_context *c = tls_accept_context(state);
	const struct ticket_keys *shared = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	*newest = true;
	if (!c || c->ticket_key_count == 0) {
		if (!shared)
			return NULL;
		return name ? ticket_keys_find(shared, name, newest) : ticket_keys_newest(shared);
	}
	for (size_t i = 0; i < c->ticket_key_count; i++) {
		*newest = i == 0;
		if (!name || memcmp(c->ticket_keys[i].name, name, TICKET_KEY_NAME) == 0)
			return &c->ticket_keys[i];
	}
	return NULL;
}

/* Without a key that fits, 0: the client gets a full handshake. 2: resumed, with a ticket of the newest key. */
static int
on_ticket(SSL *ssl, unsigned char name[TICKET_KEY_NAME], unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int encrypt)
{
	bool newest;
	const struct ticket_key *key = find_key(ssl, encrypt ? NULL : name, &newest);

	if (!key)
		return 0;
	if (encrypt) {
		memcpy(name, key->name, TICKET_KEY_NAME);
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(cipher_of(key))) != 1)
			return -1;
	}
	if (!start_ticket(key, iv, cipher, mac, encrypt))
		return -1;
	return newest ? 1 : 2;
}

/* ---- by ID --------------------------------------------------------------------------------------------- */

/* What a ticket holds whole needs no place in a cache. */
static bool
is_ticket(const SSL *ssl)
{
	return SSL_version(ssl) == TLS1_3_VERSION && !(SSL_get_options(ssl) & SSL_OP_NO_TICKET);
}

static struct span
id_of(const SSL_SESSION *session)
{
	unsigned n = 0;
	const unsigned char *id = SSL_SESSION_get_id(session, &n);

	return span_of(id, n);
}

static int
on_new_session(SSL *ssl, SSL_SESSION *session)
{
	const struct tls_context *c = tls_accept_context(tls_accept_state(ssl));
	unsigned char der[SESSION_BYTES_MAX], *p = der;
	int64_t now = clock_wall();
	int n;

	if (!c || is_ticket(ssl) || (!c->stores[0] && !c->stores[1]))
		return 0;
	n = i2d_SSL_SESSION(session, NULL);
	if (n <= 0 || n > SESSION_BYTES_MAX)
		return 0;
	n = i2d_SSL_SESSION(session, &p);
	for (int i = 0; i < 2; i++) {
		if (c->stores[i]) {
			struct session_cache cache =
			    session_cache_over(c->stores[i]->memory, c->stores[i]->size);

			session_cache_add(&cache, id_of(session), span_of(der, (size_t)n), now,
			    now + SSL_SESSION_get_timeout(session));
		}
	}
	OPENSSL_cleanse(der, (size_t)n);
	return 0; /* the session stays OpenSSL's */
}

static SSL_SESSION *
on_get_session(SSL *ssl, const unsigned char *id, int length, int *copy)
{
	const struct tls_context *c = tls_accept_context(tls_accept_state(ssl));
	unsigned char der[SESSION_BYTES_MAX];
	SSL_SESSION *session = NULL;

	*copy = 0;
	for (int i = 0; c && i < 2 && !session; i++) {
		const unsigned char *p = der;
		struct session_cache cache;
		size_t n;

		if (!c->stores[i])
			continue;
		cache = session_cache_over(c->stores[i]->memory, c->stores[i]->size);
		n = session_cache_find(&cache, span_of(id, (size_t)length), clock_wall(), der);
		if (n > 0)
			session = d2i_SSL_SESSION(NULL, &p, (long)n);
		OPENSSL_cleanse(der, n);
	}
	ERR_clear_error();
	return session;
}

void
tls_session_set_callbacks(SSL_CTX *ctx, const struct tls_context *c,
    const struct ticket_keys *tickets)
{
	if (tickets || c->ticket_key_count > 0) {
		SSL_CTX_set_app_data(ctx, (void *)(uintptr_t)tickets);
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	}
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
	SSL_CTX_sess_set_get_cb(ctx, on_get_session);
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static int
copy_ticket_keys(struct tls_context *c, const struct tls_settings *s, const struct generation *g,
    struct err *e)
{
	struct span bytes;

	for (const struct tls_path *p = s->ticket_keys; p; p = p->next) {
		if (!bundle_find(g->bundle, BUNDLE_TICKET_KEY, p->path, &bytes) ||
		    bytes.n != sizeof(*c->ticket_keys))
			return err_set(e, ERR_BUG, "bundle lacks " SPAN_FMT, SPAN_ARG(p->path));
		c->ticket_keys = mem_realloc_array(c->ticket_keys, c->ticket_key_count + 1,
		    sizeof(*c->ticket_keys));
		memcpy(&c->ticket_keys[c->ticket_key_count++], bytes.p, bytes.n);
	}
	return 0;
}

int
tls_session_open(struct tls_context *c, const struct tls_settings *s, const struct generation *g,
    struct err *e)
{
	if (s->store.builtin > 0) {
		size_t pages = (size_t)s->store.builtin * SESSION_TYPICAL / SESSION_CACHE_PAGE + 1;

		c->stores[0] = shared_zone_private(pages * SESSION_CACHE_PAGE);
		if (!c->stores[0])
			return err_set_errno(e, errno, "no memory for a session cache");
	}
	if (s->store.zone)
		c->stores[1] = shared_zone_ref(g->zones[s->store.zone->index]);
	return copy_ticket_keys(c, s, g, e);
}

void
tls_session_close(struct tls_context *c)
{
	shared_zone_unref(c->stores[0]);
	shared_zone_unref(c->stores[1]);
	if (c->ticket_keys)
		OPENSSL_cleanse(c->ticket_keys, c->ticket_key_count * sizeof(*c->ticket_keys));
	free(c->ticket_keys);
}
