/* SPDX-License-Identifier: ISC */
/*
 * directive_map: the map block. Its rows are no directives: the first word of each is what the
 * source is compared with.
 */
#include "proxy/config/loader.h"

static int
add_text(struct loader *l, struct map *map, const struct node *n, const struct template *value)
{
	struct span key = loader_lower(l, n->words[0].text);

	/* A backslash in front of what would mean something else. */
	if (span_starts(key, SPAN("\\")))
		key = span_after(key, 1);
	if (key.n == 0) {
		if (map->empty)
			return loader_error(l, n, "conflicting parameter \"\"");
		map->empty = value;
		return 0;
	}
	if (map->hostnames && !host_map_is_name(key))
		return loader_error(l, n, "invalid hostname or wildcard \"" SPAN_FMT "\"",
		    SPAN_ARG(key));
	/* The map does not look into its values. */
	if (map->hostnames ? !host_map_add(&map->texts, key, (void *)(uintptr_t)value)
			   : span_map_add(&map->texts.exact, key, (void *)(uintptr_t)value) != NULL)
		return loader_error(l, n, "conflicting parameter \"" SPAN_FMT "\"", SPAN_ARG(key));
	return 0;
}

static int
add_regex(struct loader *l, struct map *map, const struct node *n, const struct template *value)
{
	struct span pattern = span_after(n->words[0].text, 1);
	bool ignore_case = span_starts(pattern, SPAN("*"));
	struct map_regex row = { .value = value };

	if (ignore_case)
		pattern = span_after(pattern, 1);
	if (pattern.n == 0)
		return loader_error(l, n, "empty regex in \"" SPAN_FMT "\"",
		    SPAN_ARG(n->words[0].text));
	row.regex = loader_regex(l, n, &n->words[0], pattern, ignore_case);
	if (!row.regex)
		return -1;
	LOADER_APPEND(l->arena, map->regexes, map->regex_count, row);
	return 0;
}

/* "hostnames;" and "volatile;" hold for the whole map, wherever they stand. */
static bool
is_option(const struct node *n)
{
	return n->word_count == 1 && (span_eq(n->words[0].text, SPAN("hostnames")) ||
					 span_eq(n->words[0].text, SPAN("volatile")));
}

static void
read_options(struct map *map, const struct node *rows)
{
	for (; rows; rows = rows->next) {
		if (!is_option(rows))
			continue;
		map->hostnames |= rows->words[0].text.p[0] == 'h';
		map->is_volatile |= rows->words[0].text.p[0] == 'v';
	}
}

static int
add_row(struct loader *l, struct map *map, const struct node *n)
{
	const struct template *value;

	if (n->is_block)
		return loader_error(l, n, "directive \"" SPAN_FMT "\" is not terminated by \";\"",
		    SPAN_ARG(n->words[0].text));
	if (n->word_count != 2) {
		loader_error(l, n, "invalid number of the map parameters");
		diagnostic_hint(l->diags, "a row is a text or a \"~regex\", and its value");
		return -1;
	}
	value = loader_template(l, n, &n->words[1]);
	if (!value)
		return -1;
	if (span_eq(n->words[0].text, SPAN("default"))) {
		if (map->fallback)
			return loader_error(l, n, "duplicate default map parameter");
		map->fallback = value;
		return 0;
	}
	return span_starts(n->words[0].text, SPAN("~")) ? add_regex(l, map, n, value)
							: add_text(l, map, n, value);
}

/* map SOURCE $NAME { ... } */
static int
set_map(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct map *map = arena_zalloc(l->arena, sizeof(*map));
	int rc = 0;

	host_map_init(&map->texts, l->arena);
	map->source = loader_template(l, n, &n->words[1]);
	if (!map->source || !loader_define(l, n, &n->words[2], map))
		rc = -1;
	read_options(map, n->children);
	for (const struct node *row = n->children; row; row = row->next) {
		if (!is_option(row) && add_row(l, map, row) < 0)
			rc = -1;
	}
	return rc;
}

static const struct directive rows[] = {
	{ SPAN_INIT("map"), CONTEXT_HTTP | CONTEXT_STREAM, 2, 2,
	    DIRECTIVE_BLOCK | DIRECTIVE_MANY | DIRECTIVE_DEFINES, .set = set_map },
};
const struct directive_table directive_map_table = { rows, sizeof(rows) / sizeof(rows[0]) };
