/* SPDX-License-Identifier: ISC */
/* From uri to path, and never out of an alias. */
#include "proxy/http/file_path.h"
#include "tests/unit/proxy/http/fake_request.h"

static void
check_path(const char *root, size_t alias, const char *uri, const char *path)
{
	struct fake f;
	struct span s;

	fake_init(&f, "GET", uri);
	fake_root(&f, root, alias);
	s = file_path_map(&f.request);
	if (!path) {
		assert_null(s.p);
	} else {
		assert_span(s, path);
		assert_int_equal(s.p[s.n], '\0');
	}
	fake_release(&f);
}

/* alias "" is a root. */
static void
check(const char *location, const char *alias, const char *uri, const char *path)
{
	if (alias[0])
		check_path(alias, strlen(location), uri, path);
	else
		check_path("/srv/www", 0, uri, path);
}

static void
root_comes_in_front(void **state)
{
	struct fake f;

	check("/", "", "/", "/srv/www/");
	check("/a/", "", "/a/b c.txt", "/srv/www/a/b c.txt");
	check("/", "", "/a..b/..c/...", "/srv/www/a..b/..c/...");
	fake_init(&f, "GET", "/");
	fake_root(&f, "/srv", 0);
	assert_span(file_path_root(&f.request), "/srv");
	fake_release(&f);
}

static void
an_alias_may_stand_for_all(void **state)
{
	struct fake f;

	check_path("/data/x.png", ALIAS_WHOLE, "/i/a", "/data/x.png");
	fake_init(&f, "GET", "/i/a");
	fake_root(&f, "/data", ALIAS_WHOLE);
	f.request.alias_takes_uri = true;
	assert_span(file_path_map(&f.request), "/data/i/a");
	f.request.uri_rewritten = true;
	assert_null(file_path_map(&f.request).p);
	fake_release(&f);
}

static void
variables_may_make_it_relative(void **state)
{
	struct fake f;
	struct err e = ERR_INIT;
	struct template *t;

	fake_init(&f, "GET", "/x");
	f.snapshot.prefix = SPAN("/prefix/");
	t = template_compile(&http_variables, SPAN("$host/www"), f.request.arena, &e);
	f.root.path = t;
	assert_span(file_path_map(&f.request), "/prefix/a.example/www/x");
	assert_span(file_path_root(&f.request), "/prefix/a.example/www");
	fake_release(&f);
}

static void
alias_takes_the_place_of_the_prefix(void **state)
{
	check("/i/", "/data/img/", "/i/a.png", "/data/img/a.png");
	check("/i/", "/data/img/", "/i/", "/data/img/");
	check("/i", "/data/img", "/i/a", "/data/img/a");
	check("/i", "/data/img", "/i", "/data/img");
	check("/x", "/data/file", "/x", "/data/file");
	check("/i/", "/data/../img/", "/i/a", "/data/../img/a");
}

static void
alias_is_not_climbed_out_of(void **state)
{
	check("/i", "/data/img/", "/i../secret", NULL);
	check("/i", "/data/img/", "/i..", NULL);
	check("/i.", "/data/img/.", "/i../x", NULL);
	check("/i", "/data/img/.", "/i./x", NULL);
	/* These look like it and are not. */
	check("/i", "/data/img/", "/i...", "/data/img/...");
	check("/i", "/data/img/", "/i..x", "/data/img/..x");
	check("/i", "/data/img/", "/i.", "/data/img/.");
	check("/i", "/data/img", "/i../x", "/data/img../x");
}

static void
nul_is_no_path(void **state)
{
	struct fake f;

	fake_init(&f, "GET", "/");
	f.request.uri = SPAN("/etc/passwd\0.html");
	assert_null(file_path_map(&f.request).p);
	fake_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_comes_in_front),
		cmocka_unit_test(an_alias_may_stand_for_all),
		cmocka_unit_test(variables_may_make_it_relative),
		cmocka_unit_test(alias_takes_the_place_of_the_prefix),
		cmocka_unit_test(alias_is_not_climbed_out_of),
		cmocka_unit_test(nul_is_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
