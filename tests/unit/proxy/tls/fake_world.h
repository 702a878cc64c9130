/* SPDX-License-Identifier: ISC */
/*
 * fake_world: a worker with one generation made by hand, and clients that shake hands with it.
 *
 * One endpoint with five servers; the certificate of server i is number i, and EXACT has an RSA one too:
 *
 *	DEFAULT default.example   EXACT exact.example   WILD *.wild.example
 *	OFF     off.example, whose certificate cannot be used
 *	STRICT  strict.example: TLS 1.2 with one DHE cipher
 */
#ifndef TESTS_UNIT_PROXY_TLS_FAKE_WORLD_H
#define TESTS_UNIT_PROXY_TLS_FAKE_WORLD_H

#include "base/mem.h"
#include "libcert/dh.h"
#include "proxy/config/route.h"
#include "proxy/http/request.h"
#include "proxy/tls/certificate_cache.h"
#include "proxy/tls/ticket_key.h"
#include "proxy/tls/tls_context.h"
#include "proxy/worker/listen_slot.h"
#include "proxy/worker/worker_state.h"
#include "tests/unit/proxy/tls/fake_tls.h"

#include <arpa/inet.h>

enum { DEFAULT, EXACT, WILD, OFF, STRICT, SERVERS };

#define BOTH (TLS_PROTO_1_2 | TLS_PROTO_1_3)
#define CIPHERS SPAN_INIT("HIGH:!aNULL:!MD5")

/* One generation: five servers on one endpoint; certificate i is the one of server i, "EXACT" has an RSA one too. */
struct world {
	struct arena *arena;
	struct worker worker;
	struct generation generation;
	struct snapshot snapshot;
	struct server servers[SERVERS], *server_list[SERVERS];
	struct server_settings settings[SERVERS];
	struct location_settings location;
	struct certificate_ref refs[SERVERS + 1], *ref_list[SERVERS + 1];
	const struct certificate_ref *of_server[SERVERS][2];
	struct span names[SERVERS];
	struct endpoint endpoint;
	struct listener listener;
	struct listen_slot slot;
	struct client client;
	struct conn conn; /* the client's */
};

static struct span entries[SERVERS + 1];
static struct span dh_der;

static inline int
make_entries(void **state)
{
	EVP_PKEY *params = NULL;
	unsigned char *der = NULL;
	int n;

	entries[DEFAULT] = fake_site("ec:P-256", "default.example");
	entries[EXACT] = fake_site("ec:P-256", "exact.example");
	entries[WILD] = fake_site("ec:P-256", "wild.example");
	entries[STRICT] = fake_site("rsa:2048", "strict.example");
	entries[SERVERS] = fake_site("rsa:2048", "exact.example");
	assert_int_equal(dh_named(2048, &params, NULL), 0);
	n = i2d_KeyParams(params, &der);
	assert_true(n > 0);
	dh_der = span_of(der, (size_t)n);
	EVP_PKEY_free(params);
	return 0;
}

static inline int
free_entries(void **state)
{
	for (int i = 0; i <= SERVERS; i++)
		fake_entry_free(entries[i]);
	OPENSSL_free((void *)(uintptr_t)dh_der.p);
	return 0;
}

static inline struct bundle *
make_bundle(struct world *w)
{
	struct bundle_writer *writer = bundle_writer_new();
	struct bundle *b = NULL;
	int fd;

	for (int i = 0; i <= SERVERS; i++) {
		struct span name = arena_printf(w->arena, SPAN_FMT "\n" SPAN_FMT,
		    SPAN_ARG(w->refs[i].cert_path), SPAN_ARG(w->refs[i].key_path));

		bundle_writer_add(writer, BUNDLE_CERTIFICATE, name, entries[i]);
	}
	bundle_writer_add(writer, BUNDLE_DHPARAM, SPAN("/dh.pem"), dh_der);
	fd = bundle_writer_seal(writer, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bundle_open(fd, &b, NULL), 0);
	close(fd);
	bundle_writer_free(writer);
	return b;
}

static inline void
make_servers(struct world *w)
{
	static const struct span names[SERVERS] = { SPAN_INIT("default.example"),
		SPAN_INIT("exact.example"), SPAN_INIT("*.wild.example"), SPAN_INIT("off.example"),
		SPAN_INIT("strict.example") };

	for (unsigned i = 0; i <= SERVERS; i++) {
		w->refs[i].cert_path = arena_printf(w->arena, "/%u.crt", i);
		w->refs[i].key_path = arena_printf(w->arena, "/%u.key", i);
		w->refs[i].index = i;
		w->ref_list[i] = &w->refs[i];
	}
	for (unsigned i = 0; i < SERVERS; i++) {
		w->names[i] = names[i];
		w->settings[i].tls = (struct tls_settings){ .protocols = BOTH,
			.ciphers = CIPHERS,
			.session_timeout_ms = 300000,
			.buffer_size = 16384,
			.tickets = true };
		w->of_server[i][0] = &w->refs[i];
		w->of_server[i][1] = &w->refs[SERVERS];
		w->servers[i] = (struct server){ .names = &w->names[i],
			.name_count = 1,
			.settings = &w->settings[i],
			.location_settings = &w->location,
			.certificates = w->of_server[i],
			.certificate_count = i == EXACT ? 2 : 1,
			.index = i };
		w->server_list[i] = &w->servers[i];
	}
	w->settings[STRICT].tls.protocols = TLS_PROTO_1_2;
	w->settings[STRICT].tls.ciphers = SPAN("DHE-RSA-AES256-GCM-SHA384");
	w->settings[STRICT].tls.dhparam = SPAN("/dh.pem");
	w->settings[STRICT].tls.prefer_server_ciphers = true;
}

static inline struct world *
world_new(struct ticket_keys *tickets)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct server_name_index *names;

	w->arena = arena_new(0);
	make_servers(w);
	names = server_name_index_new(w->arena);
	for (int i = 0; i < SERVERS; i++)
		assert_true(server_name_index_add(names, w->names[i], &w->servers[i]));
	w->endpoint = (struct endpoint){
		.default_server = &w->servers[DEFAULT], .names = names, .tls = true
	};
	w->endpoint.address.u.in.sin_family = AF_INET;
	w->endpoint.address.u.in.sin_port = htons(443);
	w->endpoint.address.len = sizeof(struct sockaddr_in);
	w->listener = (struct listener){
		.address = w->endpoint.address, .endpoints = &w->endpoint, .endpoint_count = 1
	};
	w->snapshot = (struct snapshot){ .servers = w->server_list,
		.server_count = SERVERS,
		.listeners = &w->listener,
		.listener_count = 1,
		.certificates = w->ref_list,
		.certificate_count = SERVERS + 1 };
	w->worker.certificates = certificate_cache_new(100);
	w->worker.tickets = tickets;
	w->generation =
	    (struct generation){ .refs = 1, .worker = &w->worker, .snapshot = &w->snapshot };
	w->generation.bundle = make_bundle(w);
	w->slot = (struct listen_slot){ .refs = 1,
		.worker = &w->worker,
		.generation = &w->generation,
		.listener = &w->listener };
	w->client = (struct client){ .worker = &w->worker,
		.slot = &w->slot,
		.local = &w->endpoint.address.u.sa,
		.remote = &w->endpoint.address.u.sa };
	return w;
}

static inline void
world_start(struct world *w, struct world *previous)
{
	struct err e = ERR_INIT;

	if (tls_contexts_new(&w->generation, previous ? previous->generation.tls : NULL,
		&w->generation.tls, &e) < 0)
		fail_msg("%s", err_text(&e));
}

static inline void
world_free(struct world *w)
{
	assert_int_equal(w->generation.refs, 1);
	tls_contexts_free(w->generation.tls);
	certificate_cache_free(w->worker.certificates);
	bundle_close(w->generation.bundle);
	arena_free(w->arena);
	free(w);
}

/* What a client wants, and what came of it. */
struct attempt {
	const char *name;
	int min, max;        /* 0 = any */
	const char *ciphers; /* TLS 1.2 */
	const char *sigalgs;
	const char *groups;
	const char *alpn;     /* wire form */
	SSL_SESSION *session; /* to resume */
	/* out */
	char certificate[256], chosen_cipher[64], alpn_chosen[16];
	int version;
	bool resumed;
	SSL_SESSION *made; /* owned by the caller */
	unsigned long reason;
};

static inline int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct attempt *a = SSL_get_app_data(ssl);

	SSL_SESSION_free(a->made);
	a->made = session;
	return 1;
}

static inline SSL_CTX *
client_context(const struct attempt *a)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, a->min);
	SSL_CTX_set_max_proto_version(ctx, a->max);
	if (a->ciphers)
		assert_int_equal(SSL_CTX_set_cipher_list(ctx, a->ciphers), 1);
	if (a->sigalgs)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(ctx, a->sigalgs), 1);
	if (a->groups)
		assert_int_equal(SSL_CTX_set1_groups_list(ctx, a->groups), 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	return ctx;
}

static inline void
note_result(struct world *w, struct attempt *a, SSL *client)
{
	const unsigned char *alpn;
	unsigned n;
	char byte;

	tls_accept_done(&w->client, w->conn.ssl);
	assert_null(SSL_get_certificate(w->conn.ssl));
	assert_null(SSL_get_privatekey(w->conn.ssl));
	/* TLS 1.3 brings the ticket behind the handshake. */
	SSL_read(client, &byte, 1);
	ERR_clear_error();
	SSL_get0_alpn_selected(client, &alpn, &n);
	snprintf(a->alpn_chosen, sizeof(a->alpn_chosen), "%.*s", (int)n,
	    n ? (const char *)alpn : "");
	snprintf(a->certificate, sizeof(a->certificate), "%s", fake_common_name(client));
	snprintf(a->chosen_cipher, sizeof(a->chosen_cipher), "%s", SSL_get_cipher_name(client));
	a->version = SSL_version(client);
	a->resumed = SSL_session_reused(client);
	/* TLS 1.2 does not tell of a ticket that renews one. */
	if (!a->made)
		a->made = SSL_get1_session(client);
}

static inline struct client *
world_client(const struct conn *c)
{
	struct world *w = c->owner;

	return &w->client;
}

/* A connection accepted. */
static inline void
world_accept(struct world *w)
{
	static const struct conn_ops ops = { .client = world_client };

	w->conn = (struct conn){ .ops = &ops, .owner = w };
	w->conn.ssl = tls_accept_new(&w->generation, &w->endpoint, &w->client);
	assert_non_null(w->conn.ssl);
}

/* Its end. */
static inline void
world_hang_up(struct world *w)
{
	SSL_free(w->conn.ssl);
	close(w->conn.watch.fd);
	tls_client_release(&w->client.tls);
}

static inline bool
connect_to(struct world *w, struct attempt *a)
{
	SSL_CTX *ctx = client_context(a);
	SSL *client = SSL_new(ctx);
	bool ok;

	world_accept(w);
	SSL_set_app_data(client, a);
	if (a->name)
		SSL_set_tlsext_host_name(client, a->name);
	if (a->alpn)
		SSL_set_alpn_protos(client, (const unsigned char *)a->alpn,
		    (unsigned)strlen(a->alpn));
	if (a->session)
		SSL_set_session(client, a->session);
	ERR_clear_error();
	ok = fake_handshake(&w->conn, client);
	a->reason = (unsigned long)ERR_GET_REASON(ERR_peek_error());
	ERR_clear_error();
	if (ok)
		note_result(w, a, client);
	if (a->name && ok)
		assert_true(tls_server_name(&w->client).n > 0);
	SSL_shutdown(client);
	SSL_free(client);
	world_hang_up(w);
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

#endif
