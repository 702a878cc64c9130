/* SPDX-License-Identifier: ISC */
/* syntax: the tree, includes, and going on after mistakes. */
#include "proxy/config/syntax.h"
#include "tests/unit/proxy/config/loaded.h"

struct parsed {
	struct arena *arena;
	struct diagnostics diags;
	struct memory_source source;
	struct config_file *files;
	struct node *tree;
};

static void
parse_files(struct parsed *p, const struct memory_file *files, size_t count, const char *globals)
{
	p->arena = arena_new(0);
	diagnostics_init(&p->diags, p->arena);
	p->source =
	    (struct memory_source){ { memory_read, memory_glob, memory_resolve }, files, count, 0 };
	p->tree = syntax_parse(&p->source.api, SPAN(MAIN_FILE), span_str(globals), p->arena,
	    &p->diags, &p->files);
}

static void
parse(struct parsed *p, const char *text)
{
	const struct memory_file file = { MAIN_FILE, text };

	parse_files(p, &file, 1, "");
}

/* "a b;c{d;}" */
static const char *
shown(struct arena *a, const struct node *list)
{
	struct span out = { NULL, 0 };

	for (const struct node *n = list; n; n = n->next) {
		for (unsigned i = 0; i < n->word_count; i++)
			out = arena_printf(a, SPAN_FMT "%s" SPAN_FMT, SPAN_ARG(out), i ? " " : "",
			    SPAN_ARG(n->words[i].text));
		out = n->is_block
			  ? arena_printf(a, SPAN_FMT "{%s}", SPAN_ARG(out), shown(a, n->children))
			  : arena_printf(a, SPAN_FMT ";", SPAN_ARG(out));
	}
	return arena_strdup(a, out);
}

static const char *
complaints(struct parsed *p)
{
	struct span out = { NULL, 0 };

	for (const struct diagnostic *d = p->diags.first; d; d = d->next)
		out = arena_printf(p->arena, SPAN_FMT SPAN_FMT "%s" SPAN_FMT "\n", SPAN_ARG(out),
		    SPAN_ARG(diagnostic_format(d, p->arena)), d->hint.n ? ": " : "",
		    SPAN_ARG(d->hint));
	return arena_strdup(p->arena, out);
}

static void
test_tree(void **state)
{
	struct parsed p;

	parse(&p, "a b\n c;\nd {\n e; f g { } }\n\"h\" \"\";");
	assert_string_equal(complaints(&p), "");
	assert_string_equal(shown(p.arena, p.tree), "a b c;d{e;f g{}}h ;");
	assert_int_equal(p.tree->line, 1);
	assert_int_equal(p.tree->end_line, 2);
	assert_int_equal(p.tree->words[2].line, 2);
	assert_int_equal(p.tree->next->line, 3);
	assert_int_equal(p.tree->next->end_line, 4);
	assert_true(p.tree->next->next->words[0].quoted);
	assert_false(p.tree->words[0].quoted);
	arena_free(p.arena);
}

static void
test_going_on(void **state)
{
	static const struct {
		const char *text, *tree, *complaints;
	} rows[] = {
		{ "a;; b;", "a;b;", "unexpected \";\" in /etc/t/t.conf:1\n" },
		{ "a; } b;", "a;b;", "unexpected \"}\" in /etc/t/t.conf:1\n" },
		{ "{ a; } b;", "b;", "unexpected \"{\" in /etc/t/t.conf:1\n" },
		{ "a { b\n } c;", "a{b;}c;",
		    "unexpected \"}\" in /etc/t/t.conf:2: is a \";\" missing at the end of line 1?\n" },
		{ "a { b;", "a{b;}",
		    "unexpected end of file, expecting \"}\" in /etc/t/t.conf:1: the block \"a\" opened in "
		    "line 1 is not closed\n" },
		{ "a;\nb c", "a;",
		    "unexpected end of file, expecting \";\" or \"}\" in /etc/t/t.conf:2: is a \";\" missing "
		    "at the end of line 2?\n" },
		{ "a {\n \"b;\n } c;", "a{}",
		    "unexpected end of file, expecting \";\" or \"}\" in /etc/t/t.conf:3: the \" opened in "
		    "line 2 is not closed\n" },
		{ "a \"b\"c; d;", "d;",
		    "unexpected \"c\" in /etc/t/t.conf:1: a blank or \";\" must follow the quote before it\n" },
		{ "include x { y; } z;", "z;",
		    "directive \"include\" is not terminated by \";\" in /etc/t/t.conf:1\n" },
		{ "include; z;", "z;",
		    "invalid number of arguments in \"include\" directive in /etc/t/t.conf:1\n" },
		{ "include nosuch; z;", "z;", "cannot open /etc/t/nosuch in /etc/t/t.conf:1\n" },
		{ "include nosuch*; z;", "z;", "" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct parsed p;

		parse(&p, rows[i].text);
		assert_string_equal(complaints(&p), rows[i].complaints);
		assert_string_equal(shown(p.arena, p.tree), rows[i].tree);
		arena_free(p.arena);
	}
}

/* The brace that is missing is not the last one's. */
static void
test_suspect(void **state)
{
	struct parsed p;

	parse(&p, "http {\n  server {\n    location / {\n      root x;\n  }\n  server {\n  }\n}\n");
	assert_string_equal(complaints(&p),
	    "unexpected end of file, expecting \"}\" in /etc/t/t.conf:9: the block \"location\" opened in "
	    "line 3 is not closed\n");
	arena_free(p.arena);
}

static void
test_include(void **state)
{
	static const struct memory_file files[] = {
		{ MAIN_FILE, "include sub/*.conf; x { include /abs/c; include /abs/c; }" },
		{ "/etc/t/sub/a.conf", "a;" },
		{ "/etc/t/sub/b.conf", "b { include sub/d; }" },
		{ "/etc/t/sub/d", "d;" },
		{ "/abs/c", "c;" },
	};
	struct parsed p;
	size_t count = 0;

	parse_files(&p, files, COUNT(files), "");
	assert_string_equal(complaints(&p), "");
	assert_string_equal(shown(p.arena, p.tree), "a;b{d;}x{c;c;}");
	assert_int_equal(p.source.reads, 5);
	for (const struct config_file *f = p.files; f; f = f->next)
		assert_int_equal(f->number, ++count);
	assert_int_equal(count, 5);
	assert_span(p.files->path, MAIN_FILE);
	assert_null(p.files->included_from);
	assert_span(p.files->next->path, "/etc/t/sub/a.conf");
	assert_ptr_equal(p.files->next->included_from, p.files);
	arena_free(p.arena);
}

/* A mistake in a file that is included twice is told once. */
static void
test_include_twice(void **state)
{
	static const struct memory_file files[] = {
		{ MAIN_FILE, "\ninclude a;\ninclude a;" },
		{ "/etc/t/a", "b;\n;" },
	};
	struct parsed p;

	parse_files(&p, files, COUNT(files), "");
	assert_string_equal(complaints(&p),
	    "unexpected \";\" in /etc/t/a:2 (included from /etc/t/t.conf:2)\n");
	assert_string_equal(shown(p.arena, p.tree), "b;b;");
	arena_free(p.arena);
}

static void
test_include_loop(void **state)
{
	static const struct memory_file files[] = {
		{ MAIN_FILE, "a;\ninclude b;" },
		{ "/etc/t/b", "\n\ninclude t.conf;\ninclude b; c;" },
	};
	struct parsed p;

	parse_files(&p, files, COUNT(files), "");
	assert_string_equal(complaints(&p),
	    "\"/etc/t/t.conf\" includes itself in /etc/t/b:3 (included from /etc/t/t.conf:2): "
	    "/etc/t/t.conf:2 includes /etc/t/b:3 includes /etc/t/t.conf\n"
	    "\"/etc/t/b\" includes itself in /etc/t/b:4 (included from /etc/t/t.conf:2): "
	    "/etc/t/b:4 includes /etc/t/b\n");
	assert_string_equal(shown(p.arena, p.tree), "a;c;");
	arena_free(p.arena);
}

static void
test_include_depth(void **state)
{
	struct memory_file files[30];
	static char paths[30][32], texts[30][32];
	struct parsed p;

	for (int i = 0; i < 30; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/etc/t/%d", i);
		snprintf(texts[i], sizeof(texts[i]), "include %d;", i + 1);
		files[i] = (struct memory_file){ i ? paths[i] : MAIN_FILE, texts[i] };
	}
	parse_files(&p, files, COUNT(files), "");
	assert_int_equal(p.diags.errors, 1);
	assert_span(p.diags.first->text, "files include each other more than 20 deep");
	arena_free(p.arena);
}

static void
test_block_depth(void **state)
{
	struct buf text;
	struct parsed p;

	buf_init(&text, 1 << 20);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_add_str(&text, "a{"), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_add_str(&text, "}"), 0);
	parse(&p, buf_str(&text));
	assert_string_equal(complaints(&p),
	    "blocks are nested more than 64 deep in /etc/t/t.conf:1\n");
	arena_free(p.arena);
	buf_release(&text);
}

static void
test_globals(void **state)
{
	static const struct memory_file files[] = { { MAIN_FILE, "b;" } };
	struct parsed p;

	parse_files(&p, files, 1, "a;");
	assert_string_equal(shown(p.arena, p.tree), "a;b;");
	assert_span(p.files->path, MAIN_FILE);
	assert_null(p.files->next);
	arena_free(p.arena);

	parse_files(&p, files, 1, "a");
	assert_string_equal(complaints(&p),
	    "unexpected end of parameter, expecting \";\" in command line: is a \";\" missing at the end "
	    "of line 1?\n");
	assert_string_equal(shown(p.arena, p.tree), "b;");
	arena_free(p.arena);

	parse_files(&p, files, 0, "a;");
	assert_string_equal(complaints(&p), "cannot open /etc/t/t.conf\n");
	assert_string_equal(shown(p.arena, p.tree), "a;");
	assert_null(p.files);
	arena_free(p.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_going_on),
		cmocka_unit_test(test_suspect),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_include_twice),
		cmocka_unit_test(test_include_loop),
		cmocka_unit_test(test_include_depth),
		cmocka_unit_test(test_block_depth),
		cmocka_unit_test(test_globals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
