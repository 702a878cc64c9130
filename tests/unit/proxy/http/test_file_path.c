/* SPDX-License-Identifier: ISC */
/* From uri to path, and never out of an alias. */
#include "proxy/http/file_path.h"
#include "tests/unit/unit.h"

static void
check(const char *location, const char *alias, const char *uri, const char *path)
{
	struct arena *a = arena_new(0);
	struct location_settings settings = { .root = SPAN_INIT("/srv/www") };
	struct location l = {
		.path = span_str(location), .alias = span_str(alias), .settings = &settings
	};
	struct span s = file_path_map(&l, &settings, span_str(uri), a);

	if (!path) {
		assert_null(s.p);
	} else {
		assert_span(s, path);
		assert_int_equal(s.p[s.n], '\0');
	}
	arena_free(a);
}

static void
root_comes_in_front(void **state)
{
	struct location_settings settings = { .root = SPAN_INIT("/srv/www/") };
	struct location l = { .path = SPAN_INIT("/"), .settings = &settings };

	check("/", "", "/", "/srv/www/");
	check("/a/", "", "/a/b c.txt", "/srv/www/a/b c.txt");
	check("/", "", "/a..b/..c/...", "/srv/www/a..b/..c/...");
	assert_span(file_path_root(&l, &settings), "/srv/www");
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
	/* Not the location's. */
	check("/i/", "/data/img/", "/j/a", NULL);
}

static void
nul_is_no_path(void **state)
{
	struct arena *a = arena_new(0);
	struct location_settings settings = { .root = SPAN_INIT("/srv") };
	struct location l = { .path = SPAN_INIT("/"), .settings = &settings };

	assert_null(file_path_map(&l, &settings, SPAN("/etc/passwd\0.html"), a).p);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_comes_in_front),
		cmocka_unit_test(alias_takes_the_place_of_the_prefix),
		cmocka_unit_test(alias_is_not_climbed_out_of),
		cmocka_unit_test(nul_is_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
