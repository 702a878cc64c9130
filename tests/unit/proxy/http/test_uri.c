/* SPDX-License-Identifier: ISC */
/*
 * uri: paths in normal form, targets taken apart, host names. What the paths become is what nginx
 * 1.22 shows as $uri and $args for the same request line.
 */
#include "proxy/http/http1_parse.h"
#include "tests/unit/unit.h"

/* NULL: refused. */
struct path_case {
	const char *raw, *merged, *kept;
};

static const struct path_case paths[] = {
	{ "/", "/", "/" },
	{ "/a/b.html", "/a/b.html", "/a/b.html" },
	{ "/a+b", "/a+b", "/a+b" },
	{ "/a b", "/a b", "/a b" },
	{ "//", "/", "//" },
	{ "///a//b/", "/a/b/", "///a//b/" },
	{ "/.", "/", "/" },
	{ "/./", "/", "/" },
	{ "/a/.", "/a/", "/a/" },
	{ "/a/./b", "/a/b", "/a/b" },
	{ "/a/..", "/", "/" },
	{ "/a/../", "/", "/" },
	{ "/a/../b", "/b", "/b" },
	{ "/a/b/../../c", "/c", "/c" },
	{ "/a/...", "/a/...", "/a/..." },
	{ "/a/.b", "/a/.b", "/a/.b" },
	{ "/a/..b", "/a/..b", "/a/..b" },
	{ "/a/b..", "/a/b..", "/a/b.." },
	{ "/a/b./c", "/a/b./c", "/a/b./c" },
	{ "/.well-known/x", "/.well-known/x", "/.well-known/x" },
	{ "//..", NULL, "/" },
	{ "/a//..", "/", "/a/" },
	{ "/a//../b", "/b", "/a/b" },
	{ "/a/.//b", "/a/b", "/a//b" },
	{ "/%61%2Fb", "/a/b", "/a/b" },
	{ "/%2f", "/", "//" },
	{ "/%2F%2Fa", "/a", "///a" },
	{ "/a%2f%2E%2e%2fb", "/b", "/b" },
	{ "/a/%2e%2e", "/", "/" },
	{ "/a/%2e", "/a/", "/a/" },
	{ "/a/.%2e/b", "/b", "/b" },
	{ "/%25", "/%", "/%" },
	{ "/%252e%252e", "/%2e%2e", "/%2e%2e" },
	{ "/%23%3F", "/#?", "/#?" },
	{ "/%2b", "/+", "/+" },
	{ "/%0d%0aX:%20y", "/\r\nX: y", "/\r\nX: y" },
	{ "/%7f%ff%C3%a9", "/\x7f\xff\xc3\xa9", "/\x7f\xff\xc3\xa9" },
	{ "/%5c..%5c", "/\\..\\", "/\\..\\" },
	{ "*", "*", "*" },

	{ "", NULL, NULL },
	{ "a", NULL, NULL },
	{ "*/", NULL, NULL },
	{ "%2f", NULL, NULL },
	{ "/..", NULL, NULL },
	{ "/../", NULL, NULL },
	{ "/../a", NULL, NULL },
	{ "/./..", NULL, NULL },
	{ "/a/../..", NULL, NULL },
	{ "/a/../../a", NULL, NULL },
	{ "/%2e%2e", NULL, NULL },
	{ "/%2e./x", NULL, NULL },
	{ "/a/%2e%2e%2f..", NULL, NULL },
	{ "/%00", NULL, NULL },
	{ "/a%00b", NULL, NULL },
	{ "/%", NULL, NULL },
	{ "/%4", NULL, NULL },
	{ "/%g0", NULL, NULL },
	{ "/%0g", NULL, NULL },
	{ "/%%41", NULL, NULL },
	{ "/%4/", NULL, NULL },
	{ "/%u0041", NULL, NULL },
	{ "/% 41", NULL, NULL },
	{ "/%+1", NULL, NULL },
	{ "/%-1", NULL, NULL },
	{ "/%0x", NULL, NULL },
};

static void
check_path(struct arena *arena, const char *raw, bool merge, const char *want)
{
	struct span path = SPAN("untouched");
	/* A block of its own: reading past the end is an error that shows. */
	size_t n = strlen(raw);
	char *copy = malloc(n ? n : 1);
	enum parse_result result;

	memcpy(copy, raw, n);
	result = http1_normalize_path(span_of(copy, n), merge, arena, &path);
	if (!want) {
		if (result != PARSE_BAD)
			fail_msg("%s became " SPAN_FMT, raw, SPAN_ARG(path));
	} else {
		assert_int_equal(result, PARSE_OK);
		assert_span(path, want);
	}
	free(copy);
	arena_reset(arena);
}

static void
paths_are_read_as_nginx_reads_them(void **state)
{
	struct arena *arena = arena_new(0);

	for (size_t i = 0; i < COUNT(paths); i++) {
		check_path(arena, paths[i].raw, true, paths[i].merged);
		check_path(arena, paths[i].raw, false, paths[i].kept);
	}
	arena_free(arena);
}

static void
a_literal_nul_is_refused_and_a_plain_path_is_not_copied(void **state)
{
	struct arena *arena = arena_new(0);
	struct span raw = SPAN("/plain/path.html"), path;

	assert_int_equal(http1_normalize_path(raw, true, arena, &path), PARSE_OK);
	assert_ptr_equal(path.p, raw.p);
	assert_int_equal(http1_normalize_path(span_of("/a\0/./b", 7), true, arena, &path),
	    PARSE_BAD);
	assert_int_equal(http1_normalize_path(span_of("/a\0b", 4), true, arena, &path), PARSE_BAD);
	arena_free(arena);
}

/* Normal form is a fixed point, as far as it has no '%' of its own. */
static void
normalizing_twice_changes_nothing(void **state)
{
	struct arena *arena = arena_new(0);

	for (size_t i = 0; i < COUNT(paths); i++) {
		struct span once, twice;

		if (!paths[i].merged || strchr(paths[i].merged, '%'))
			continue;
		assert_int_equal(http1_normalize_path(span_str(paths[i].raw), true, arena, &once),
		    PARSE_OK);
		assert_int_equal(http1_normalize_path(once, true, arena, &twice), PARSE_OK);
		assert_true(span_eq(once, twice));
	}
	arena_free(arena);
}

static void
targets_split_at_question_mark_and_hash(void **state)
{
	static const struct {
		const char *target, *path, *args;
		bool has_query;
	} cases[] = {
		{ "/", "/", "", false },
		{ "/a?b", "/a", "b", true },
		{ "/a?", "/a", "", true },
		{ "/a?b?c", "/a", "b?c", true },
		{ "/?/../", "/", "/../", true },
		{ "/a#f", "/a", "", false },
		{ "/a#f?b", "/a", "", false },
		{ "/a?b#f", "/a", "b", true },
		{ "/a?#f", "/a", "", true },
		{ "/%3f?%23", "/%3f", "%23", true },
		{ "*", "*", "", false },
		{ "", "", "", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span path, args;
		bool has_query;

		http1_split_target(span_str(cases[i].target), &path, &args, &has_query);
		assert_span(path, cases[i].path);
		assert_span(args, cases[i].args);
		assert_int_equal(has_query, cases[i].has_query);
	}
}

static void
host_names_are_lower_case_without_port_and_dot(void **state)
{
	/* NULL: refused. */
	static const struct {
		const char *host, *name;
	} cases[] = {
		{ "a.example", "a.example" },
		{ "A.Example", "a.example" },
		{ "a.example:80", "a.example" },
		{ "a.example:", "a.example" },
		{ "a.example.", "a.example" },
		{ "a.example.:8443", "a.example" },
		{ "localhost", "localhost" },
		{ "127.0.0.1:65535", "127.0.0.1" },
		{ "a_b.example", "a_b.example" },
		{ "a-b~c", "a-b~c" },
		{ "a!$&'()*+;=", "a!$&'()*+;=" },
		{ "[::1]", "[::1]" },
		{ "[2001:DB8::1]:443", "[2001:db8::1]" },
		{ "[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]" },
		{ "", "" },

		{ ".", NULL },
		{ "..", NULL },
		{ ".a", NULL },
		{ "a..b", NULL },
		{ "a..", NULL },
		{ ":80", NULL },
		{ "a:b", NULL },
		{ "a:65536", NULL },
		{ "a:99999999999999999999", NULL },
		{ "a:-1", NULL },
		{ "a:+1", NULL },
		{ "a: 1", NULL },
		{ "a:80:80", NULL },
		{ "a b", NULL },
		{ "a\tb", NULL },
		{ " a", NULL },
		{ "a,b", NULL },
		{ "a/b", NULL },
		{ "a\\b", NULL },
		{ "a?b", NULL },
		{ "a#b", NULL },
		{ "u@a", NULL },
		{ "a%41", NULL },
		{ "a\x7f", NULL },
		{ "a\x01", NULL },
		{ "\xc3\xa9.example", NULL },
		{ "<a>", NULL },
		{ "\"a\"", NULL },
		{ "a|b", NULL },
		{ "a^b", NULL },
		{ "a`b", NULL },
		{ "{a}", NULL },
		{ "::1", NULL },
		{ "[::1", NULL },
		{ "[]", NULL },
		{ "[", NULL },
		{ "]", NULL },
		{ "[::1]x", NULL },
		{ "[::1].", NULL },
		{ "[::1%eth0]", NULL },
		{ "[::1%25eth0]", NULL },
		{ "[1.2.3.4]", NULL },
		{ "[:::1]", NULL },
		{ "[v1.x]", NULL },
		{ "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", NULL },
	};
	struct arena *arena = arena_new(0);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span name;
		int rc = http1_host_name(span_str(cases[i].host), arena, &name);

		if (rc != (cases[i].name ? 0 : -1))
			fail_msg("%s: %d", cases[i].host, rc);
		if (cases[i].name)
			assert_span(name, cases[i].name);
	}
	assert_int_equal(http1_host_name(span_of("a\0b", 3), arena, &(struct span){ 0 }), -1);
	assert_int_equal(http1_host_name(span_of("[::1\0]", 6), arena, &(struct span){ 0 }), -1);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_read_as_nginx_reads_them),
		cmocka_unit_test(a_literal_nul_is_refused_and_a_plain_path_is_not_copied),
		cmocka_unit_test(normalizing_twice_changes_nothing),
		cmocka_unit_test(targets_split_at_question_mark_and_hash),
		cmocka_unit_test(host_names_are_lower_case_without_port_and_dot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
