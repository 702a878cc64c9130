/* SPDX-License-Identifier: ISC */
/* asked: names with their web roots, settings, contradictions. */
#include "base/file.h"
#include "base/mem.h"
#include "libacme/asked.h"
#include "tests/unit/unit.h"

struct fixture {
	char dir[UNIT_DIR_MAX];
	char *one, *two;
	struct certstore *store;
	struct asked asked;
	struct issue *job;
	struct err e;
};

static int
setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	char *store;

	unit_make_dir(f->dir);
	f->one = file_join(f->dir, "one");
	f->two = file_join(f->dir, "two");
	assert_int_equal(file_make_dirs(f->one, 0755, NULL), 0);
	assert_int_equal(file_make_dirs(f->two, 0755, NULL), 0);
	store = file_join(f->dir, "store");
	assert_int_equal(certstore_open(store, &f->store, NULL), 0);
	free(store);
	asked_init(&f->asked);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	issue_free(f->job);
	err_release(&f->e);
	asked_release(&f->asked);
	certstore_close(f->store);
	unit_remove_dir(f->dir);
	free(f->one);
	free(f->two);
	free(f);
	return 0;
}

static void
name(struct fixture *f, const char *value)
{
	assert_int_equal(asked_add_names(&f->asked, value, &f->e), 0);
}

static void
root(struct fixture *f, const char *dir)
{
	assert_int_equal(asked_add_webroot(&f->asked, dir, &f->e), 0);
}

static void
refused(struct fixture *f, const char *words)
{
	assert_int_equal(asked_make(&f->asked, f->store, &f->job, &f->e), -1);
	assert_null(f->job);
	assert_int_equal(f->e.kind, ERR_USAGE);
	if (!strstr(err_text(&f->e), words))
		fail_msg("\"%s\" lacks \"%s\"", err_text(&f->e), words);
}

static void
names_are_made_canonical_and_counted_once(void **state)
{
	struct fixture *f = *state;

	root(f, f->one);
	name(f, "B.Example, a.example");
	name(f, "b.example.,a.example");
	assert_int_equal(asked_make(&f->asked, f->store, &f->job, &f->e), 0);
	assert_string_equal(f->job->name, "b.example");
	assert_int_equal(f->job->name_count, 2);
	assert_span(f->job->names[1], "a.example");
	assert_string_equal(f->job->how.server, "https://acme-v02.api.letsencrypt.org/directory");
	assert_int_equal(f->job->how.key.kind, PKEY_EC);
	assert_false(f->job->wants_key);
	assert_true(f->job->save);
}

static void
each_root_holds_for_the_names_after_it(void **state)
{
	struct fixture *f = *state;

	root(f, f->one);
	name(f, "a.example,b.example");
	root(f, f->two);
	name(f, "c.example");
	assert_int_equal(asked_make(&f->asked, f->store, &f->job, &f->e), 0);
	assert_string_equal(f->job->how.roots[0].dir, f->one);
	assert_string_equal(f->job->how.roots[1].dir, f->one);
	assert_string_equal(f->job->how.roots[2].dir, f->two);
}

static void
one_root_may_come_last(void **state)
{
	struct fixture *f = *state;

	name(f, "a.example");
	root(f, f->one);
	assert_int_equal(asked_make(&f->asked, f->store, &f->job, &f->e), 0);
	assert_string_equal(f->job->how.roots[0].dir, f->one);
}

static void
several_roots_may_not(void **state)
{
	struct fixture *f = *state;

	name(f, "a.example");
	root(f, f->one);
	name(f, "b.example");
	root(f, f->two);
	refused(f, "none before -d a.example");
}

static void
nothing_is_not_enough(void **state)
{
	struct fixture *f = *state;

	refused(f, "no name is given");
	name(f, "a.example");
	refused(f, "no web root is given");
}

static void
names_no_ca_certifies(void **state)
{
	static const char *const bad[] = { "me@a.example", "https://a.example/", "a..b", "",
		"a.example,,b.example" };
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err e = ERR_INIT;

		/* An empty value has no piece at all: the missing name is told later. */
		if (*bad[i])
			assert_int_equal(asked_add_names(&f->asked, bad[i], &e), -1);
		err_release(&e);
	}
}

static void
one_way_of_proving(void **state)
{
	struct fixture *f = *state;

	name(f, "*.a.example");
	root(f, f->one);
	refused(f, "dns-01");
	f->asked.standalone = true;
	refused(f, "in one way");
	asked_release(&f->asked);
	name(f, "*.a.example");
	f->asked.standalone = true;
	refused(f, "dns-01");
	f->asked.challenge = "dns";
	refused(f, "--standalone cannot prove names by dns-01");
	f->asked.standalone = false;
	f->asked.manual = true;
	refused(f, "no hook is given");
	f->asked.auth_hook = "/bin/true";
	f->asked.dns_hook = "/bin/true";
	refused(f, "in one way");
	f->asked.dns_hook = NULL;
	f->asked.dns_server = "ns1.example";
	refused(f, "no address of a name server");
	f->asked.dns_server = "192.0.2.53";
	f->asked.challenge = "dns-02";
	refused(f, "is no challenge");
	f->asked.challenge = "dns";
	f->asked.http_port = "65536";
	refused(f, "--http-01-port");
	f->asked.http_port = NULL;
	assert_int_equal(asked_make(&f->asked, f->store, &f->job, &f->e), 0);
	assert_int_equal(f->job->how.solver, RENEWAL_MANUAL);
	assert_string_equal(f->job->how.challenge, "dns-01");
}

static void
keys_and_their_contradictions(void **state)
{
	static const struct {
		const char *type, *curve, *bits;
		enum pkey_kind kind;
		bool good;
	} cases[] = {
		{ "rsa", NULL, NULL, PKEY_RSA, true },
		{ "rsa", NULL, "4096", PKEY_RSA, true },
		{ NULL, NULL, "4096", PKEY_RSA, true },
		{ "ecdsa", "secp384r1", NULL, PKEY_EC, true },
		{ NULL, "P-384", NULL, PKEY_EC, true },
		{ "rsa", "secp384r1", NULL, PKEY_RSA, false },
		{ "ecdsa", NULL, "2048", PKEY_EC, false },
		{ NULL, "secp384r1", "2048", PKEY_EC, false },
		{ "ecdsa", "rsa", NULL, PKEY_EC, false },
		{ "ecdsa", "sect571k1", NULL, PKEY_EC, false },
		{ "rsa", NULL, "1024", PKEY_RSA, false },
		{ "dsa", NULL, NULL, PKEY_RSA, false },
	};
	struct fixture *f = *state;

	root(f, f->one);
	name(f, "a.example");
	for (size_t i = 0; i < COUNT(cases); i++) {
		int rc;

		f->asked.key_type = cases[i].type;
		f->asked.curve = cases[i].curve;
		f->asked.rsa_bits = cases[i].bits;
		rc = asked_make(&f->asked, f->store, &f->job, &f->e);
		assert_int_equal(rc, cases[i].good ? 0 : -1);
		if (rc == 0) {
			assert_int_equal(f->job->how.key.kind, cases[i].kind);
			assert_true(f->job->wants_key);
		} else {
			assert_int_equal(f->e.kind, ERR_USAGE);
		}
		issue_free(f->job);
		f->job = NULL;
		err_reset(&f->e);
	}
}

static void
lineage_names_stay_file_names(void **state)
{
	static const char *const bad[] = { "../x", "a/b", ".hidden", "" };
	struct fixture *f = *state;

	root(f, f->one);
	name(f, "a.example");
	for (size_t i = 0; i < COUNT(bad); i++) {
		f->asked.cert_name = bad[i];
		refused(f, "cannot name a certificate");
		err_reset(&f->e);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_are_made_canonical_and_counted_once, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(each_root_holds_for_the_names_after_it, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(one_root_may_come_last, setup, teardown),
		cmocka_unit_test_setup_teardown(several_roots_may_not, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_not_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(names_no_ca_certifies, setup, teardown),
		cmocka_unit_test_setup_teardown(one_way_of_proving, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_and_their_contradictions, setup, teardown),
		cmocka_unit_test_setup_teardown(lineage_names_stay_file_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
