/* SPDX-License-Identifier: ISC */
/*
 * loader: what the setters share: messages, paths, values with variables, settings that are copied
 * on change, and the lists of files that a snapshot names.
 */
#include "proxy/config/loader.h"

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

struct template *
loader_template(struct loader *l, const struct node *n, const struct word *w)
{
	struct err e = ERR_INIT;
	struct template *t;

	t = template_compile(l->options->http_variables, w->text, l->arena, &e);
	if (!t) {
		loader_word_error(l, n, w, "%s", err_text(&e));
		if (e.hint)
			diagnostic_hint(l->diags, "%s", e.hint);
	}
	err_release(&e);
	return t;
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
	char *p = arena_strdup(l->arena, s);

	for (size_t i = 0; i < s.n; i++) {
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] |= 0x20;
	}
	return span_of(p, s.n);
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
	case SETTINGS_NONE:
		break;
	}
	return NULL;
}
