/* SPDX-License-Identifier: ISC */
/* Versions, ciphers and DH parameters: each server's own, and refused in words. */
#include "proxy/tls/tls_settings.h"
#include "tests/unit/proxy/tls/fake_world.h"

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
every_setting_counts_in_the_digest(void **state)
{
	struct tls_settings base = {
		.protocols = BOTH, .ciphers = CIPHERS, .session_timeout_ms = 300000
	};
	static const struct zone_spec zone = { .name = SPAN_INIT("z"), .size = 65536 };
	static const struct tls_command command = { SPAN_INIT("Options"), SPAN_INIT("x"), NULL };
	struct tls_settings s[19];
	unsigned char digests[21][TLS_SETTINGS_DIGEST], again[TLS_SETTINGS_DIGEST];

	for (int i = 0; i < 19; i++)
		s[i] = base;
	s[0].protocols = TLS_PROTO_1_2;
	s[1].ciphers = SPAN("HIGH");
	s[2].prefer_server_ciphers = true;
	s[3].session_timeout_ms = 300001;
	s[4].groups = SPAN("P-256");
	s[5].commands = &command;
	s[6].buffer_size = 4096;
	s[7].reject_handshake = true;
	s[8].early_data = true;
	s[9].store.off = true;
	s[10].store.builtin = 5;
	s[11].store.zone = &zone;
	s[12].tickets = true;
	s[13].verify = TLS_VERIFY_ON;
	s[14].verify_depth = 3;
	s[15].client_ca.text = SPAN("x");
	s[16].trusted_ca.text = SPAN("x");
	s[17].crl.text = SPAN("x");
	s[18].verify = TLS_VERIFY_OPTIONAL;
	for (int i = 0; i < 19; i++)
		tls_settings_digest(&s[i], span_of(NULL, 0), digests[i]);
	tls_settings_digest(&base, span_of(NULL, 0), digests[19]);
	tls_settings_digest(&base, dh_der, digests[20]);
	for (int i = 0; i < 21; i++) {
		for (int k = 0; k < i; k++)
			assert_memory_not_equal(digests[i], digests[k], TLS_SETTINGS_DIGEST);
	}
	tls_settings_digest(&base, span_of(NULL, 0), again);
	assert_memory_equal(again, digests[19], TLS_SETTINGS_DIGEST);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_the_servers),
		cmocka_unit_test(old_versions_are_refused_in_words),
		cmocka_unit_test(every_setting_counts_in_the_digest),
		cmocka_unit_test(refused_settings_are_named),
	};

	return cmocka_run_group_tests(tests, make_entries, free_entries);
}
