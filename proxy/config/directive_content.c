/* SPDX-License-Identifier: ISC */
/*
 * directive_content: what may be said about content: where files are, their types, and what is
 * answered in place of an error.
 */
#include "proxy/config/loader.h"

#include <stdlib.h>

/* A path with variables: those below its last "/" before the first variable may be read. */
static void
add_tree(struct loader *l, struct span path, bool literal)
{
	ptrdiff_t dollar = literal ? -1 : span_find(path, '$');

	if (dollar >= 0) {
		path.n = (size_t)dollar;
		while (path.n > 0 && path.p[path.n - 1] != '/')
			path.n--;
		if (path.n == 0)
			return;
	}
	LOADER_APPEND(l->arena, l->snapshot->trees, l->snapshot->tree_count, path);
}

static const struct document_root *
root_new(struct loader *l, const struct template *path, size_t alias)
{
	struct document_root *root = arena_alloc(l->arena, sizeof(*root));

	*root = (struct document_root){ path, alias };
	add_tree(l, path->source, path->literal);
	return root;
}

const struct document_root *
document_root_default(struct loader *l)
{
	/* Not compiled: a "$" in the prefix is only a character. */
	return root_new(l, template_literal(loader_path(l, SPAN("html")), l->arena), 0);
}

/* $document_root is made of root, so root cannot be made of it. */
static int
check_variables(struct loader *l, const struct node *n, const struct template *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct variable *v = t->parts[i].var;

		if (v && (span_eq(v->name, SPAN("document_root")) ||
			     span_eq(v->name, SPAN("realpath_root"))))
			return loader_error(l, n,
			    "the $" SPAN_FMT " variable cannot be used in the \"" SPAN_FMT
			    "\" directive",
			    SPAN_ARG(v->name), SPAN_ARG(n->words[0].text));
	}
	return 0;
}

/* Of root or alias, which exclude each other within a block. */
static int
set_path(struct loader *l, struct scope *s, const struct node *n, size_t alias)
{
	struct span path = n->words[1].text;
	struct template *t;

	if (s->path_node)
		return loader_error(l, n,
		    "\"" SPAN_FMT "\" directive is duplicate, \"" SPAN_FMT
		    "\" directive was specified earlier",
		    SPAN_ARG(n->words[0].text), SPAN_ARG(s->path_node->words[0].text));
	s->path_node = n;
	if (span_find(path, '\0') >= 0)
		return loader_fail(l, n, "invalid value");
	if (path.n > 0 && path.p[0] != '$')
		path = loader_path(l, path);
	while (alias == 0 && path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	t = loader_template_of(l, n, &n->words[1], path);
	if (!t || check_variables(l, n, t) < 0)
		return -1;
	scope_location_settings(l, s)->root = root_new(l, t, alias);
	return 0;
}

static int
set_root(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	return set_path(l, s, n, 0);
}

static int
set_alias(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	if (s->location->kind == LOCATION_NAMED)
		return loader_error(l, n,
		    "the \"alias\" directive cannot be used inside the named location");
	if (n->words[1].text.n == 0)
		return loader_fail(l, n, "invalid value");
	return set_path(l, s, n,
	    s->location->kind == LOCATION_REGEX ? ALIAS_WHOLE : s->location->path.n);
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
		const struct template *t = loader_template(l, n, &n->words[i]);

		if (!t)
			return -1;
		if (name.n == 0)
			return loader_error(l, n, "index \"\" in \"index\" directive is invalid");
		if (name.p[0] == '/' && i + 1 < n->word_count)
			loader_warn(l, n,
			    "only the last index in \"index\" directive should be absolute");
		LOADER_APPEND(l->arena, ls->index, ls->index_count, t);
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

/* "=404", the last word of try_files. */
static int
parse_code(struct loader *l, const struct node *n, const struct word *w, unsigned *status)
{
	uint64_t code;

	if (span_to_u64(span_after(w->text, 1), 999, &code) < 0)
		return loader_word_error(l, n, w, "invalid code \"" SPAN_FMT "\"",
		    SPAN_ARG(w->text));
	*status = (unsigned)code;
	return 0;
}

/* try_files FILE... URI|=CODE */
static int
set_try_files(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location *location = s->location ? s->location : &s->server->root_location;
	struct try_files *tf = arena_zalloc(l->arena, sizeof(*tf));
	const struct word *last = &n->words[n->word_count - 1];

	tf->files = arena_array(l->arena, n->word_count, sizeof(const struct template *));
	tf->directories = arena_array(l->arena, n->word_count, sizeof(*tf->directories));
	for (unsigned i = 1; i + 1 < n->word_count; i++) {
		struct span text = n->words[i].text;

		if (text.n > 0 && text.p[text.n - 1] == '/') {
			tf->directories[tf->count] = true;
			text.n--;
		}
		tf->files[tf->count] = loader_template_of(l, n, &n->words[i], text);
		if (!tf->files[tf->count++])
			return -1;
	}
	location->try_files = tf;
	if (span_starts(last->text, SPAN("=")))
		return parse_code(l, n, last, &tf->status);
	tf->uri = loader_template(l, n, last);
	return tf->uri ? 0 : -1;
}

/* The statuses between error_page and what is answered for them. */
static int
add_error_codes(struct loader *l, struct location_settings *ls, const struct node *n,
    unsigned count, const struct error_target *target)
{
	const struct error_target **tail = &ls->error_pages;

	while (*tail)
		tail = (const struct error_target **)(uintptr_t) & (*tail)->next;
	for (unsigned i = 1; i <= count; i++) {
		struct error_target *one = arena_alloc(l->arena, sizeof(*one));
		uint64_t code = 0;

		*one = *target;
		if (span_to_u64(n->words[i].text, 999, &code) < 0 || code == 499)
			return loader_word_error(l, n, &n->words[i],
			    "invalid value \"" SPAN_FMT "\"", SPAN_ARG(n->words[i].text));
		if (code < 300 || code > 599)
			return loader_word_error(l, n, &n->words[i],
			    "value \"" SPAN_FMT "\" must be between 300 and 599",
			    SPAN_ARG(n->words[i].text));
		one->status = (unsigned)code;
		*tail = one;
		tail = (const struct error_target **)(uintptr_t)&one->next;
	}
	return 0;
}

/* error_page CODE... [=[CODE]] URI */
static int
set_error_page(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location_settings *ls = scope_location_settings(l, s);
	const struct word *answer = &n->words[n->word_count - 2];
	struct error_target target = { .answer = -1 };
	unsigned count = n->word_count - 2;
	uint64_t code = 0;

	if (s->first)
		ls->error_pages = NULL;
	if (span_starts(answer->text, SPAN("="))) {
		if (answer->text.n > 1 && span_to_u64(span_after(answer->text, 1), 999, &code) < 0)
			return loader_word_error(l, n, answer, "invalid value \"" SPAN_FMT "\"",
			    SPAN_ARG(answer->text));
		target.answer = (int)code;
		count--;
	}
	if (count == 0)
		return loader_error(l, n,
		    "invalid number of arguments in \"error_page\" directive");
	target.uri = loader_template(l, n, &n->words[n->word_count - 1]);
	if (!target.uri)
		return -1;
	return add_error_codes(l, ls, n, count, &target);
}

#define CONTEXT_HTTP_IF (CONTEXT_HTTP_ALL | CONTEXT_LOCATION_IF)

static const struct directive rows[] = {
	{ SPAN_INIT("root"), CONTEXT_HTTP_IF, 1, 1, DIRECTIVE_MANY, .set = set_root },
	{ SPAN_INIT("alias"), CONTEXT_LOCATION, 1, 1, DIRECTIVE_MANY, .set = set_alias },
	{ SPAN_INIT("index"), CONTEXT_HTTP_ALL, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = set_index },
	{ SPAN_INIT("types"), CONTEXT_HTTP_ALL, 0, 0,
	    DIRECTIVE_BLOCK | DIRECTIVE_MANY | DIRECTIVE_DEFINES, .set = set_types },
	{ SPAN_INIT("default_type"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_word,
	    LOCATION_FIELD(struct span, default_type) },
	{ SPAN_INIT("try_files"), CONTEXT_SERVER | CONTEXT_LOCATION, 2, DIRECTIVE_ARGS_ANY, 0,
	    .set = set_try_files },
	{ SPAN_INIT("error_page"), CONTEXT_HTTP_IF, 2, DIRECTIVE_ARGS_ANY, DIRECTIVE_MANY,
	    .set = set_error_page },
	{ SPAN_INIT("recursive_error_pages"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_flag,
	    LOCATION_FIELD(bool, recursive_error_pages) },
	{ SPAN_INIT("absolute_redirect"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_flag,
	    LOCATION_FIELD(bool, absolute_redirect) },
	{ SPAN_INIT("server_name_in_redirect"), CONTEXT_HTTP_ALL, 1, 1, 0,
	    .set = directive_set_flag, LOCATION_FIELD(bool, server_name_in_redirect) },
	{ SPAN_INIT("port_in_redirect"), CONTEXT_HTTP_ALL, 1, 1, 0, .set = directive_set_flag,
	    LOCATION_FIELD(bool, port_in_redirect) },
};
const struct directive_table directive_content_table = { rows, sizeof(rows) / sizeof(rows[0]) };
