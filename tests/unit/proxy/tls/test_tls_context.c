/* SPDX-License-Identifier: ISC */
/* Handshakes: which server, which certificate, which protocol above TLS, and what is resumed. */
#include "tests/unit/proxy/tls/fake_world.h"

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

/* The server's side, which takes a byte before the handshake is over. */
static void
take_early_byte(struct conn *server, SSL *client)
{
	size_t n = 0;
	char byte;

	fake_join(server, client);
	assert_int_equal(SSL_write_early_data(client, "x", 1, &n), 1);
	assert_int_equal(SSL_read_early_data(fake_readable(server), &byte, 1, &n),
	    SSL_READ_EARLY_DATA_SUCCESS);
	assert_false(SSL_is_init_finished(server->ssl));
	assert_int_equal(SSL_do_handshake(client), 1);
	while (SSL_read_early_data(fake_readable(server), &byte, 1, &n) !=
	       SSL_READ_EARLY_DATA_FINISH)
		;
}

static void
a_handshake_with_early_data_ends_by_itself(void **state)
{
	struct ticket_keys *keys = ticket_keys_new();
	struct world *w = world_new(keys);
	struct attempt a = { .name = "default.example", .min = TLS1_3_VERSION };

	w->settings[DEFAULT].tls.early_data = true;
	world_start(w, NULL);
	assert_true(connect_to(w, &a));
	/* The second time with a new ticket at its end. */
	for (int rotations = 0; rotations < 2; rotations++) {
		SSL_CTX *ctx = client_context(&a);
		SSL *client = SSL_new(ctx);
		SSL_SESSION *session = SSL_SESSION_dup(a.made);

		if (rotations > 0)
			assert_int_equal(ticket_keys_rotate(keys), 0);
		SSL_set_app_data(client, &(struct attempt){ .name = NULL });
		SSL_set_session(client, session);
		world_accept(w);
		take_early_byte(&w->conn, client);
		assert_int_equal(SSL_do_handshake(fake_readable(&w->conn)), 1);
		assert_int_equal(SSL_get_early_data_status(w->conn.ssl), SSL_EARLY_DATA_ACCEPTED);
		assert_null(w->client.tls.accept);
		assert_int_equal(w->generation.refs, 1);
		world_hang_up(w);
		SSL_free(client);
		SSL_SESSION_free(session);
		SSL_CTX_free(ctx);
	}
	SSL_SESSION_free(a.made);
	world_free(w);
	ticket_keys_free(keys);
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
		cmocka_unit_test(alpn),
		cmocka_unit_test(sessions_stay_with_their_server),
		cmocka_unit_test(tickets_are_good_at_every_worker),
		cmocka_unit_test(tickets_outlive_two_rotations),
		cmocka_unit_test(a_handshake_with_early_data_ends_by_itself),
		cmocka_unit_test(a_reload_keeps_contexts_and_sessions),
		cmocka_unit_test(a_handshake_under_way_is_served_by_the_newest),
		cmocka_unit_test(without_tls_nothing_is_built),
	};

	return cmocka_run_group_tests(tests, make_entries, free_entries);
}
