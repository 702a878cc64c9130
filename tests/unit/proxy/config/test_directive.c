/* SPDX-License-Identifier: ISC */
/* directive: the tables are sound, and the man page knows every row. */
#include "base/buf.h"
#include "base/file.h"
#include "proxy/config/directive.h"
#include "proxy/config/nginx_only.h"
#include "tests/unit/unit.h"

#define PAGE "man/tinyproxyd.conf.5"

static void
test_rows(void **state)
{
	struct arena *a = arena_new(0);
	struct directive_index ix;

	directive_index_init(&ix, a);
	assert_in_range(ix.count, 50, DIRECTIVE_MAX - 1);
	for (size_t i = 0; i < ix.count; i++) {
		const struct directive *d = ix.rows[i];

		assert_true(d->name.n > 0 && d->contexts != 0 && d->set);
		assert_true(d->min_args <= d->max_args);
		assert_true(!(d->flags & DIRECTIVE_DEFINES) || (d->flags & DIRECTIVE_BLOCK));
		/* One row per name and context. */
		for (size_t k = i + 1; k < ix.count && span_eq(ix.rows[k]->name, d->name); k++)
			assert_int_equal(ix.rows[k]->contexts & d->contexts, 0);
	}
	arena_free(a);
}

static void
test_find(void **state)
{
	struct arena *a = arena_new(0);
	struct directive_index ix;
	ptrdiff_t block, line;

	directive_index_init(&ix, a);
	block = directive_find(&ix, SPAN("server"), CONTEXT_HTTP);
	line = directive_find(&ix, SPAN("server"), CONTEXT_UPSTREAM);
	assert_true(block >= 0 && line >= 0 && block != line);
	assert_true(ix.rows[block]->flags & DIRECTIVE_BLOCK);
	assert_false(ix.rows[line]->flags & DIRECTIVE_BLOCK);
	assert_int_equal(directive_find(&ix, SPAN("server"), CONTEXT_MAIN), -1);
	assert_int_equal(directive_find(&ix, SPAN("serve"), CONTEXT_HTTP), -1);
	assert_int_equal(directive_find(&ix, SPAN("SERVER"), CONTEXT_HTTP), -1);
	assert_int_equal(directive_find(&ix, SPAN(""), CONTEXT_HTTP), -1);
	assert_int_equal(directive_find(&ix, SPAN("zzz"), CONTEXT_HTTP), -1);
	assert_span(context_names(CONTEXT_HTTP_ALL, a), "http, server, location");
	assert_span(context_names(CONTEXT_MAIN, a), "main");
	arena_free(a);
}

static bool
is_off(const struct directive *d)
{
	for (size_t i = 0; i < directive_off_table.count; i++) {
		if (d == &directive_off_table.rows[i])
			return true;
	}
	return false;
}

/* What nginx alone has is told; nothing of ours is among it but what is taken only to be off. */
static void
test_nginx_only(void **state)
{
	static const char *const theirs[] = { "brotli_types", "aio", "auth_basic_user_file",
		"proxy_cache_purge", "fastcgi_pass", "http3_hq" };
	static const char *const nobodys[] = { "", "gzi", "gzipp", "_", "user", "auth",
		"proxy_pas" };
	struct arena *a = arena_new(0);
	struct directive_index ix;

	directive_index_init(&ix, a);
	for (size_t i = 0; i < ix.count; i++)
		if (!is_off(ix.rows[i]))
			assert_null(nginx_only_hint(ix.rows[i]->name));
	for (size_t i = 0; i < COUNT(theirs); i++)
		assert_non_null(nginx_only_hint(span_str(theirs[i])));
	for (size_t i = 0; i < COUNT(nobodys); i++)
		assert_null(nginx_only_hint(span_str(nobodys[i])));
	arena_free(a);
}

/* Each directive has an entry ".It Ic NAME", once per row. */
static void
test_man_page(void **state)
{
	struct arena *a = arena_new(0);
	struct directive_index ix;
	struct err e = ERR_INIT;
	struct span rest, line;
	size_t entries = 0;
	struct buf page;

	directive_index_init(&ix, a);
	buf_init(&page, 1 << 20);
	if (file_read(PAGE, &page, &e) < 0)
		fail_msg("%s", err_text(&e));
	for (size_t i = 0; i < ix.count; i++) {
		struct span entry = arena_printf(a, ".It Ic " SPAN_FMT, SPAN_ARG(ix.rows[i]->name));
		bool found = false;

		for (rest = buf_span(&page); span_split(&rest, '\n', &line);)
			found |= span_starts(line, entry) &&
				 (line.n == entry.n || line.p[entry.n] == ' ' ||
				     line.p[entry.n] == '\n');
		if (!found)
			fail_msg("%s has no entry for \"" SPAN_FMT "\"", PAGE,
			    SPAN_ARG(ix.rows[i]->name));
	}
	for (rest = buf_span(&page); span_split(&rest, '\n', &line);)
		entries += span_starts(line, SPAN(".It Ic "));
	/* include is syntax, not a row. */
	assert_int_equal(entries, ix.count + 1);
	buf_release(&page);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_nginx_only),
		cmocka_unit_test(test_man_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
