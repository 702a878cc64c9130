/* SPDX-License-Identifier: ISC */
/* map, variable: values by values, evaluated late and once. */
#include "proxy/config/map.h"
#include "tests/unit/proxy/config/loaded.h"

static char source_text[64];

static struct span
get_source(void *subject, struct span arg)
{
	return span_str(source_text);
}

static const struct variable rows[] = { { .name = SPAN_INIT("source"), .get = get_source } };

static void
set_source(const char *s)
{
	(void)snprintf(source_text, sizeof(source_text), "%s", s);
}

struct world {
	struct arena *arena;
	struct variable_definitions definitions;
	struct variable_table table;
	struct map map;
	struct variable_store store;
};

static const struct template *
text(struct world *w, const char *s)
{
	struct err e = ERR_INIT;
	struct template *t = template_compile(&w->table, span_str(s), w->arena, &e);

	assert_non_null(t);
	return t;
}

static void
world_init(struct world *w)
{
	*w = (struct world){ .arena = arena_new(0) };
	variable_definitions_init(&w->definitions, w->arena);
	w->table = (struct variable_table){
		.rows = rows, .count = 1, .store = loaded_store, .definitions = &w->definitions
	};
	host_map_init(&w->map.texts, w->arena);
	w->map.source = text(w, "$source");
}

static void
add(struct world *w, const char *key, const char *value)
{
	assert_true(host_map_add(&w->map.texts, span_str(key), (void *)(uintptr_t)text(w, value)));
}

static void
check(struct world *w, const char *source, const char *value)
{
	set_source(source);
	variable_store_init(&w->store, w->arena, (unsigned)w->definitions.count);
	assert_span(map_value(&w->map, &w->store, &w->store), value);
}

static void
test_texts(void **state)
{
	struct world w;

	world_init(&w);
	check(&w, "x", "");
	add(&w, "a", "1");
	add(&w, "*.b", "2");
	w.map.empty = text(&w, "nothing");
	w.map.fallback = text(&w, "other $source");
	check(&w, "a", "1");
	check(&w, "A", "1");
	check(&w, "", "nothing");
	check(&w, "x.b", "other x.b");
	check(&w, "a.", "other a.");
	w.map.hostnames = true;
	check(&w, "x.B", "2");
	check(&w, "a.", "1");
	arena_free(w.arena);
}

static void
test_regexes(void **state)
{
	struct world w;
	struct matcher *m;
	struct map_regex regexes[2];

	world_init(&w);
	m = matcher_new(w.arena);
	regexes[0].regex = regex_compile(m, SPAN("^/(a+)(b)?$"), false, NULL);
	regexes[0].value = text(&w, "$1-$2");
	regexes[1].regex = regex_compile(m, SPAN("^/A"), true, NULL);
	regexes[1].value = text(&w, "[$1]");
	w.map.regexes = regexes;
	w.map.regex_count = 2;
	add(&w, "/aa", "text first");
	check(&w, "/aab", "aa-b");
	check(&w, "/a", "a-");
	check(&w, "/aa", "text first");
	check(&w, "/ac", "[]");
	check(&w, "/c", "");
	arena_free(w.arena);
}

static void
test_is_asked_once(void **state)
{
	struct world w;
	const struct variable *v;

	world_init(&w);
	w.map.fallback = text(&w, "<$source>");
	v = &variable_define_map(&w.table, SPAN("m"), &w.map)->variable;
	variable_store_init(&w.store, w.arena, 1);
	set_source("one");
	assert_span(variable_value(v, &w.store, SPAN("")), "<one>");
	set_source("two");
	assert_span(variable_value(v, &w.store, SPAN("")), "<one>");
	w.map.is_volatile = true;
	variable_store_init(&w.store, w.arena, 1);
	assert_span(variable_value(v, &w.store, SPAN("")), "<two>");
	set_source("three");
	assert_span(variable_value(v, &w.store, SPAN("")), "<three>");
	variable_assign(v, &w.store, SPAN("set"));
	assert_span(variable_value(v, &w.store, SPAN("")), "set");
	arena_free(w.arena);
}

static void
test_circle_ends(void **state)
{
	struct world w;
	const struct variable *v;

	world_init(&w);
	w.map.source = text(&w, "$m");
	w.map.fallback = text(&w, "x$m");
	v = &variable_define_map(&w.table, SPAN("m"), &w.map)->variable;
	variable_store_init(&w.store, w.arena, 1);
	assert_span(variable_value(v, &w.store, SPAN("")), "x");
	arena_free(w.arena);
}

static void
test_block(void **state)
{
	struct loaded *l =
	    load_clean("http { log_format f $later; map $host $later { hostnames; volatile;\n"
		       "default d; *.x 1; \\default 2; ~^(?<n>y) $n; \"\" e; } server { } }");

	unload(l);
}

static void
test_included_rows(void **state)
{
	static const struct memory_file files[] = {
		{ MAIN_FILE, "http { map $host $x { include rows; default d; } server { } }" },
		{ "/etc/t/rows", "a b; c d;" },
	};
	struct loaded *l = load_files(files, COUNT(files), "");

	assert_said(l, "");
	unload(l);
}

static void
test_refusals(void **state)
{
	static const struct refusal refusals[] = {
		{ "map $host { a b; }", "invalid number of arguments in \"map\" directive" },
		{ "map $host x { a b; }", "invalid variable name \"x\"" },
		{ "map $host $host { a b; }", "the duplicate \"host\" variable" },
		{ "map $nosuch $x { a b; }", "unknown \"nosuch\" variable" },
		{ "map $host $x { a; }", "invalid number of the map parameters" },
		{ "map $host $x { a b c; }", "invalid number of the map parameters" },
		{ "map $host $x { a b; A c; }", "conflicting parameter \"a\"" },
		{ "map $host $x { \"\" b; \"\" c; }", "conflicting parameter \"\"" },
		{ "map $host $x { default b; default c; }", "duplicate default map parameter" },
		{ "map $host $x { hostnames; a..b c; }", "invalid hostname or wildcard \"a..b\"" },
		{ "map $host $x { ~(a b; }",
		    "pcre2_compile() failed: missing closing parenthesis in \"(a\" at \"\"" },
		{ "map $host $x { ~ b; }", "empty regex in \"~\"" },
		{ "map $host $x { a { } }", "directive \"a\" is not terminated by \";\"" },
		{ "server { map $host $x { } }", "\"map\" directive is not allowed here" },
	};

	check_refusals("http { ", " server { } }", refusals, COUNT(refusals));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_regexes),
		cmocka_unit_test(test_is_asked_once),
		cmocka_unit_test(test_circle_ends),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_included_rows),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
