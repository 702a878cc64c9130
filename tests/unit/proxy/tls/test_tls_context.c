/* SPDX-License-Identifier: ISC */
/*
 * Handshakes in memory against a generation made by hand: which server, which certificate, which settings, and
 * what is resumed.
 */
#include "base/mem.h"
#include "libcert/dh.h"
#include "proxy/config/route.h"
#include "proxy/http/request.h"
#include "proxy/tls/certificate_cache.h"
#include "proxy/tls/ticket_key.h"
#include "proxy/tls/tls_context.h"
#include "proxy/tls/tls_settings.h"
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
};

static struct span entries[SERVERS + 1];
static struct span dh_der;

static int
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

static int
free_entries(void **state)
{
	for (int i = 0; i <= SERVERS; i++)
		fake_entry_free(entries[i]);
	OPENSSL_free((void *)(uintptr_t)dh_der.p);
	return 0;
}

static struct bundle *
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

static void
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
		w->settings[i].tls = (struct tls_settings){
			.protocols = BOTH, .ciphers = CIPHERS, .session_timeout_ms = 300000
		};
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

static struct world *
world_new(struct ticket_keys *tickets)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct server_name_index *names;

	w->arena = arena_new(0);
	make_servers(w);
	names = server_name_index_new(w->arena);
	for (int i = 0; i < SERVERS; i++)
		assert_true(server_name_index_add(names, w->names[i], &w->servers[i]));
	server_name_index_finish(names);
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
	w->client =
	    (struct client){ .worker = &w->worker, .slot = &w->slot, .local = w->endpoint.address };
	return w;
}

static void
world_start(struct world *w, struct world *previous)
{
	struct err e = ERR_INIT;

	if (tls_contexts_new(&w->generation, previous ? previous->generation.tls : NULL,
		&w->generation.tls, &e) < 0)
		fail_msg("%s", err_text(&e));
}

static void
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

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct attempt *a = SSL_get_app_data(ssl);

	SSL_SESSION_free(a->made);
	a->made = session;
	return 1;
}

static SSL_CTX *
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

static void
note_result(struct attempt *a, SSL *server, SSL *client)
{
	const unsigned char *alpn;
	unsigned n;
	char byte;

	tls_accept_done(server);
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

static bool
connect_to(struct world *w, struct attempt *a)
{
	SSL_CTX *ctx = client_context(a);
	SSL *client = SSL_new(ctx),
	    *server = tls_accept_new(&w->generation, &w->endpoint, &w->client);
	bool ok;

	assert_non_null(server);
	SSL_set_app_data(client, a);
	if (a->name)
		SSL_set_tlsext_host_name(client, a->name);
	if (a->alpn)
		SSL_set_alpn_protos(client, (const unsigned char *)a->alpn,
		    (unsigned)strlen(a->alpn));
	if (a->session)
		SSL_set_session(client, a->session);
	ERR_clear_error();
	ok = fake_handshake(server, client);
	a->reason = (unsigned long)ERR_GET_REASON(ERR_peek_error());
	ERR_clear_error();
	if (ok)
		note_result(a, server, client);
	if (a->name && ok)
		assert_true(tls_server_name(server).n > 0);
	SSL_shutdown(client);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

/* ---- which server ------------------------------------------------------------------------------------ */

static void
names_choose_certificates(void **state)
{
	static const struct {
		const char *name, *certificate;
	} cases[] = {
		{ NULL, "default.example" },
		{ "default.example", "default.example" },
		{ "exact.example", "exact.example" },
		{ "EXACT.Example", "exact.example" },
		{ "exact.example.", "exact.example" },
		{ "a.wild.example", "wild.example" },
		{ "wild.example", "default.example" },
		{ "unknown.example", "default.example" },
	};
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct world *w = world_new(NULL);

	world_start(w, NULL);
	for (size_t v = 0; v < COUNT(versions); v++) {
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct attempt a = {
				.name = cases[i].name, .min = versions[v], .max = versions[v]
			};

			assert_true(connect_to(w, &a));
			assert_string_equal(a.certificate, cases[i].certificate);
			assert_int_equal(a.version, versions[v]);
			SSL_SESSION_free(a.made);
		}
	}
	world_free(w);
}

static void
a_disabled_host_is_refused_by_name(void **state)
{
	struct world *w = world_new(NULL);
	struct attempt off = { .name = "off.example" }, on = { .name = "exact.example" };

	world_start(w, NULL);
	assert_false(connect_to(w, &off));
	assert_int_equal(off.reason, SSL_R_TLSV1_UNRECOGNIZED_NAME);
	assert_true(connect_to(w, &on));
	SSL_SESSION_free(on.made);
	/* Also as the default, for names nobody has. */
	w->endpoint.default_server = &w->servers[OFF];
	off.name = "unknown.example";
	assert_false(connect_to(w, &off));
	assert_int_equal(off.reason, SSL_R_TLSV1_UNRECOGNIZED_NAME);
	world_free(w);
}

static void
one_of_two_pairs_is_enough(void **state)
{
	struct world *w = world_new(NULL);
	struct attempt a = { .name = "off.example" };

	w->servers[OFF].certificate_count = 2; /* with the RSA pair of exact.example */
	world_start(w, NULL);
	assert_true(connect_to(w, &a));
	assert_string_equal(a.certificate, "exact.example");
	SSL_SESSION_free(a.made);
	world_free(w);
}

static void
the_key_type_follows_the_client(void **state)
{
	static const struct {
		const char *sigalgs, *cipher;
	} cases[] = {
		{ "ECDSA+SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384" },
		{ "RSA+SHA256:RSA-PSS+SHA256", "ECDHE-RSA-AES256-GCM-SHA384" },
	};
	struct world *w = world_new(NULL);

	world_start(w, NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attempt a = {
			.name = "exact.example", .sigalgs = cases[i].sigalgs, .max = TLS1_2_VERSION
		};

		assert_true(connect_to(w, &a));
		assert_string_equal(a.chosen_cipher, cases[i].cipher);
		SSL_SESSION_free(a.made);
	}
	world_free(w);
}

/* A group none of our first ones: the server asks again, and the choice is made twice. */
static void
hello_retry_request(void **state)
{
	struct world *w = world_new(NULL);
	struct attempt a = {
		.name = "exact.example", .min = TLS1_3_VERSION, .groups = "X448:P-384"
	};

	world_start(w, NULL);
	assert_true(connect_to(w, &a));
	assert_string_equal(a.certificate, "exact.example");
	SSL_SESSION_free(a.made);
	world_free(w);
}

/* ---- settings ------------------------------------------------------------------------------------------ */

static void
settings_are_the_servers(void **state)
{
	struct world *w = world_new(NULL);
	struct attempt new_only = { .name = "strict.example", .min = TLS1_3_VERSION };
	struct attempt both = { .name = "strict.example" };
	struct attempt no_dhe = { .name = "strict.example",
		.ciphers = "ECDHE-RSA-AES256-GCM-SHA384",
		.max = TLS1_2_VERSION };

	world_start(w, NULL);
	assert_int_equal(tls_contexts_count(w->generation.tls), 2);
	assert_false(connect_to(w, &new_only));
	assert_int_equal(new_only.reason, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
	assert_true(connect_to(w, &both));
	assert_int_equal(both.version, TLS1_2_VERSION);
	assert_string_equal(both.chosen_cipher, "DHE-RSA-AES256-GCM-SHA384");
	assert_false(connect_to(w, &no_dhe));
	SSL_SESSION_free(both.made);

	/* And the other way: from a strict default to a lenient host. */
	w->endpoint.default_server = &w->servers[STRICT];
	new_only.name = "exact.example";
	assert_true(connect_to(w, &new_only));
	assert_int_equal(new_only.version, TLS1_3_VERSION);
	SSL_SESSION_free(new_only.made);
	world_free(w);
}

static void
old_versions_are_refused_in_words(void **state)
{
	struct world *w = world_new(NULL);
	struct attempt a = {
		.min = TLS1_VERSION, .max = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"
	};

	/* Asked for, but the security level forbids it: told as a version, not as an internal error. */
	w->settings[DEFAULT].tls.protocols = TLS_PROTO_1_0 | TLS_PROTO_1_1 | TLS_PROTO_1_2;
	assert_true(tls_settings_legacy_is_off(&w->settings[DEFAULT].tls));
	world_start(w, NULL);
	assert_false(connect_to(w, &a));
	assert_int_equal(a.reason, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
	world_free(w);

	w = world_new(NULL);
	w->settings[DEFAULT].tls.protocols = TLS_PROTO_1_0 | TLS_PROTO_1_2;
	w->settings[DEFAULT].tls.ciphers = SPAN("ALL:@SECLEVEL=0");
	assert_false(tls_settings_legacy_is_off(&w->settings[DEFAULT].tls));
	world_start(w, NULL);
	a.min = a.max = TLS1_VERSION;
	assert_true(connect_to(w, &a));
	assert_int_equal(a.version, TLS1_VERSION);
	SSL_SESSION_free(a.made);
	/* The hole in the middle stays one. */
	a.min = a.max = TLS1_1_VERSION;
	assert_false(connect_to(w, &a));
	world_free(w);
}

static void
alpn(void **state)
{
	static const struct {
		const char *offer, *chosen;
	} cases[] = {
		{ NULL, "" },
		{ "\x08http/1.1", "http/1.1" },
		{ "\x02h2\x08http/1.1", "http/1.1" },
		{ "\x08http/1.0\x08http/1.1", "http/1.1" },
		{ "\x03"
		  "foo",
		    NULL },
	};
	struct world *w = world_new(NULL);

	world_start(w, NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attempt a = { .alpn = cases[i].offer };

		if (!cases[i].chosen) {
			assert_false(connect_to(w, &a));
			assert_int_equal(a.reason, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
			continue;
		}
		assert_true(connect_to(w, &a));
		assert_string_equal(a.alpn_chosen, cases[i].chosen);
		SSL_SESSION_free(a.made);
	}
	world_free(w);
}

static void
refused_settings_are_named(void **state)
{
	struct world *w = world_new(NULL);
	struct diagnostics diags;

	diagnostics_init(&diags, w->arena);
	w->settings[EXACT].tls.ciphers = SPAN("NOPE");
	w->settings[WILD].tls.protocols = TLS_PROTO_1_0 | TLS_PROTO_1_1;
	w->settings[OFF].tls.protocols = TLS_PROTO_1_1 | TLS_PROTO_1_2;
	w->settings[STRICT].tls.ciphers = SPAN("NOPE EITHER");
	w->servers[STRICT].certificate_count = 0;
	tls_settings_check(&w->snapshot, &diags);
	assert_int_equal(diags.errors, 2);
	assert_int_equal(diags.warnings, 1);
	assert_true(span_starts(diags.first->text, SPAN("no usable cipher in \"NOPE\"")));
	assert_true(span_starts(diags.first->next->text,
	    SPAN("TLS 1.0 and 1.1 need OpenSSL's security level 0")));
	assert_true(diags.first->next->hint.n > 0);
	assert_true(diags.first->next->next->hint.n > 0);
	assert_refused(tls_contexts_new(&w->generation, NULL, &w->generation.tls, &e), "NOPE");
	world_free(w);

	w = world_new(NULL);
	w->settings[WILD].tls.dhparam = SPAN("/none.pem");
	assert_refused(tls_contexts_new(&w->generation, NULL, &w->generation.tls, &e), "/none.pem");
	world_free(w);
}

/* ---- sessions -------------------------------------------------------------------------------------------- */

static void
resume(struct world *first, struct world *second, const char *from, const char *to, int version,
    bool expected)
{
	struct attempt a = { .name = from, .min = version, .max = version };
	struct attempt b = { .name = to, .min = version, .max = version };

	assert_true(connect_to(first, &a));
	assert_false(a.resumed);
	assert_non_null(a.made);
	b.session = a.made;
	assert_true(connect_to(second, &b));
	if (b.resumed != expected)
		fail_msg("%s to %s (%x): %s", from, to, version,
		    b.resumed ? "resumed" : "not resumed");
	SSL_SESSION_free(a.made);
	SSL_SESSION_free(b.made);
}

static void
sessions_stay_with_their_server(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct ticket_keys *keys = ticket_keys_new();
	struct world *w = world_new(keys);

	world_start(w, NULL);
	for (size_t i = 0; i < COUNT(versions); i++) {
		resume(w, w, "exact.example", "exact.example", versions[i], true);
		resume(w, w, "a.wild.example", "b.wild.example", versions[i], true);
		/* The same SSL_CTX, another server. */
		resume(w, w, "exact.example", "a.wild.example", versions[i], false);
		resume(w, w, "exact.example", "unknown.example", versions[i], false);
	}
	/* Another SSL_CTX, the same ticket keys. */
	resume(w, w, "exact.example", "strict.example", TLS1_2_VERSION, false);
	resume(w, w, "strict.example", "strict.example", TLS1_2_VERSION, true);
	world_free(w);
	ticket_keys_free(keys);
}

static void
tickets_are_good_at_every_worker(void **state)
{
	struct ticket_keys *keys = ticket_keys_new();
	struct world *one = world_new(keys), *two = world_new(keys), *alone = world_new(NULL);

	world_start(one, NULL);
	world_start(two, NULL);
	world_start(alone, NULL);
	resume(one, two, "exact.example", "exact.example", TLS1_3_VERSION, true);
	resume(one, two, "exact.example", "exact.example", TLS1_2_VERSION, true);
	resume(one, alone, "exact.example", "exact.example", TLS1_3_VERSION, false);
	world_free(one);
	world_free(two);
	world_free(alone);
	ticket_keys_free(keys);
}

static bool
is_other_ticket(const SSL_SESSION *a, const SSL_SESSION *b)
{
	const unsigned char *x, *y;
	size_t nx, ny;

	SSL_SESSION_get0_ticket(a, &x, &nx);
	SSL_SESSION_get0_ticket(b, &y, &ny);
	return ny > 0 && !span_eq(span_of(x, nx), span_of(y, ny));
}

static void
tickets_outlive_two_rotations(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t v = 0; v < COUNT(versions); v++) {
		struct ticket_keys *keys = ticket_keys_new();
		struct world *w = world_new(keys);
		struct attempt a = {
			.name = "exact.example", .min = versions[v], .max = versions[v]
		};

		world_start(w, NULL);
		assert_true(connect_to(w, &a));
		for (int rotations = 1; rotations <= 3; rotations++) {
			struct attempt b = a;

			assert_int_equal(ticket_keys_rotate(keys), 0);
			/* A client drops the session it renews; ours is still wanted. */
			b.session = SSL_SESSION_dup(a.made);
			b.made = NULL;
			assert_true(connect_to(w, &b));
			assert_int_equal(b.resumed, rotations <= 2);
			/* Resumed with an old key: a new ticket comes with it. */
			assert_true(is_other_ticket(a.made, b.made));
			SSL_SESSION_free(b.session);
			SSL_SESSION_free(b.made);
		}
		SSL_SESSION_free(a.made);
		world_free(w);
		ticket_keys_free(keys);
	}
}

static void
a_reload_keeps_contexts_and_sessions(void **state)
{
	struct world *old = world_new(NULL), *new = world_new(NULL);

	world_start(old, NULL);
	new->settings[STRICT].tls.session_timeout_ms = 1000;
	world_start(new, old);
	/* Without shared keys the SSL_CTX has its own: resumption shows that it is the same one. */
	resume(old, new, "exact.example", "exact.example", TLS1_3_VERSION, true);
	resume(old, new, "exact.example", "exact.example", TLS1_2_VERSION, true);
	/* The older generation goes first; what is shared stays. */
	world_free(old);
	resume(new, new, "exact.example", "exact.example", TLS1_3_VERSION, true);
	world_free(new);
}

/* The slot has been given a newer generation since the connection was accepted. */
static void
a_handshake_under_way_is_served_by_the_newest(void **state)
{
	struct world *old = world_new(NULL), *new = world_new(NULL);
	struct attempt a = { .name = "exact.example" };

	world_start(old, NULL);
	new->names[WILD] = SPAN("other.example");
	world_start(new, old);
	old->slot.generation = &new->generation;
	old->slot.listener = &new->listener;
	new->generation.worker = &old->worker;
	assert_true(connect_to(old, &a));
	assert_string_equal(a.certificate, "exact.example");
	assert_int_equal(new->generation.refs, 1);
	SSL_SESSION_free(a.made);
	/* The reload has switched the endpoint to plain: there is no certificate for it any more. */
	new->endpoint.tls = false;
	a = (struct attempt){ .name = "exact.example" };
	assert_false(connect_to(old, &a));
	assert_int_equal(a.reason, SSL_R_TLSV1_UNRECOGNIZED_NAME);
	world_free(old);
	world_free(new);
}

static void
without_tls_nothing_is_built(void **state)
{
	struct world *w = world_new(NULL);

	w->endpoint.tls = false;
	world_start(w, NULL);
	assert_int_equal(tls_contexts_count(w->generation.tls), 0);
	assert_null(tls_accept_new(&w->generation, &w->endpoint, &w->client));
	world_free(w);
	tls_contexts_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_choose_certificates),
		cmocka_unit_test(a_disabled_host_is_refused_by_name),
		cmocka_unit_test(one_of_two_pairs_is_enough),
		cmocka_unit_test(the_key_type_follows_the_client),
		cmocka_unit_test(hello_retry_request),
		cmocka_unit_test(settings_are_the_servers),
		cmocka_unit_test(old_versions_are_refused_in_words),
		cmocka_unit_test(alpn),
		cmocka_unit_test(refused_settings_are_named),
		cmocka_unit_test(sessions_stay_with_their_server),
		cmocka_unit_test(tickets_are_good_at_every_worker),
		cmocka_unit_test(tickets_outlive_two_rotations),
		cmocka_unit_test(a_reload_keeps_contexts_and_sessions),
		cmocka_unit_test(a_handshake_under_way_is_served_by_the_newest),
		cmocka_unit_test(without_tls_nothing_is_built),
	};

	return cmocka_run_group_tests(tests, make_entries, free_entries);
}
