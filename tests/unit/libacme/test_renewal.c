/* SPDX-License-Identifier: ISC */
/* renewal: certbot's own files in, ours out, and what is refused by name. */
#include "base/file.h"
#include "base/mem.h"
#include "libacme/renewal.h"
#include "tests/unit/unit.h"

struct fixture {
	char dir[UNIT_DIR_MAX];
	struct certstore *store;
	struct arena *arena;
};

static int
setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	unit_make_dir(f->dir);
	assert_int_equal(certstore_open(f->dir, &f->store, NULL), 0);
	f->arena = arena_new(0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	certstore_close(f->store);
	unit_remove_dir(f->dir);
	free(f);
	return 0;
}

/* As certbot 2.1 writes it, with these [renewalparams] besides. */
static void
write_conf(struct fixture *f, const char *params)
{
	char *dir = file_join(f->dir, "renewal"), *path = file_join(dir, "a.conf"), *text;
	const char *d = f->dir;

	text = mem_printf("# renew_before_expiry = 30 days\n"
			  "version = 2.1.0\narchive_dir = %s/archive/a\ncert = %s/live/a/cert.pem\n"
			  "privkey = %s/live/a/privkey.pem\nchain = %s/live/a/chain.pem\n"
			  "fullchain = %s/live/a/fullchain.pem\n\n"
			  "# Options used in the renewal process\n[renewalparams]\n%s",
	    d, d, d, d, d, params);
	assert_int_equal(file_make_dirs(dir, 0755, NULL), 0);
	assert_int_equal(file_write_atomic(path, span_str(text), 0644, NULL), 0);
	free(text);
	free(path);
	free(dir);
}

#define BASE "authenticator = webroot\nserver = https://ca.example/dir\n"

static void
certbots_settings_are_understood(void **state)
{
	static const struct span names[] = { SPAN_INIT("a.example"), SPAN_INIT("x.example") };
	struct fixture *f = *state;
	struct renewal r;

	write_conf(f,
	    BASE "account = 0123456789abcdef0123456789abcdef\nkey_type = ecdsa\n"
		 "elliptic_curve = secp384r1\nreuse_key = True\nautorenew = False\n"
		 "webroot_path = /var/www,\nrenew_hook = systemctl reload x\npre_hook = None\n"
		 "installer = None\nmust_staple = False\n"
		 "[[webroot_map]]\na.example = /srv/a\n[gatehouse]\nverify = 127.0.0.1:8443\n");
	assert_int_equal(renewal_load(f->store, "a", f->arena, &r, NULL), 0);
	assert_string_equal(r.server, "https://ca.example/dir");
	assert_string_equal(r.account, "0123456789abcdef0123456789abcdef");
	assert_int_equal(r.key.kind, PKEY_EC);
	assert_string_equal(r.key.curve, "P-384");
	assert_true(r.reuse_key);
	assert_true(r.off);
	assert_string_equal(r.deploy_hook, "systemctl reload x");
	assert_null(r.pre_hook);
	assert_string_equal(r.verify, "127.0.0.1:8443");
	assert_int_equal(r.solver, RENEWAL_WEBROOT);
	assert_string_equal(renewal_webroot(&r, names[0]), "/srv/a");
	assert_string_equal(renewal_webroot(&r, names[1]), "/var/www");
}

static void
ways_of_proving(void **state)
{
	struct fixture *f = *state;
	struct renewal r;

	write_conf(f,
	    "authenticator = standalone\nserver = https://ca.example/dir\nhttp01_port = 8080\n"
	    "http01_address = 192.0.2.1\npref_challs = tls-alpn-01,\n"
	    "[gatehouse]\ntls_alpn_01_port = 8443\n");
	assert_int_equal(renewal_load(f->store, "a", f->arena, &r, NULL), 0);
	assert_int_equal(r.solver, RENEWAL_STANDALONE);
	assert_string_equal(r.challenge, "tls-alpn-01");
	assert_string_equal(r.http_port, "8080");
	assert_string_equal(r.http_address, "192.0.2.1");
	assert_string_equal(r.tls_alpn_port, "8443");
	write_conf(f,
	    "authenticator = manual\nserver = https://ca.example/dir\npref_challs = dns-01,\n"
	    "manual_auth_hook = /a b\nmanual_cleanup_hook = /c\n");
	assert_int_equal(renewal_load(f->store, "a", f->arena, &r, NULL), 0);
	assert_int_equal(r.solver, RENEWAL_MANUAL);
	assert_string_equal(r.auth_hook, "/a b");
	assert_string_equal(r.cleanup_hook, "/c");
	/* Each way leaves only its own settings behind. */
	r.solver = RENEWAL_TINYPROXYD;
	r.challenge = NULL;
	assert_int_equal(renewal_save(f->store, "a", &r, NULL), 0);
	assert_int_equal(renewal_load(f->store, "a", f->arena, &r, NULL), 0);
	assert_int_equal(r.solver, RENEWAL_TINYPROXYD);
	assert_null(r.auth_hook);
	assert_null(r.challenge);
}

static void
key_types(void **state)
{
	static const struct {
		const char *params;
		enum pkey_kind kind;
		unsigned bits;
	} cases[] = {
		{ BASE, PKEY_RSA, 2048 }, /* certbot's default before it wrote the type down */
		{ BASE "key_type = rsa\nrsa_key_size = 4096\n", PKEY_RSA, 4096 },
		{ BASE "key_type = ecdsa\n", PKEY_EC, 0 },
		{ BASE "key_type = ecdsa\nrsa_key_size = 4096\n", PKEY_EC, 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct renewal r;

		write_conf(f, cases[i].params);
		assert_int_equal(renewal_load(f->store, "a", f->arena, &r, NULL), 0);
		assert_int_equal(r.key.kind, cases[i].kind);
		if (cases[i].bits)
			assert_int_equal(r.key.bits, cases[i].bits);
	}
}

static void
what_cannot_be_honoured_is_refused_by_name(void **state)
{
	static const struct {
		const char *params, *words;
	} cases[] = {
		{ "server = https://ca.example/dir\n", "authenticator" },
		{ "authenticator = webroot\n", "server" },
		{ "authenticator = dns-cloudflare\nserver = https://ca.example/dir\n",
		    "\"dns-cloudflare\"" },
		{ BASE "pref_challs = dns-persist-01,\n", "\"dns-persist-01\"" },
		{ BASE "must_staple = perhaps\n", "must_staple" },
		{ BASE "allow_subset_of_names = True\n", "allow_subset_of_names = True" },
		{ BASE "reuse_key = perhaps\n", "reuse_key" },
		{ BASE "key_type = dsa\n", "key_type" },
		{ BASE "key_type = rsa\nrsa_key_size = 512\n", "512" },
		{ "authenticator = webroot\nserver = http://ca.example/dir\n",
		    "http://ca.example/dir" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err e = ERR_INIT;
		struct renewal r;

		write_conf(f, cases[i].params);
		assert_int_equal(renewal_load(f->store, "a", f->arena, &r, &e), -1);
		assert_int_equal(e.kind, ERR_CONFIG);
		if (!strstr(err_text(&e), cases[i].words))
			fail_msg("\"%s\" lacks \"%s\"", err_text(&e), cases[i].words);
		assert_non_null(strstr(err_text(&e), "/renewal/a.conf"));
		err_release(&e);
	}
}

static void
a_tree_that_was_moved_is_named(void **state)
{
	struct fixture *f = *state;
	char *path = mem_printf("%s/renewal/a.conf", f->dir);
	struct err e = ERR_INIT;
	struct renewal r;
	struct buf text;

	write_conf(f, BASE);
	buf_init(&text, 65536);
	assert_int_equal(file_read(path, &text, NULL), 0);
	assert_int_equal(file_write_atomic(path, span_after(buf_span(&text), 32), 0644, NULL), 0);
	assert_int_equal(renewal_load(f->store, "b", f->arena, &r, &e), -1);
	assert_int_equal(e.kind, ERR_NOINPUT);
	err_release(&e);
	free(path);
	path = mem_printf("%s/renewal/b.conf", f->dir);
	assert_int_equal(file_write_atomic(path, buf_span(&text), 0644, NULL), 0);
	assert_int_equal(renewal_load(f->store, "b", f->arena, &r, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.hint, "moved"));
	err_release(&e);
	buf_release(&text);
	free(path);
}

static void
what_is_saved_comes_back(void **state)
{
	struct webroot roots[] = { { "a.example", "/srv/a, b" }, { "2001:db8::1", "/srv/#1" } };
	struct renewal out = {
		.server = "https://ca.example/dir",
		.account = "0123456789abcdef0123456789abcdef",
		.roots = roots,
		.root_count = 2,
		.webroot = "/srv/a, b",
		.key = { .kind = PKEY_RSA, .bits = 3072 },
		.reuse_key = true,
		.deploy_hook = "echo \"it's\" # done, really",
		.reload = "/run/x.sock",
		.preflight = "none",
	};
	struct fixture *f = *state;
	struct renewal in;

	/* Over a file with settings that stand in the way, and one that does not. */
	write_conf(f,
	    "authenticator = nginx\ninstaller = nginx\nserver = https://old.example/\n"
	    "user_agent = kept\n[[webroot_map]]\ngone.example = /gone\n[mine]\nkey = 1\n");
	assert_int_equal(renewal_save(f->store, "a", &out, NULL), 0);
	assert_int_equal(renewal_load(f->store, "a", f->arena, &in, NULL), 0);
	assert_string_equal(in.server, out.server);
	assert_string_equal(in.account, out.account);
	assert_int_equal(in.key.kind, PKEY_RSA);
	assert_int_equal(in.key.bits, 3072);
	assert_true(in.reuse_key);
	assert_string_equal(in.deploy_hook, out.deploy_hook);
	assert_string_equal(in.reload, out.reload);
	assert_string_equal(in.preflight, out.preflight);
	assert_null(in.verify);
	assert_int_equal(in.root_count, 2);
	assert_string_equal(in.roots[0].dir, "/srv/a, b");
	assert_string_equal(in.roots[1].name, "2001:db8::1");
	assert_string_equal(in.roots[1].dir, "/srv/#1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(certbots_settings_are_understood, setup, teardown),
		cmocka_unit_test_setup_teardown(ways_of_proving, setup, teardown),
		cmocka_unit_test_setup_teardown(key_types, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_honoured_is_refused_by_name, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_tree_that_was_moved_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_saved_comes_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
