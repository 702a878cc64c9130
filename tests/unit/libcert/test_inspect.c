/* SPDX-License-Identifier: ISC */
/* inspect: each problem is found, a good certificate has none; timeline fits its columns. */
#include "libcert/inspect.h"
#include "libcert/survey.h"
#include "libcert/timeline.h"
#include "tests/unit/libcert/made.h"

struct family {
	EVP_PKEY *key, *other;
	X509 *root, *middle, *leaf, *stranger;
	struct arena *arena;
};

static struct family f;
static const struct inspect_limits usual;

static int
set_up(void **state)
{
	made_fix_clock();
	f.arena = arena_new(0);
	f.key = made_key("ec");
	f.other = made_key("ec");
	f.root = made_cert(f.key, "",
	    (struct made_options){
		.use = X509GEN_CA, .subject = "/CN=Root", .not_after = MADE_NOW + 900 * DAY });
	f.middle = made_cert(f.other, "",
	    (struct made_options){ .use = X509GEN_CA,
		.subject = "/CN=Mid\x1b[1m",
		.not_after = MADE_NOW + 900 * DAY,
		.issuer = f.root,
		.issuer_key = f.key });
	f.leaf = made_cert(f.key, "a.example",
	    (struct made_options){ .issuer = f.middle, .issuer_key = f.other });
	f.stranger = made_cert(f.key, "",
	    (struct made_options){ .use = X509GEN_CA, .subject = "/CN=Stranger" });
	return 0;
}

static int
tear_down(void **state)
{
	X509_free(f.root);
	X509_free(f.middle);
	X509_free(f.leaf);
	X509_free(f.stranger);
	EVP_PKEY_free(f.key);
	EVP_PKEY_free(f.other);
	arena_free(f.arena);
	return 0;
}

/* The one problem that a list of certificates (NULL ends it) has; INSPECT_KINDS for none. */
static enum inspect_kind
only_problem(X509 *const *list, int64_t now)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	struct inspection in = { .arena = f.arena };

	for (; *list; list++)
		sk_X509_push(certs, *list);
	inspect_dates(&in, certs, now, &usual);
	inspect_chain(&in, certs, NULL);
	inspect_strength(&in, certs);
	inspect_use(&in, sk_X509_value(certs, 0));
	sk_X509_free(certs);
	assert_true(in.count <= 1);
	for (size_t i = 0; i < in.count; i++)
		assert_null(memchr(in.items[i].text.p, '\x1b', in.items[i].text.n));
	return in.count ? in.items[0].kind : INSPECT_KINDS;
}

static void
chains_are_told_apart(void **state)
{
	const struct {
		X509 *certs[4];
		enum inspect_kind kind;
	} cases[] = {
		{ { f.leaf, f.middle }, INSPECT_KINDS },
		{ { f.leaf, f.middle, f.root }, INSPECT_KINDS },
		{ { f.root }, INSPECT_KINDS },
		{ { f.leaf }, INSPECT_CHAIN_INCOMPLETE },
		{ { f.leaf, f.root }, INSPECT_CHAIN_INCOMPLETE },
		{ { f.leaf, f.root, f.middle }, INSPECT_CHAIN_MISORDERED },
		{ { f.root, f.stranger }, INSPECT_CHAIN_MISORDERED },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(only_problem(cases[i].certs, MADE_NOW), cases[i].kind);
}

static void
dates_are_judged(void **state)
{
	X509 *certs[] = { f.leaf, f.middle, NULL };

	/* It ends at MADE_NOW + 90 days; 20 days before it is warned of. */
	assert_int_equal(only_problem(certs, MADE_NOW + 69 * DAY), INSPECT_KINDS);
	assert_int_equal(only_problem(certs, MADE_NOW + 71 * DAY), INSPECT_EXPIRING);
	assert_int_equal(only_problem(certs, MADE_NOW + 90 * DAY + 1), INSPECT_EXPIRED);
}

static void
keys_and_names_are_compared(void **state)
{
	struct inspection in = { .arena = f.arena };

	inspect_key(&in, f.leaf, f.key, NULL);
	inspect_name(&in, f.leaf, SPAN("A.example"));
	assert_int_equal(in.count, 0);
	inspect_key(&in, f.leaf, f.other, NULL);
	inspect_name(&in, f.leaf, SPAN("b.example\n"));
	assert_int_equal(in.count, 2);
	assert_int_equal(in.items[0].kind, INSPECT_KEY_MISMATCH);
	assert_int_equal(in.items[1].kind, INSPECT_NAME_NOT_COVERED);
	assert_span(in.items[1].text, "it does not cover the name b.example\\x0A");
	assert_int_equal(inspection_worst(&in), INSPECT_CRITICAL);
}

static void
a_timeline_fits(void **state)
{
	struct survey list[] = {
		{ .name = SPAN_INIT("late.example"),
		    .not_before = MADE_NOW - 30 * DAY,
		    .not_after = MADE_NOW + 60 * DAY,
		    .due_at = MADE_NOW + 30 * DAY },
		{ .name = SPAN_INIT("gone.example"),
		    .not_before = MADE_NOW - 300 * DAY,
		    .not_after = MADE_NOW - 1 },
		{ .name = SPAN_INIT("unread.example"), .error = SPAN_INIT("why") },
	};

	for (unsigned columns = 10; columns < 300; columns += 7) {
		char *text = NULL, *line, *rest;
		size_t n, limit = columns < TIMELINE_COLUMNS_MIN ? TIMELINE_COLUMNS_MIN : columns;
		FILE *out = open_memstream(&text, &n);

		timeline_print(list, COUNT(list), MADE_NOW, columns, out);
		fclose(out);
		assert_non_null(strstr(text, "#"));
		assert_null(strstr(text, "unread"));
		assert_true(strstr(text, "gone") < strstr(text, "late"));
		for (rest = text; (line = strsep(&rest, "\n"));)
			assert_true(strlen(line) <= limit);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_are_told_apart),
		cmocka_unit_test(dates_are_judged),
		cmocka_unit_test(keys_and_names_are_compared),
		cmocka_unit_test(a_timeline_fits),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
