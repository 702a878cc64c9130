/* SPDX-License-Identifier: ISC */
/*
 * loader: what the setters share: messages, paths, values with variables, settings that are copied
 * on change, and the lists of files that a snapshot names.
 */
#include "proxy/config/loader.h"

#include "proxy/config/suggest.h"

#include <limits.h>

#define UNUSED_INDEX UINT_MAX /* of a log file that nothing writes to yet */

int
loader_fail(struct loader *l, const struct node *n, const char *what)
{
	return loader_error(l, n, "\"" SPAN_FMT "\" directive %s", SPAN_ARG(n->words[0].text),
	    what);
}

/* "backlog=" in known stands for "backlog=511". */
static bool
names_parameter(const char *known, struct span word)
{
	struct span k = span_str(known);

	return span_ends(k, SPAN("=")) ? span_starts(word, k) : span_eq(word, k);
}

int
loader_bad_parameter(struct loader *l, const struct node *n, const struct word *w,
    const char *const *known)
{
	loader_word_error(l, n, w, "invalid parameter \"" SPAN_FMT "\"", SPAN_ARG(w->text));
	for (; known && *known; known++) {
		if (names_parameter(*known, w->text))
			diagnostic_hint(l->diags, "\"%s\" in \"" SPAN_FMT "\" is not supported yet",
			    *known, SPAN_ARG(n->words[0].text));
	}
	return -1;
}

void *
loader_room(struct arena *arena, void *array, size_t count, size_t size)
{
	void *more;

	/* Full exactly at powers of two. */
	if (count > 0 && (count & (count - 1)) != 0)
		return array;
	more = arena_array(arena, count ? count * 2 : 1, size);
	if (count > 0)
		memcpy(more, array, count * size);
	return more;
}

static void
note_mentions(struct loader *l, const struct node *n, const struct word *w,
    const struct template *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct variable *v = t->parts[i].var;

		if (v && v->defined && !v->defined->is_defined && !v->defined->family) {
			const struct mention m = { v->defined, n, w->line };

			LOADER_APPEND(l->scratch, l->mentions, l->mention_count, m);
		}
	}
}

static void
tell_word(struct loader *l, const struct node *n, const struct word *w, struct err *e)
{
	loader_word_error(l, n, w, "%s", err_text(e));
	if (e->hint)
		diagnostic_hint(l->diags, "%s", e->hint);
}

struct template *
loader_template_of(struct loader *l, const struct node *n, const struct word *w, struct span text)
{
	struct err e = ERR_INIT;
	struct template *t = template_compile(&l->variables, text, l->arena, &e);

	if (t)
		note_mentions(l, n, w, t);
	else
		tell_word(l, n, w, &e);
	err_release(&e);
	return t;
}

struct template *
loader_template(struct loader *l, const struct node *n, const struct word *w)
{
	return loader_template_of(l, n, w, w->text);
}

const struct variable *
loader_define(struct loader *l, const struct node *n, const struct word *w, const struct map *map)
{
	const struct defined_variable *d;
	const struct variable *v;
	struct span name;

	if (w->text.n < 2 || w->text.p[0] != '$') {
		loader_word_error(l, n, w, "invalid variable name \"" SPAN_FMT "\"",
		    SPAN_ARG(w->text));
		diagnostic_hint(l->diags, "a variable is written \"$name\"");
		return NULL;
	}
	name = span_after(w->text, 1);
	if (map) {
		d = variable_define_map(&l->variables, name, map);
		v = d ? &d->variable : NULL;
	} else {
		v = variable_define_set(&l->variables, name);
	}
	if (!v)
		loader_word_error(l, n, w, "the duplicate \"" SPAN_FMT "\" variable",
		    SPAN_ARG(name));
	return v;
}

struct regex *
loader_regex(struct loader *l, const struct node *n, const struct word *w, struct span pattern,
    bool ignore_case)
{
	struct err e = ERR_INIT;
	struct regex *re = regex_compile(l->matcher, pattern, ignore_case, &e);

	if (!re)
		tell_word(l, n, w, &e);
	for (unsigned i = 0; re && i < re->name_count; i++) {
		re->names[i].variable = variable_define_group(&l->variables, re->names[i].name);
		if (!re->names[i].variable) {
			loader_word_error(l, n, w, "the duplicate \"" SPAN_FMT "\" variable",
			    SPAN_ARG(re->names[i].name));
			re = NULL;
			break;
		}
	}
	err_release(&e);
	return re;
}

static void
suggest_variable(struct loader *l, struct span name)
{
	struct suggestion s;

	suggestion_init(&s, name);
	variable_offer(&l->variables, &s);
	for (size_t i = 0; i < l->definitions.count; i++) {
		if (l->definitions.all[i]->is_defined)
			suggestion_offer(&s, l->definitions.all[i]->variable.name);
	}
	if (s.best.n > 0)
		diagnostic_hint(l->diags, "did you mean \"$" SPAN_FMT "\"?", SPAN_ARG(s.best));
}

void
loader_check_mentions(struct loader *l)
{
	for (size_t i = 0; i < l->mention_count; i++) {
		const struct mention *m = &l->mentions[i];
		const struct word at = { .line = m->line };

		if (m->variable->is_defined)
			continue;
		loader_word_error(l, m->node, &at, "unknown \"" SPAN_FMT "\" variable",
		    SPAN_ARG(m->variable->variable.name));
		suggest_variable(l, m->variable->variable.name);
	}
}

int
loader_check_literal(struct loader *l, const struct node *n, const struct word *w)
{
	if (span_find(w->text, '$') < 0)
		return 0;
	return loader_word_error(l, n, w,
	    "variables in \"" SPAN_FMT "\" are not supported yet: \"" SPAN_FMT "\"",
	    SPAN_ARG(n->words[0].text), SPAN_ARG(w->text));
}

static struct span
resolve(struct loader *l, struct span directory, struct span path)
{
	if (path.n > 0 && path.p[0] == '/')
		return path;
	return arena_printf(l->arena, SPAN_FMT SPAN_FMT, SPAN_ARG(directory), SPAN_ARG(path));
}

struct span
loader_path(struct loader *l, struct span path)
{
	return resolve(l, l->options->prefix, path);
}

struct span
loader_conf_path(struct loader *l, struct span path)
{
	return resolve(l, l->conf_directory, path);
}

struct span
loader_lower(struct loader *l, struct span s)
{
	return arena_lower(l->arena, s);
}

struct log_file *
loader_log_file(struct loader *l, struct span path)
{
	struct log_file *f = span_map_get(&l->log_files, path);

	if (f)
		return f;
	f = arena_zalloc(l->arena, sizeof(*f));
	f->path = path;
	f->index = UNUSED_INDEX;
	span_map_add(&l->log_files, path, f);
	return f;
}

static void
loader_use_log_file(struct loader *l, const struct log_file *file)
{
	struct log_file *f = span_map_get(&l->log_files, file->path);
	struct snapshot *s = l->snapshot;

	if (f->index != UNUSED_INDEX)
		return;
	f->index = (unsigned)s->log_file_count;
	LOADER_APPEND(l->arena, s->log_files, s->log_file_count, f);
}

void
loader_use_error_logs(struct loader *l, const struct error_log *log)
{
	for (; log; log = log->next)
		loader_use_log_file(l, log->file);
}

void
loader_use_logs(struct loader *l, const struct location_settings *settings)
{
	for (const struct access_log *a = settings->access_logs; a; a = a->next) {
		if (a->file)
			loader_use_log_file(l, a->file);
	}
	loader_use_error_logs(l, settings->error_log);
}

void
loader_use_settings(struct loader *l, const struct location_settings *settings)
{
	loader_use_logs(l, settings);
	loader_check_buffers(l, &settings->proxy);
	loader_use_temp_path(l, &settings->body.temp_path);
	loader_use_temp_path(l, &settings->proxy.temp_path);
}

void
scope_init(struct scope *s, const struct scope *parent, unsigned context, const struct node *n)
{
	*s = (struct scope){
		.context = context,
		.node = n,
		.main = parent->main,
		.server_settings = parent->server_settings,
		.location_settings = parent->location_settings,
		.stream_settings = parent->stream_settings,
		.server = parent->server,
		.locations = parent->locations,
		.certificates = parent->certificates,
		.certificate_keys = parent->certificate_keys,
		.ssl = parent->ssl,
	};
}

struct server_settings *
scope_server_settings(struct loader *l, struct scope *s)
{
	struct server_settings *own;

	if (!s->owns_server_settings) {
		own = arena_alloc(l->arena, sizeof(*own));
		*own = *s->server_settings;
		s->server_settings = own;
		s->owns_server_settings = true;
	}
	return s->server_settings;
}

struct location_settings *
scope_location_settings(struct loader *l, struct scope *s)
{
	struct location_settings *own;

	if (!s->owns_location_settings) {
		own = arena_alloc(l->arena, sizeof(*own));
		*own = *s->location_settings;
		s->location_settings = own;
		s->owns_location_settings = true;
	}
	return s->location_settings;
}

void *
scope_settings(struct loader *l, struct scope *s, enum settings_group group)
{
	switch (group) {
	case SETTINGS_MAIN:
		return s->main;
	case SETTINGS_SERVER:
		return scope_server_settings(l, s);
	case SETTINGS_LOCATION:
		return scope_location_settings(l, s);
	case SETTINGS_UPSTREAM:
		return s->upstream;
	case SETTINGS_STREAM:
		return scope_stream_settings(l, s);
	case SETTINGS_NONE:
		break;
	}
	return NULL;
}
