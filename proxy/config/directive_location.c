/* SPDX-License-Identifier: ISC */
/*
 * directive_location: the location block and the two blocks that stand in for it: limit_except, and
 * (directive_rewrite.c) if.
 */
#include "proxy/config/loader.h"
#include "proxy/config/route.h"

/* "= /x", "=/x", "^~ /x", "~ x", "~* x", "/x": the modifier may be glued to the path. */
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

static int
parse_location(struct loader *l, const struct node *n, struct location *location)
{
	const struct word *w = &n->words[n->word_count - 1];
	struct span path, modifier = take_modifier(n, &path);
	bool ignore_case = span_eq(modifier, SPAN("~*"));

	location->path = path;
	if (ignore_case || span_eq(modifier, SPAN("~"))) {
		location->kind = LOCATION_REGEX;
		location->regex = loader_regex(l, n, w, path, ignore_case);
		return location->regex ? 0 : -1;
	}
	if (span_eq(modifier, SPAN("="))) {
		location->kind = LOCATION_EXACT;
	} else if (span_eq(modifier, SPAN("^~"))) {
		location->no_regex = true;
	} else if (modifier.n > 0) {
		return loader_error(l, n, "invalid location modifier \"" SPAN_FMT "\"",
		    SPAN_ARG(modifier));
	} else if (span_starts(path, SPAN("@"))) {
		location->kind = LOCATION_NAMED;
		return 0;
	}
	if (path.n > 0 && path.p[0] != '/') {
		loader_warn(l, n, "location \"" SPAN_FMT "\" never matches", SPAN_ARG(path));
		diagnostic_hint(l->diags, "a path begins with \"/\"");
	}
	return 0;
}

/* May location stand inside outer? */
static int
check_nesting(struct loader *l, const struct node *n, const struct location *outer,
    const struct location *location)
{
	const char *kind = NULL;

	if (outer->kind == LOCATION_EXACT)
		kind = "exact";
	else if (outer->kind == LOCATION_NAMED)
		kind = "named";
	if (kind)
		return loader_error(l, n,
		    "location \"" SPAN_FMT "\" cannot be inside the %s location \"" SPAN_FMT "\"",
		    SPAN_ARG(location->path), kind, SPAN_ARG(outer->path));
	if (location->kind == LOCATION_NAMED)
		return loader_error(l, n,
		    "named location \"" SPAN_FMT "\" can be on the server level only",
		    SPAN_ARG(location->path));
	if (location->kind != LOCATION_REGEX && !span_starts(location->path, outer->path))
		return loader_error(l, n,
		    "location \"" SPAN_FMT "\" is outside location \"" SPAN_FMT "\"",
		    SPAN_ARG(location->path), SPAN_ARG(outer->path));
	return 0;
}

static bool
has_locations(const struct node *children)
{
	for (; children; children = children->next) {
		if (span_eq(children->words[0].text, SPAN("location")))
			return true;
	}
	return false;
}

static int
set_location(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct location *location = arena_zalloc(l->arena, sizeof(*location));
	struct location_index *inside = NULL;
	struct scope inner;
	int rc = parse_location(l, n, location);

	/* What is inside is looked at in any case. */
	if (has_locations(n->children))
		inside = location_index_new(l->arena);
	scope_init(&inner, s, CONTEXT_LOCATION, n);
	inner.location = location;
	inner.locations = inside;
	location->node = n;
	scope_load_simple(l, &inner, n->children);
	scope_load_blocks(l, &inner, n->children);
	if (inside)
		location_index_finish(inside);
	location->locations = inside;
	location->rewrite = rewrite_finish(&inner, n->children);
	location->settings = inner.location_settings;
	loader_use_settings(l, inner.location_settings);
	upstream_tls_finish(l, location);
	if (rc == 0 && s->location)
		rc = check_nesting(l, n, s->location, location);
	if (rc == 0 && !location_index_add(s->locations, location))
		rc = loader_error(l, n, "duplicate location \"" SPAN_FMT "\"",
		    SPAN_ARG(location->path));
	return rc;
}

static int
set_internal(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	s->location->internal = true;
	return 0;
}

/* status, metrics; of several of its kind the last one counts, as with all that answers in a location's stead. */
static int
set_report(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	s->location->report = span_eq(d->name, SPAN("status")) ? REPORT_STATUS : REPORT_METRICS;
	return 0;
}

static bool
has_method(const struct limit_except *limit, struct span method)
{
	for (size_t i = 0; i < limit->method_count; i++) {
		if (span_eq_nocase(limit->methods[i], method))
			return true;
	}
	return false;
}

static int
take_methods(struct loader *l, const struct node *n, struct limit_except *limit)
{
	static const struct span known[] = { SPAN_INIT("GET"), SPAN_INIT("HEAD"), SPAN_INIT("POST"),
		SPAN_INIT("PUT"), SPAN_INIT("DELETE"), SPAN_INIT("MKCOL"), SPAN_INIT("COPY"),
		SPAN_INIT("MOVE"), SPAN_INIT("OPTIONS"), SPAN_INIT("PROPFIND"),
		SPAN_INIT("PROPPATCH"), SPAN_INIT("LOCK"), SPAN_INIT("UNLOCK"),
		SPAN_INIT("PATCH") };
	struct span *methods = arena_array(l->arena, n->word_count, sizeof(*methods));
	size_t k;

	limit->methods = methods;
	for (unsigned i = 1; i < n->word_count; i++) {
		for (k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			if (span_eq_nocase(n->words[i].text, known[k]))
				break;
		}
		if (k == sizeof(known) / sizeof(known[0]))
			return loader_word_error(l, n, &n->words[i],
			    "invalid method \"" SPAN_FMT "\"", SPAN_ARG(n->words[i].text));
		methods[limit->method_count++] = known[k];
	}
	/* One slot was for the directive's name. */
	if (has_method(limit, SPAN("GET")) && !has_method(limit, SPAN("HEAD")))
		methods[limit->method_count++] = SPAN("HEAD");
	return 0;
}

/* limit_except METHOD... { ... }: the location's rewriting does not reach into it, nor is there any. */
static int
set_limit_except(struct loader *l, struct scope *s, const struct directive *d, const struct node *n)
{
	struct limit_except *limit = arena_zalloc(l->arena, sizeof(*limit));
	struct location *location = arena_zalloc(l->arena, sizeof(*location));
	struct scope inner;

	location->kind = LOCATION_BRANCH;
	location->path = s->location->path;
	location->proxy = s->location->proxy;
	location->report = s->location->report;
	location->node = n;
	scope_init(&inner, s, CONTEXT_LIMIT_EXCEPT, n);
	inner.location = location;
	scope_load_simple(l, &inner, n->children);
	location->settings = inner.location_settings;
	loader_use_settings(l, inner.location_settings);
	upstream_tls_finish(l, location);
	limit->location = location;
	s->location->limit_except = limit;
	return take_methods(l, n, limit);
}

static const struct directive rows[] = {
	{ SPAN_INIT("location"), CONTEXT_SERVER | CONTEXT_LOCATION, 1, 2,
	    DIRECTIVE_BLOCK | DIRECTIVE_MANY, .set = set_location },
	{ SPAN_INIT("internal"), CONTEXT_LOCATION, 0, 0, 0, .set = set_internal },
	{ SPAN_INIT("status"), CONTEXT_LOCATION, 0, 0, 0, .set = set_report },
	{ SPAN_INIT("metrics"), CONTEXT_LOCATION, 0, 0, 0, .set = set_report },
	{ SPAN_INIT("limit_except"), CONTEXT_LOCATION, 1, DIRECTIVE_ARGS_ANY, DIRECTIVE_BLOCK,
	    .set = set_limit_except },
};
const struct directive_table directive_location_table = { rows, sizeof(rows) / sizeof(rows[0]) };
