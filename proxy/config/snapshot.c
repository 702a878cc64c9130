/* SPDX-License-Identifier: ISC */
/*
 * snapshot: loading a whole configuration.
 *
 *	source -> syntax tree -> main: simple directives, then events and http -> snapshot
 *	                                                                        or mistakes
 */
#include "proxy/config/snapshot.h"

#include "proxy/config/loader.h"

#include <openssl/ssl.h>

static struct span
directory_of(struct span path)
{
	while (path.n > 0 && path.p[path.n - 1] != '/')
		path.n--;
	return path;
}

static void
loader_init(struct loader *l, struct snapshot *s, struct config_source *src,
    const struct snapshot_options *options, struct diagnostics *diags)
{
	*l = (struct loader){
		.snapshot = s,
		.arena = s->arena,
		.scratch = arena_new(0),
		.source = src,
		.options = options,
		.diags = diags,
		.conf_directory = directory_of(options->conf_path),
	};
	l->matcher = matcher_new(s->arena);
	l->variables = *options->http_variables;
	l->variables.definitions = &l->definitions;
	variable_definitions_init(&l->definitions, s->arena);
	directive_index_init(&l->directives, l->scratch);
	span_map_init(&l->log_files, l->scratch);
	span_map_init(&l->log_formats, l->scratch);
	span_map_init(&l->certificates, l->scratch);
	span_map_init(&l->dhparams, l->scratch);
	span_map_init(&l->upstreams, l->arena);
	span_map_init(&l->ciphers, l->scratch);
	span_map_init(&l->ticket_keys, l->scratch);
	span_map_init(&l->zones, l->scratch);
}

static void
load_main(struct loader *l)
{
	struct main_settings *m = &l->snapshot->main;
	struct scope s = { .context = CONTEXT_MAIN, .main = m };

	main_settings_init(l, m);
	scope_load_simple(l, &s, l->snapshot->tree);
	if (!m->error_log)
		m->error_log = error_log_default(l);
	loader_use_error_logs(l, m->error_log);
	scope_load_blocks(l, &s, l->snapshot->tree);
	endpoint_build(l);
}

static void
free_hook(void *arg)
{
	snapshot_free(arg);
}

struct snapshot *
snapshot_load(struct config_source *src, const struct snapshot_options *options,
    struct diagnostics *diags)
{
	const struct snapshot *unused;

	return snapshot_load_or_show(src, options, diags, &unused);
}

struct snapshot *
snapshot_load_or_show(struct config_source *src, const struct snapshot_options *options,
    struct diagnostics *diags, const struct snapshot **refused)
{
	struct arena *arena = arena_new(0);
	struct snapshot *s = arena_zalloc(arena, sizeof(*s));
	size_t before = diags->errors;
	struct loader l;

	s->arena = arena;
	s->prefix = arena_dup(arena, options->prefix);
	loader_init(&l, s, src, options, diags);
	s->tree = syntax_parse(src, options->conf_path, options->globals, arena, diags, &s->files);
	load_main(&l);
	s->upstream_names =
	    memcpy(arena_alloc(arena, sizeof(l.upstreams)), &l.upstreams, sizeof(l.upstreams));
	loader_check_mentions(&l);
	s->variable_count = (unsigned)l.definitions.count;
	SSL_CTX_free(l.tls);
	arena_free(l.scratch);
	diagnostics_sort(diags);
	*refused = NULL;
	if (diags->errors == before)
		return s;
	*refused = s;
	/* The diagnostics name files that live in here. */
	arena_on_free(diags->arena, free_hook, s);
	return NULL;
}

void
snapshot_free(struct snapshot *s)
{
	if (s)
		arena_free(s->arena);
}

const struct upstream_spec *
snapshot_upstream(const struct snapshot *s, struct span name)
{
	return span_map_get(s->upstream_names, name);
}

const struct upstream_spec *
snapshot_stream_upstream(const struct snapshot *s, struct span name)
{
	return s->stream_upstream_names ? span_map_get(s->stream_upstream_names, name) : NULL;
}
