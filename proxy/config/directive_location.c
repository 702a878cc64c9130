/* SPDX-License-Identifier: ISC */
/*
 * directive_location: the location block, and what may be said about content: files, types,
 * return, headers.
 */
#include "proxy/config/loader.h"
#include "proxy/config/route.h"

#include <stdlib.h>

/* "= /x", "=/x", "^~ /x", "/x": the modifier may be glued to the path. */
static struct span
take_modifier(const struct node *n, struct span *path)
{
	static const struct span modifiers[] = { SPAN_INIT("="), SPAN_INIT("^~"), SPAN_INIT("~*"),
		SPAN_INIT("~") };

	*path = n->words[n->word_count - 1].text;
	if (n->word_count == 3)
		return n->words[1].text;
	for (size_t i = 0; i < sizeof(modifiers) / sizeof(modifiers[0]); i++) {
		if (span_starts(*path, modifiers[i])) {
			*path = span_after(*path, modifiers[i].n);
			return modifiers[i];
		}
	}
	return SPAN("");
}

/* With no regexes, "^~" is a plain prefix. */
static int
parse_location(struct loader *l, const struct node *n, struct location *location)
{
	struct span path, modifier = take_modifier(n, &path);

	if (span_eq(modifier, SPAN("~")) || span_eq(modifier, SPAN("~*")))
		return loader_error(l, n,
		    "regular expressions in \"location\" are not supported yet: \"" SPAN_FMT "\"",
		    SPAN_ARG(path));
	if (span_starts(path, SPAN("@")))
		return loader_error(l, n, "named locations are not supported yet: \"" SPAN_FMT "\"",
		    SPAN_ARG(path));
	if (modifier.n > 0 && !span_eq(modifier, SPAN("=")) && !span_eq(modifier, SPAN("^~")))
		return loader_error(l, n, "invalid location modifier \"" SPAN_FMT "\"",
		    SPAN_ARG(modifier));
	location->kind = span_eq(modifier, SPAN("=")) ? LOCATION_EXACT : LOCATION_PREFIX;
	location->path = path;
	if (path.n > 0 && path.p[0] != '/') {
		loader_warn(l, n, "location \"" SPAN_FMT "\" never matches", SPAN_ARG(path));
		diagnostic_hint(l->diags, "a path begins with \"/\"");
	}
	return 0;
}

static int
set_location(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location *location = arena_zalloc(l->arena, sizeof(*location));
	struct scope inner;
	int rc = parse_location(l, n, location);

	/* What is inside is looked at in any case. */
	scope_init(&inner, s, CONTEXT_LOCATION, n);
	inner.location = location;
	location->node = n;
	scope_load_simple(l, &inner, n->children);
	scope_load_blocks(l, &inner, n->children);
	location->settings = inner.location_settings;
	loader_use_logs(l, inner.location_settings);
	if (rc == 0 && !location_index_add(s->locations, location))
		rc = loader_error(l, n, "duplicate location \"" SPAN_FMT "\"",
		    SPAN_ARG(location->path));
	return rc;
}

/* root and alias exclude each other within a block. */
static int
claim_path(struct loader *l, struct scope *s, const struct node *n)
{
	if (s->path_node)
		return loader_error(l, n,
		    "\"" SPAN_FMT "\" directive is duplicate, \"" SPAN_FMT
		    "\" directive was specified earlier",
		    SPAN_ARG(n->words[0].text), SPAN_ARG(s->path_node->words[0].text));
	s->path_node = n;
	return loader_check_literal(l, n, &n->words[1]);
}

static int
set_root(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct span path;

	if (claim_path(l, s, n) < 0)
		return -1;
	path = loader_path(l, n->words[1].text);
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	scope_location_settings(l, s)->root = path;
	LOADER_APPEND(l->arena, l->snapshot->trees, l->snapshot->tree_count, path);
	return 0;
}

static int
set_alias(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (claim_path(l, s, n) < 0)
		return -1;
	if (n->words[1].text.n == 0)
		return loader_fail(l, n, "invalid value");
	s->location->alias = loader_path(l, n->words[1].text);
	LOADER_APPEND(l->arena, l->snapshot->trees, l->snapshot->tree_count, s->location->alias);
	return 0;
}

static int
set_index(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location_settings *ls = scope_location_settings(l, s);

	if (s->first) {
		ls->index = NULL;
		ls->index_count = 0;
	}
	for (unsigned i = 1; i < n->word_count; i++) {
		struct span name = n->words[i].text;

		if (loader_check_literal(l, n, &n->words[i]) < 0)
			return -1;
		if (name.n == 0)
			return loader_error(l, n, "index \"\" in \"index\" directive is invalid");
		if (name.p[0] == '/' && i + 1 < n->word_count)
			loader_warn(l, n,
			    "only the last index in \"index\" directive should be absolute");
		LOADER_APPEND(l->arena, ls->index, ls->index_count, name);
	}
	return 0;
}

static int
type_compare(const void *a, const void *b)
{
	const struct mime_type *x = a, *y = b;
	size_t n = x->extension.n < y->extension.n ? x->extension.n : y->extension.n;
	int order = n ? memcmp(x->extension.p, y->extension.p, n) : 0;

	return order ? order
		     : (x->extension.n > y->extension.n) - (x->extension.n < y->extension.n);
}

/* A later type for the same extension replaces the earlier one. */
static void
add_type(struct loader *l, struct span_map *seen, const struct node *n, struct span extension,
    struct mime_type *entry)
{
	struct mime_type *old;

	entry->extension = loader_lower(l, extension);
	entry->type = n->words[0].text;
	old = span_map_add(seen, entry->extension, entry);
	if (!old)
		return;
	if (!span_eq(old->type, entry->type))
		loader_warn(l, n,
		    "duplicate extension \"" SPAN_FMT "\", content type: \"" SPAN_FMT
		    "\", previous content type: \"" SPAN_FMT "\"",
		    SPAN_ARG(extension), SPAN_ARG(entry->type), SPAN_ARG(old->type));
	old->type = entry->type;
	entry->extension.n = 0; /* none of its own */
}

static size_t
count_extensions(struct loader *l, const struct node *types)
{
	size_t count = 0;

	for (const struct node *n = types; n; n = n->next) {
		if (n->is_block)
			loader_error(l, n, "directive \"" SPAN_FMT "\" is not terminated by \";\"",
			    SPAN_ARG(n->words[0].text));
		else if (n->word_count < 2)
			loader_error(l, n, "invalid number of arguments in \"types\" block");
		count += n->word_count - 1;
	}
	return count;
}

/* types { TYPE EXTENSION...; ... }: blocks of one level add up. */
static int
set_types(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location_settings *ls = scope_location_settings(l, s);
	size_t count = s->first ? 0 : ls->type_count, kept = 0;
	struct mime_type *all =
	    arena_array(l->arena, count + count_extensions(l, n->children), sizeof(*all));
	struct span_map seen;

	span_map_init(&seen, l->arena);
	for (size_t i = 0; i < count; i++) {
		all[i] = ls->types[i];
		span_map_add(&seen, all[i].extension, &all[i]);
	}
	for (const struct node *row = n->children; row; row = row->next) {
		for (unsigned i = 1; i < row->word_count; i++)
			add_type(l, &seen, row, row->words[i].text, &all[count++]);
	}
	for (size_t i = 0; i < count; i++) {
		if (all[i].extension.n > 0)
			all[kept++] = all[i];
	}
	if (kept > 1)
		qsort(all, kept, sizeof(*all), type_compare);
	ls->types = all;
	ls->type_count = kept;
	return 0;
}

static int
parse_return(struct loader *l, const struct node *n, unsigned *status, const struct word **text)
{
	struct span first = n->words[1].text;
	uint64_t code;

	if (span_to_u64(first, 999, &code) == 0 && code >= 200) {
		*status = (unsigned)code;
		*text = n->word_count == 3 ? &n->words[2] : NULL;
		return 0;
	}
	if (n->word_count == 2 &&
	    (span_starts(first, SPAN("http://")) || span_starts(first, SPAN("https://")) ||
		span_starts(first, SPAN("$scheme")))) {
		*status = 302;
		*text = &n->words[1];
		return 0;
	}
	return loader_error(l, n, "invalid return code \"" SPAN_FMT "\"", SPAN_ARG(first));
}

/* return CODE | CODE TEXT | CODE URL | URL */
static int
set_return(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct return_action *action = arena_zalloc(l->arena, sizeof(*action));
	const struct return_action **slot = s->location ? &s->location->ret : &s->server->ret;
	const struct word *text = NULL;

	if (parse_return(l, n, &action->status, &text) < 0)
		return -1;
	if (text) {
		action->text = loader_template(l, n, text);
		if (!action->text)
			return -1;
	}
	if (*slot)
		loader_warn(l, n, "\"return\" is never reached: there is another one before it");
	else
		*slot = action;
	return 0;
}

static const struct directive rows[] = {
	{ SPAN_INIT("location"), CONTEXT_SERVER, 1, 2, DIRECTIVE_BLOCK | DIRECTIVE_MANY,
	    .set = set_location },
	{ SPAN_INIT("root"), CONTEXT_HTTP_ALL, 1, 1, DIRECTIVE_MANY, .set = set_root },
	{ SPAN_INIT("alias"), CONTEXT_LOCATION, 1, 1, DIRECTIVE_MANY, .set = set_alias },
	{ SPAN_INIT("index"), CONTEXT_HTTP_ALL, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = set_index },
	{ SPAN_INIT("types"), CONTEXT_HTTP_ALL, 0, 0,
	    DIRECTIVE_BLOCK | DIRECTIVE_MANY | DIRECTIVE_DEFINES, .set = set_types },
	{ SPAN_INIT("default_type"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_word,
	    LOCATION_FIELD(struct span, default_type) },
	{ SPAN_INIT("return"), CONTEXT_SERVER | CONTEXT_LOCATION, 1, 2, DIRECTIVE_MANY,
	    .set = set_return },
};
const struct directive_table directive_location_table = { rows, sizeof(rows) / sizeof(rows[0]) };
